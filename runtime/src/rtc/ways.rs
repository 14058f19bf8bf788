//! The ways to peers of a loop: datagrams from the one socket, from a port that one of them has to itself or by its relay, and
//! connections of TCP.

use std::collections::HashMap;

use understudy_core::tcp::outbox::Cargo;

use super::batch::Path;
use super::metrics::Metrics;
use super::outlet::Outlet;
use super::relay::{Relay, Relays};
use super::socket::Socket;
use super::spread::{Part, Spread};
use super::streams::Streams;
use super::transport_address::{Through, TransportProtocol};

pub(super) struct Ways {
    pub socket: Socket,
    pub streams: Streams,
    /// By their ports.
    outlets: HashMap<u16, Outlet>,
    /// Where relays come from.
    pub turn: Relays,
    /// By the ports of those whose they are.
    relays: HashMap<u16, Relay>,
}

/// What is to leave, by way.
#[derive(Default)]
pub(super) struct Spreads {
    datagrams: Spread,
    framed: Spread,
    apart: HashMap<Through, Spread>,
}

impl Spreads {
    /// For whom is to be reached by that path.
    pub fn to(&mut self, path: Option<Path>) -> &mut Spread {
        match path {
            Some(Path { over: TransportProtocol::TCP, .. }) => &mut self.framed,
            Some(Path { through: Some(through), .. }) => self.apart.entry(through).or_default(),
            _ => &mut self.datagrams,
        }
    }

    pub fn bytes(&self) -> usize {
        let all = [&self.datagrams, &self.framed].into_iter().chain(self.apart.values());
        all.map(|spread| spread.bytes().len()).sum()
    }
}

impl Ways {
    pub fn new(socket: Socket, streams: Streams, turn: Relays) -> Self {
        Self { socket, streams, outlets: HashMap::new(), turn, relays: HashMap::new() }
    }

    /// The same, for one of that many loops.
    pub fn share(&self, loops: usize) -> Self {
        Self::new(self.socket.share(loops), self.streams.clone(), self.turn.clone())
    }

    /// A peer came that is reached by a port of its own.
    pub fn open(&mut self, outlet: Option<Outlet>) {
        self.outlets.extend(outlet.map(|outlet| (outlet.port(), outlet)));
    }

    /// Whoever has that port can be reached by a relay, too.
    pub fn add_relay(&mut self, port: u16, relay: Relay) {
        self.relays.insert(port, relay);
    }

    /// Whoever has that port needs no relay: another way was found.
    pub fn drop_relay(&mut self, port: u16) {
        self.relays.remove(&port);
    }

    /// The peer that was reached by that port is gone.
    pub fn close(&mut self, port: Option<u16>) {
        let Some(port) = port else { return };
        self.outlets.remove(&port);
        self.relays.remove(&port);
    }

    /// Queues a packet; [`Ways::flush`] hands it to the kernel. False: there is no room, and it is lost.
    pub fn send(&mut self, path: Path, cargo: Cargo, packet: &[u8], metrics: &Metrics) -> bool {
        let socket = match path {
            Path { over: TransportProtocol::TCP, .. } => return self.streams.send(path.to, cargo, packet),
            Path { through: Some(Through::Port(port)), .. } => {
                self.outlets.get_mut(&port).map(|outlet| &mut outlet.socket)
            }
            Path { through: Some(Through::Relay(port)), .. } => {
                return self
                    .relays
                    .get(&port)
                    .is_some_and(|relay| relay.send(path.to, cargo, packet, metrics));
            }
            _ => Some(&mut self.socket),
        };
        socket.map(|socket| socket.send(path, packet, metrics)).is_some()
    }

    /// Media for whom that path led to goes another way from now on.
    pub fn leave(&self, path: Path) {
        if path.over == TransportProtocol::TCP {
            self.streams.drop_media(path.to);
        }
    }

    pub fn flush(&mut self, metrics: &Metrics) {
        self.socket.flush(metrics);
        self.outlets.values_mut().for_each(|outlet| outlet.socket.flush(metrics));
    }

    /// Hands over what was spread. Tells what could not leave.
    pub fn spread(&mut self, spreads: &mut Spreads, metrics: &Metrics) -> Vec<Part> {
        let mut missed = self.socket.spread(&mut spreads.datagrams, metrics);
        missed.extend(self.streams.spread(&mut spreads.framed));
        spreads.apart.retain(|through, spread| {
            let missing = match through {
                Through::Port(port) => {
                    self.outlets.get_mut(port).map(|outlet| outlet.socket.spread(spread, metrics))
                }
                Through::Relay(port) => self.relays.get(port).map(|relay| relay.spread(spread, metrics)),
            };
            let is_there = missing.is_some();
            missed.extend(missing.into_iter().flatten());
            is_there
        });
        missed
    }
}
