//! One of the loops: a task that owns its peers, seals what they are shown and sends it.

mod command;
mod frames;
mod moves;
mod viewers;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::deadlines::Deadlines;
use understudy_core::fanout::keyframe::Need;
use understudy_core::tcp::outbox::Cargo;

use super::batch::Path;
use super::connection::State;
use super::directory::{Directory, PeerId};
use super::distribution::{Distributions, Fed};
use super::ending::Why;
use super::metrics::Metrics;
use super::peer::Peer;
use super::publisher::Publisher;
use super::reception::{Addressed, Inlet, Received};
use super::routes::Routes;
use super::transport_address::{TransportAddress, TransportProtocol};
use super::viewer::Viewer;
use super::ways::{Spreads, Ways};
use crate::program::{Audience, Program};
use frames::Leaving;

pub(super) use command::Command;

/// Frames between the feeds and the owner. Short: a frame that waits here is late for everyone.
const FED: usize = 32;
/// With no timer due sooner.
const IDLE: Duration = Duration::from_secs(60);
/// Packets over TCP that are looked at together.
const TURN: usize = 16;

/// What all loops have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub directory: Directory,
    pub announced: Arc<[TransportAddress]>,
    pub metrics: Metrics,
    pub audience: Audience,
}

pub(super) struct Driver {
    ways: Ways,
    announced: Arc<[TransportAddress]>,
    peers: HashMap<PeerId, Peer>,
    routes: Routes,
    inlet: Inlet,
    deadlines: Deadlines<PeerId>,
    distributions: Distributions,
    spreads: Spreads,
    fed: mpsc::Receiver<Fed>,
    leaving: Option<Leaving>,
    metrics: Metrics,
    audience: Audience,
}

impl Driver {
    pub fn new(ways: Ways, inlet: Inlet, shared: Shared) -> Self {
        let Shared { directory, announced, metrics, audience } = shared;
        let (feeds, fed) = mpsc::channel(FED);
        Self {
            ways,
            announced,
            peers: HashMap::new(),
            routes: Routes::new(directory),
            inlet,
            deadlines: Deadlines::default(),
            distributions: Distributions::new(feeds),
            spreads: Spreads::default(),
            fed,
            leaving: None,
            metrics,
            audience,
        }
    }

    #[tracing::instrument(name = "rtc_loop", skip_all, fields(number = number))]
    pub async fn run(mut self, number: usize, mut inbox: mpsc::Receiver<Command>, end: CancellationToken) {
        let mut packets = Vec::new();
        loop {
            let due = self.next_wake();
            tokio::select! {
                () = end.cancelled() => break,
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                Some(fed) = self.fed.recv(), if self.leaving.is_none() => self.take_frame(fed),
                datagrams = self.inlet.datagrams.take() => self.receive(&[datagrams]),
                _ = self.inlet.packets.recv_many(&mut packets, TURN) => {
                    self.receive(&packets);
                    packets.clear();
                }
                // An error shows when the datagrams are sent.
                _ = self.ways.socket.room() => self.resume(),
                () = tokio::time::sleep_until(due.into()) => self.elapse(),
                // Whoever else is to run on this core runs now, and what has arrived is read.
                () = yield_now(), if self.leaving.is_some() => self.undisturbed(),
            }
            self.looked();
        }
        let everyone: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in everyone {
            self.remove(id, Why::Shutdown);
        }
    }

