//! Ports for what is started with a port that was chosen before.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::{LazyLock, Mutex};

/// Below those that the kernel gives to whoever asks for any: between being chosen and being opened, none of these becomes the port
/// that something of another test connects from.
const PORTS: Range<u16> = 12_000..30_000;
const TRIES: usize = 100;

/// Those that were chosen, of which tests that run at once could choose one twice.
static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

pub fn free_tcp() -> u16 {
    free_tcp_at(Ipv4Addr::LOCALHOST.into())
}

pub fn free_tcp_at(address: IpAddr) -> u16 {
    free(|port| TcpListener::bind((address, port)).map(drop))
}

pub fn free_udp() -> u16 {
    free(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).map(drop))
}

/// This machine's address on the way to a pod: no packet is sent.
pub fn facing(pod: IpAddr) -> IpAddr {
    let any: IpAddr = if pod.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let way = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((pod, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    way().expect("there must be a way to the pod")
}

/// Any that this can open, which was given to nobody before. It is let go at once: whoever is to have it may be sooner than this
/// thread has its turn again.
fn free(open: impl Fn(u16) -> io::Result<()>) -> u16 {
    let ports = std::iter::repeat_with(|| rand::random_range(PORTS)).take(TRIES);
    let mut fresh = ports.filter(|port| GIVEN.lock().expect("nobody breaks off with it").insert(*port));
    fresh.find(|port| open(*port).is_ok()).expect("a port must be free")
}
