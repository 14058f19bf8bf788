//! An address with the protocol of its port: what ICE calls a transport address (RFC 8445 §4), of ours or of a peer.

use std::net::SocketAddr;

pub(super) use rtc::shared::TransportProtocol;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TransportAddress {
    pub socket: SocketAddr,
    pub protocol: TransportProtocol,
}

impl TransportAddress {
    pub const fn udp(socket: SocketAddr) -> Self {
        Self { socket, protocol: TransportProtocol::UDP }
    }

    pub const fn tcp(socket: SocketAddr) -> Self {
        Self { socket, protocol: TransportProtocol::TCP }
    }
}
