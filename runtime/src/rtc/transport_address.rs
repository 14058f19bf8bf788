//! An address with the protocol of its port: what ICE calls a transport address (RFC 8445 §4), of ours or of a peer.

use std::net::SocketAddr;

pub(super) use rtc::shared::TransportProtocol;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TransportAddress {
    pub socket: SocketAddr,
    pub protocol: TransportProtocol,
    /// Of a peer: which port of ours leads there, if it is not the one that all share.
    pub through: Option<u16>,
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

    pub const fn through(self, through: Option<u16>) -> Self {
        Self { through, ..self }
    }

    pub fn is_udp(&self) -> bool {
        self.protocol == TransportProtocol::UDP
    }
}
