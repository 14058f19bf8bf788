//! Sockets of both families: what listens is reached over IPv6 and IPv4, as far as this machine has them.
//!
//! A socket on `[::]` takes both, whatever the machine's default is. To it an IPv4 address is one of IPv6 (RFC 4291
//! §2.5.5.2), which nothing but the sockets themselves should see.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket, sockopt,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Which families this machine speaks, to itself at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    pub v4: bool,
    pub v6: bool,
}

impl Families {
    /// Tries them.
    pub fn here() -> Self {
        let has = |loopback: IpAddr| udp(SocketAddr::new(loopback, 0)).is_ok();
        Self { v4: has(Ipv4Addr::LOCALHOST.into()), v6: has(Ipv6Addr::LOCALHOST.into()) }
    }

    /// Stands for every address of this machine.
    pub const fn unspecified(self) -> IpAddr {
        match self.v6 {
            true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }

    /// The addresses of this machine that nobody else reaches; IPv4's first. There is always one.
    pub fn loopbacks(self) -> Vec<IpAddr> {
        match (self.v4, self.v6) {
            (true, true) => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            (false, true) => vec![Ipv6Addr::LOCALHOST.into()],
            (_, false) => vec![Ipv4Addr::LOCALHOST.into()],
        }
    }
}

/// Binds a UDP socket; port 0 takes any.
pub fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    bound(address, SockType::Datagram).map(UdpSocket::from)
}

/// Listens on TCP; port 0 takes any.
pub fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = bound(address, SockType::Stream)?;
    listen(&socket, Backlog::new(BACKLOG)?)?;
    Ok(socket.into())
}

/// The address as everybody writes it.
pub fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        // With its scope, which a link-local address needs.
        IpAddr::V6(_) => address,
    }
}

/// The address as a socket of IPv6 takes it.
pub fn mapped(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().into(),
        IpAddr::V6(_) => ip,
    }
}

fn bound(address: SocketAddr, kind: SockType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?;
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &false)?;
    }
    if kind == SockType::Stream {
        // A port whose last connections linger can be taken anew.
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_everywhere_is_reached_over_each_family_that_there_is() {
        let families = Families::here();
        let listener = tcp(SocketAddr::new(families.unspecified(), 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        for loopback in families.loopbacks() {
            std::net::TcpStream::connect((loopback, port)).unwrap();
        }
    }

    #[test]
    fn a_machine_without_a_family_uses_the_other() {
        let with = |v4, v6| Families { v4, v6 };
        assert_eq!(with(true, false).unspecified(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        assert_eq!(with(false, true).unspecified(), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        assert_eq!(with(true, false).loopbacks(), [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        assert_eq!(with(false, true).loopbacks(), [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
        assert_eq!(with(false, false).loopbacks().len(), 1);
        assert!(with(true, true).loopbacks().iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn an_address_of_ipv4_stays_one_for_everybody_but_the_socket() {
        let address: SocketAddr = "192.0.2.1:9".parse().unwrap();
        assert_eq!(plain(SocketAddr::new(mapped(address.ip()), 9)), address);
        let six: SocketAddr = "[2001:db8::1]:9".parse().unwrap();
        assert_eq!((plain(six), mapped(six.ip())), (six, six.ip()));
    }
}