    fn next_wake(&self) -> Instant {
        let idle = Instant::now() + IDLE;
        let due = [self.deadlines.first(), self.ways.socket.expires_at()];
        due.into_iter().flatten().fold(idle, Instant::min)
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone meanwhile; that changes nothing.
        match command {
            Command::Admit { id, name, program, viewer, reply } => {
                self.admit(id, &name, &program, viewer);
                let _ = reply.send(());
            }
            Command::Receive { id, publisher, reply } => {
                self.take_in(id, publisher);
                let _ = reply.send(());
            }
            Command::Refresh { id, need } => {
                match self.peers.get_mut(&id) {
                    Some(Peer::Publisher(publisher)) => publisher.refresh(need),
                    Some(Peer::Viewer(viewer)) => viewer.refresh(need),
                    None => {}
                }
                self.settle(id);
            }
            Command::Leave { id, reply } => {
                let is_here = self.peers.contains_key(&id);
                self.remove(id, Why::Left);
                let _ = reply.send(is_here);
            }
            Command::End { name } => {
                for id in self.distributions.viewers_of(&name) {
                    self.remove(id, Why::Ended);
                }
            }
            Command::Restart { id, credentials, reply } => {
                let _ = reply.send(self.restart(id, &credentials));
                self.settle(id);
            }
            Command::AddRelay { id, relay, at, reply } => {
                self.add_relay(id, relay, &at);
                let _ = reply.send(());
                self.settle(id);
            }
            Command::Find { id, reply } => {
                let _ = reply.send(self.viewer(id).map(|viewer| viewer.begun()));
            }
            Command::Reach { id, at, line } => {
                self.reach(id, at, &line);
                self.settle(id);
            }
            Command::Desk { id, word } => self.hear_desk(id, word),
        }
    }

    fn admit(&mut self, id: PeerId, name: &str, program: &Program, mut viewer: Box<Viewer>) {
        viewer.distribution = Some(self.distributions.join(name, (program, viewer.codec), id));
        viewer.admitted(name, id, self.metrics.first_frame(viewer.is_published()));
        self.ways.open(viewer.outlet.take());
        if viewer.is_published() {
            self.metrics.destination_joined();
            tracing::info!(destination = id.0, program = name, "publishing to a server");
        } else {
            self.audience.joined(name);
            self.metrics.viewer_joined(viewer.step());
            tracing::info!(viewer = id.0, program = name, "viewer admitted");
        }
        self.peers.insert(id, Peer::Viewer(viewer));
        self.settle(id);
    }

    fn take_in(&mut self, id: PeerId, publisher: Box<Publisher>) {
        self.peers.insert(id, Peer::Publisher(publisher));
        self.metrics.publishers.inc();
        self.metrics.publishers_joined.inc();
        tracing::info!(publisher = id.0, "publisher expected");
        self.settle(id);
    }

    fn receive(&mut self, received: &[Received]) {
        let now = Instant::now();
        let mut touched = Vec::new();
        let Self { routes, peers, announced, metrics, .. } = self;
        for Addressed { peer: id, from, local, bytes } in received.iter().flat_map(Received::each) {
            let Some(peer) = peers.get_mut(&id) else {
                metrics.strangers.inc();
                continue;
            };
            routes.hear(id, from, local, bytes);
            peer.connection_mut().receive(from, from.reached(announced, local), bytes, now);
            if touched.last() != Some(&id) {
                touched.push(id);
            }
        }
        for id in touched {
            self.settle(id);
        }
        self.routes.forget_heard();
    }

