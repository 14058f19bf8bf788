//! The ways to peers of a loop: datagrams from the one socket, and connections of TCP.

use understudy_core::tcp::outbox::Cargo;

use super::batch::Path;
use super::metrics::Metrics;
use super::socket::Socket;
use super::spread::{Part, Spread};
use super::streams::Streams;
use super::transport_address::TransportProtocol;

pub(super) struct Ways {
    pub socket: Socket,
    pub streams: Streams,
}

/// What is to leave, by way.
#[derive(Default)]
pub(super) struct Spreads {
    datagrams: Spread,
    framed: Spread,
}

impl Spreads {
    /// For whom is to be reached by that path.
    pub fn to(&mut self, path: Option<Path>) -> &mut Spread {
        match path.map(|path| path.over) {
            Some(TransportProtocol::TCP) => &mut self.framed,
            _ => &mut self.datagrams,
        }
    }

    pub fn bytes(&self) -> usize {
        self.datagrams.bytes().len() + self.framed.bytes().len()
    }
}

impl Ways {
    /// The same, for one of that many loops.
    pub fn share(&self, loops: usize) -> Self {
        Self { socket: self.socket.share(loops), streams: self.streams.clone() }
    }

    /// Queues a packet; [`Ways::flush`] hands it to the kernel. False: there is no room, and it is lost.
    pub fn send(&mut self, path: Path, cargo: Cargo, packet: &[u8], metrics: &Metrics) -> bool {
        match path.over {
            TransportProtocol::TCP => self.streams.send(path.to, cargo, packet),
            _ => {
                self.socket.send(path, packet, metrics);
                true
            }
        }
    }

    /// Media for whom that path led to goes another way from now on.
    pub fn leave(&self, path: Path) {
        if path.over == TransportProtocol::TCP {
            self.streams.drop_media(path.to);
        }
    }

    pub fn flush(&mut self, metrics: &Metrics) {
        self.socket.flush(metrics);
    }

    /// Hands over what was spread. Tells what could not leave.
    pub fn spread(&mut self, spreads: &mut Spreads, metrics: &Metrics) -> Vec<Part> {
        let mut missed = self.socket.spread(&mut spreads.datagrams, metrics);
        missed.extend(self.streams.spread(&mut spreads.framed));
        missed
    }
}
