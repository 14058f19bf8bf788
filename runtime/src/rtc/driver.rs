//! The task that owns the socket and every peer.

mod frames;
mod moves;
mod streams;
mod viewers;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::deadlines::Deadlines;
use understudy_core::fanout::keyframe::Need;
use understudy_core::tcp::outbox::Cargo;

use super::batch::Path;
use super::connection::State;
use super::distribution::{Distributions, Fed};
use super::metrics::{Metrics, Why};
use super::peer::Peer;
use super::publisher::Publisher;
use super::routes::{PeerId, Routes};
use super::stun;
use super::transport_address::{TransportAddress, TransportProtocol};
use super::viewer::Viewer;
use super::ways::{Spreads, Ways};
use super::{Audience, Begun};
use crate::program::Program;
use frames::Leaving;

/// Frames between the feeds and the owner. Short: a frame that waits here is late for everyone.
const FED: usize = 32;
/// With no timer due sooner.
const IDLE: Duration = Duration::from_secs(60);
/// After an error on the socket that is not "nothing there": it must not spin.
const SOCKET_PAUSE: Duration = Duration::from_millis(100);

pub(super) enum Command {
    Admit {
        name: String,
        program: Program,
        viewer: Box<Viewer>,
        reply: oneshot::Sender<()>,
    },
    Receive {
        publisher: Box<Publisher>,
        reply: oneshot::Sender<()>,
    },
    /// A whole picture is wanted of a publisher.
    Refresh {
        session_id: String,
        need: Need,
    },
    Leave {
        session_id: String,
        reply: oneshot::Sender<bool>,
    },
    Find {
        session_id: String,
        reply: oneshot::Sender<Option<Begun>>,
    },
    /// Nobody watches that program any more.
    End {
        name: String,
    },
}

pub(super) struct Driver {
    ways: Ways,
    announced: Arc<[TransportAddress]>,
    peers: HashMap<PeerId, Peer>,
    next: u64,
    sessions: HashMap<String, PeerId>,
    routes: Routes,
    deadlines: Deadlines<PeerId>,
    distributions: Distributions,
    spreads: Spreads,
    fed: mpsc::Receiver<Fed>,
    leaving: Option<Leaving>,
    metrics: Metrics,
    audience: Audience,
}

impl Driver {
    pub fn new(ways: Ways, announced: Arc<[TransportAddress]>, metrics: Metrics, audience: Audience) -> Self {
        let (feeds, fed) = mpsc::channel(FED);
        Self {
            ways,
            announced,
            peers: HashMap::new(),
            next: 0,
            sessions: HashMap::new(),
            routes: Routes::default(),
            deadlines: Deadlines::default(),
            distributions: Distributions::new(feeds),
            spreads: Spreads::default(),
            fed,
            leaving: None,
            metrics,
            audience,
        }
    }

