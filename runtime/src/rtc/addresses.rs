//! Which addresses of this machine a viewer could reach, when nobody said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Reserved for documentation (RFC 5737, RFC 3849): nothing is sent, the route to it tells our own address.
const SOMEWHERE: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
];

/// What a socket bound to `bind` can be reached at.
pub(super) fn own(bind: IpAddr) -> Vec<IpAddr> {
    if !bind.is_unspecified() {
        return vec![bind];
    }
    let mut own: Vec<IpAddr> = SOMEWHERE
        .into_iter()
        .filter(|somewhere| somewhere.is_ipv4() || bind.is_ipv6())
        .filter_map(route_source)
        .collect();
    // For a viewer on this machine, and for a machine without a network.
    own.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    own
}

fn route_source(destination: SocketAddr) -> Option<IpAddr> {
    let unspecified = match destination {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((unspecified, 0)).ok()?;
    socket.connect(destination).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
