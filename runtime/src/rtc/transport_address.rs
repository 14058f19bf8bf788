//! An address with the protocol of its port: what ICE calls a transport address (RFC 8445 §4), of ours or of a peer.

use std::net::{IpAddr, SocketAddr};

pub(super) use rtc::shared::TransportProtocol;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TransportAddress {
    pub socket: SocketAddr,
    pub protocol: TransportProtocol,
    /// Of a peer: what leads there, if it is not the port that all share.
    pub through: Option<Through>,
}

/// A way that one peer has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Through {
    /// That port of ours.
    Port(u16),
    /// The relay of whoever has that port of ours.
    Relay(u16),
}

impl TransportAddress {
    pub const fn new(socket: SocketAddr, protocol: TransportProtocol) -> Self {
        Self { socket, protocol, through: None }
    }

    pub const fn udp(socket: SocketAddr) -> Self {
        Self::new(socket, TransportProtocol::UDP)
    }

    pub const fn tcp(socket: SocketAddr) -> Self {
        Self::new(socket, TransportProtocol::TCP)
    }

    pub const fn through(self, through: Option<Through>) -> Self {
        Self { through, ..self }
    }

    pub fn is_udp(&self) -> bool {
        self.protocol == TransportProtocol::UDP
    }

    /// Of a peer: which of the addresses that we announce it has reached, at its own port if it has one. The stack knows no others,
    /// and behind a NAT the socket sees another. By a relay, the connection knows.
    pub fn reached(self, announced: &[Self], local: Option<IpAddr>) -> SocketAddr {
        let mut all = announced.iter().filter(|address| address.protocol == self.protocol);
        let exact = all.clone().find(|address| Some(address.socket.ip()) == local);
        let same_family = || all.clone().find(|address| address.socket.is_ipv4() == self.socket.is_ipv4());
        let known = exact.or_else(same_family).or(all.next()).map_or(self.socket, |address| address.socket);
        match self.through {
            Some(Through::Port(port)) => SocketAddr::new(known.ip(), port),
            Some(Through::Relay(_)) | None => known,
        }
    }
}
