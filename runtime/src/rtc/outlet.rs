//! Ports of our own, one for each server that we publish to.
//!
//! Servers take all streams at one port, and of what comes from there nothing says whose it is (only checks name a user fragment,
//! and not each server checks): each stream leaves from another port of ours. Nobody is told of one but its server, and nobody else
//! has to reach it: it is we who go there.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::reception::Reception;
use super::socket::Socket;
use super::transport_address::TransportAddress;

/// Where they are opened.
#[derive(Clone)]
pub(super) struct Outlets {
    ip: IpAddr,
    reception: Reception,
}

/// One of them. Dropped, it is closed.
pub struct Outlet {
    pub(super) socket: Socket,
    _reading: DropGuard,
}

impl Outlets {
    pub fn new(ip: IpAddr, reception: Reception) -> Self {
        Self { ip, reception }
    }

    /// Any port that is free.
    pub fn open(&self) -> io::Result<Outlet> {
        let socket = Socket::bind(SocketAddr::new(self.ip, 0))?.unhurried();
        let (end, reader) = (CancellationToken::new(), socket.reader());
        let (reading, until) = (self.reception.clone().read_through(reader), end.clone());
        tokio::spawn(async move { until.run_until_cancelled(reading).await });
        Ok(Outlet { socket, _reading: end.drop_guard() })
    }
}

impl Outlet {
    pub(super) fn port(&self) -> u16 {
        self.socket.local_addr().port()
    }

    /// The same addresses, with this port.
    pub(super) fn announced(&self, announced: &[TransportAddress]) -> Vec<TransportAddress> {
        let udp = announced.iter().filter(|address| address.is_udp());
        udp.map(|address| TransportAddress::udp(SocketAddr::new(address.socket.ip(), self.port()))).collect()
    }
}