    fn elapse(&mut self) {
        let now = Instant::now();
        if self.ways.socket.expires_at().is_some_and(|at| at <= now) {
            self.resume();
        }
        for id in self.deadlines.due(now) {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.connection_mut().elapse(now);
            }
            self.settle(id);
        }
    }

    /// After anything happened to a peer: sends what came of it and draws the conclusions.
    fn settle(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let before = peer.connection().state();
        self.send(id);
        if self.is_gone(id) {
            return;
        }
        let is_live = |peer: &Peer| peer.connection().state() == State::Live;
        let connected = before != State::Live && self.peers.get(&id).is_some_and(is_live);
        match self.peers.get(&id) {
            Some(Peer::Viewer(_)) => self.settle_viewer(id, connected),
            Some(Peer::Publisher(_)) => self.settle_publisher(id, connected),
            None => {}
        }
        if !self.is_gone(id) {
            let wake_at = self.peers.get(&id).and_then(|peer| peer.wake_at(Instant::now()));
            self.deadlines.set(id, wake_at);
        }
    }

    /// Whether it is, and then it is removed.
    fn is_gone(&mut self, id: PeerId) -> bool {
        match self.peers.get(&id).map(|peer| peer.connection().state()) {
            Some(State::Gone(why)) => self.remove(id, why),
            Some(State::Expected { .. } | State::Live) => return false,
            None => {}
        }
        true
    }

    fn settle_publisher(&mut self, id: PeerId, connected: bool) {
        let Some(Peer::Publisher(publisher)) = self.peers.get_mut(&id) else { return };
        if connected {
            tracing::info!(publisher = id.0, "publisher connected");
            publisher.refresh(Need::Join);
        }
        let delivery = publisher.deliver(Instant::now());
        self.metrics.delivered(&delivery);
        if delivery.refreshed > 0 {
            self.send(id);
        }
    }

    fn send(&mut self, id: PeerId) {
        let Self { ways, routes, peers, metrics, .. } = self;
        let Some(peer) = peers.get_mut(&id) else { return };
        let mut left = Vec::new();
        let confirms = peer.connection().confirms();
        let pass = |to: TransportAddress, bytes: &[u8]| {
            if confirms(bytes) {
                left.extend(routes.confirm(id, to));
                let is_stream = to.protocol == TransportProtocol::TCP;
                if is_stream && routes.confirmed_local_for(to).is_some() && !ways.streams.welcome(to.socket) {
                    // It ended before its check was answered.
                    routes.lose(to);
                }
            }
            ways.send(Path::of(to, routes.local_for(to)), Cargo::Control, bytes, metrics);
        };
        peer.connection_mut().drain(pass);
        ways.flush(metrics);
        if let Peer::Viewer(viewer) = peer {
            follow(viewer, routes, ways);
        }
        self.hang_up(left);
    }

    fn remove(&mut self, id: PeerId, why: Why) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.connection_mut().close(why);
        self.send(id);
        let Some(peer) = self.peers.remove(&id) else { return };
        let left = self.routes.forget(id);
        self.hang_up(left);
        self.ways.close(peer.connection().port());
        self.deadlines.set(id, None);
        match peer {
            Peer::Viewer(viewer) => {
                viewer.leaves_desk(why);
                let name =
                    viewer.distribution.and_then(|distribution| self.distributions.leave(distribution, id));
                if viewer.is_published() {
                    viewer.lost(why);
                    self.metrics.destination_left(why);
                    tracing::info!(destination = id.0, ?why, "no longer publishing to a server");
                    return;
                }
                if let Some(name) = name {
                    self.audience.left(&name);
                }
                self.metrics.viewer_left(viewer.step(), why);
                tracing::info!(viewer = id.0, ?why, "viewer gone");
            }
            Peer::Publisher(_) => {
                self.metrics.publisher_left(why);
                tracing::info!(publisher = id.0, ?why, "publisher gone");
            }
        }
    }

    /// No peer is there any more.
    fn hang_up(&self, addresses: impl IntoIterator<Item = TransportAddress>) {
        for address in addresses {
            if address.protocol == TransportProtocol::TCP {
                self.ways.streams.close(address.socket);
            }
        }
    }
}

/// Media goes where the viewer wants it, from where a genuine check of it came to.
fn follow(viewer: &mut Viewer, routes: &Routes, ways: &Ways) {
    let path = viewer.connection.selected().map(|to| {
        let known = viewer.path.filter(|path| path.address() == to);
        let source = routes.confirmed_local_for(to).or_else(|| known.and_then(|path| path.source));
        Path::of(to, source)
    });
    if let (Some(left), Some(path)) = (viewer.path, path)
        && left.address() != path.address()
    {
        ways.leave(left);
    }
    viewer.path = path;
}