    #[tracing::instrument(name = "rtc", skip_all)]
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Command>, shutdown: CancellationToken) {
        let (mut read_after, mut news) = (Instant::now(), Vec::new());
        loop {
            let due = self.next_wake();
            tokio::select! {
                () = shutdown.cancelled() => break,
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                Some(fed) = self.fed.recv(), if self.leaving.is_none() => self.take_frame(fed),
                readable = self.ways.socket.readable(), if read_after <= Instant::now() => {
                    let received = readable.and_then(|()| self.receive());
                    if let Err(error) = received {
                        tracing::warn!(%error, "the media socket could not be read");
                        read_after = Instant::now() + SOCKET_PAUSE;
                    }
                }
                () = tokio::time::sleep_until(read_after.into()), if read_after > Instant::now() => {}
                // An error shows when the datagrams are sent.
                _ = self.ways.socket.room() => self.resume(),
                () = self.ways.streams.news(&mut news) => self.hear(&mut news),
                () = tokio::time::sleep_until(due.into()) => self.elapse(),
                // Whoever else is to run on this core runs now, and what has arrived is seen.
                () = yield_now(), if self.leaving.is_some() => self.undisturbed(),
            }
            self.looked();
        }
        let everyone: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in everyone {
            self.remove(id, Why::Shutdown);
        }
        self.ways.streams.end().await;
    }

    fn next_wake(&self) -> Instant {
        let idle = Instant::now() + IDLE;
        let Ways { socket, streams } = &self.ways;
        let due = [self.deadlines.first(), socket.expires_at(), streams.expires_at()];
        due.into_iter().flatten().fold(idle, Instant::min)
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone meanwhile; that changes nothing.
        match command {
            Command::Admit { name, program, viewer, reply } => {
                self.admit(&name, &program, viewer);
                let _ = reply.send(());
            }
            Command::Receive { publisher, reply } => {
                self.take_in(publisher);
                let _ = reply.send(());
            }
            Command::Refresh { session_id, need } => {
                let Some(id) = self.sessions.get(&session_id).copied() else { return };
                if let Some(Peer::Publisher(publisher)) = self.peers.get_mut(&id) {
                    publisher.refresh(need);
                }
                self.settle(id);
            }
            Command::Leave { session_id, reply } => {
                let found = self.sessions.get(&session_id).copied();
                if let Some(id) = found {
                    self.remove(id, Why::Left);
                }
                let _ = reply.send(found.is_some());
            }
            Command::End { name } => {
                for id in self.distributions.viewers_of(&name) {
                    self.remove(id, Why::Ended);
                }
            }
            Command::Find { session_id, reply } => {
                let peer = self.sessions.get(&session_id).and_then(|id| self.peers.get(id));
                let _ = reply.send(match peer {
                    Some(Peer::Viewer(viewer)) => Some(Begun {
                        ice_session: viewer.connection.ufrag().to_owned(),
                        viewer_ufrag: viewer.ufrag().to_owned(),
                    }),
                    Some(Peer::Publisher(_)) | None => None,
                });
            }
        }
    }

    fn admit(&mut self, name: &str, program: &Program, viewer: Box<Viewer>) {
        let step = viewer.step();
        let id = self.add(Peer::Viewer(viewer));
        let distribution = self.distributions.join(name, program, id);
        if let Some(Peer::Viewer(viewer)) = self.peers.get_mut(&id) {
            viewer.distribution = Some(distribution);
        }
        self.audience.set(name, self.distributions.count(name));
        self.metrics.viewer_joined(step);
        tracing::info!(viewer = id.0, program = name, "viewer admitted");
        self.settle(id);
    }

    fn take_in(&mut self, publisher: Box<Publisher>) {
        let id = self.add(Peer::Publisher(publisher));
        self.metrics.publishers.inc();
        self.metrics.publishers_joined.inc();
        tracing::info!(publisher = id.0, "publisher expected");
        self.settle(id);
    }

    fn add(&mut self, peer: Peer) -> PeerId {
        self.next += 1;
        let id = PeerId(self.next);
        self.routes.expect(peer.connection().ufrag().to_owned(), id);
        self.sessions.insert(peer.connection().session_id().to_owned(), id);
        self.peers.insert(id, peer);
        id
    }

    fn receive(&mut self) -> std::io::Result<()> {
        let now = Instant::now();
        let mut touched = Vec::new();
        let Self { ways, routes, peers, announced, metrics, .. } = self;
        ways.socket.receive(|arrived| {
            let from = TransportAddress::udp(arrived.from);
            let id = routes.find(from, arrived.local, arrived.bytes);
            let Some((id, peer)) = id.and_then(|id| Some((id, peers.get_mut(&id)?))) else {
                metrics.strangers.inc();
                return;
            };
            let local = as_announced(announced, arrived.local, from);
            peer.connection_mut().receive(from, local, arrived.bytes, now);
            if touched.last() != Some(&id) {
                touched.push(id);
            }
        })?;
        for id in touched {
            self.settle(id);
        }
        self.routes.forget_heard();
        Ok(())
    }

    fn elapse(&mut self) {
        let now = Instant::now();
        if self.ways.socket.expires_at().is_some_and(|at| at <= now) {
            self.resume();
        }
        self.ways.streams.expire(now);
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
        let pass = |to: TransportAddress, bytes: &[u8]| {
            if stun::confirms(bytes) {
                left.extend(routes.confirm(id, to));
                if to.protocol == TransportProtocol::TCP && routes.confirmed_local_for(to).is_some() {
                    ways.streams.welcome(to.socket);
                }
            }
            let path = Path { to: to.socket, over: to.protocol, source: routes.local_for(to) };
            ways.send(path, Cargo::Control, bytes, metrics);
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
        let left = self.routes.forget(id, peer.connection().ufrag());
        self.hang_up(left);
        self.deadlines.set(id, None);
        self.sessions.remove(peer.connection().session_id());
        match peer {
            Peer::Viewer(viewer) => {
                let name =
                    viewer.distribution.and_then(|distribution| self.distributions.leave(distribution, id));
                if let Some(name) = name {
                    self.audience.set(&name, self.distributions.count(&name));
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
}

/// Media goes where the viewer wants it, from where a genuine check of it came to.
fn follow(viewer: &mut Viewer, routes: &Routes, ways: &Ways) {
    let path = viewer.connection.selected().map(|to| {
        let known = viewer.path.filter(|path| (path.to, path.over) == (to.socket, to.protocol));
        let source = routes.confirmed_local_for(to).or_else(|| known.and_then(|path| path.source));
        Path { to: to.socket, over: to.protocol, source }
    });
    if let (Some(left), Some(path)) = (viewer.path, path)
        && (left.to, left.over) != (path.to, path.over)
    {
        ways.leave(left);
    }
    viewer.path = path;
}

/// The stack knows only what we announced; behind a NAT the socket sees another address.
fn as_announced(announced: &[TransportAddress], local: Option<IpAddr>, from: TransportAddress) -> SocketAddr {
    let mut all = announced.iter().filter(|address| address.protocol == from.protocol);
    let exact = all.clone().find(|address| Some(address.socket.ip()) == local);
    let same_family = || all.clone().find(|address| address.socket.is_ipv4() == from.socket.is_ipv4());
    exact.or_else(same_family).or(all.next()).map_or(from.socket, |address| address.socket)
}
