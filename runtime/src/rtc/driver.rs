//! The task that owns the socket and every peer.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use understudy_core::fanout::keyframe::Need;

use super::Audience;
use super::batch::Path;
use super::metrics::{Metrics, Why};
use super::peer::{Peer, State};
use super::programs::{Fed, Programs};
use super::routes::{PeerId, Routes};
use super::socket::Socket;
use crate::broadcast::Hub;

/// Frames between the feeds and the owner. Short: a frame that waits here is late for everyone.
const FED: usize = 32;
/// With no timer due sooner.
const IDLE: Duration = Duration::from_secs(60);
/// After an error on the socket that is not "nothing there": it must not spin.
const SOCKET_PAUSE: Duration = Duration::from_millis(100);

pub(super) enum Command {
    Admit { name: String, hub: Hub, peer: Box<Peer>, reply: oneshot::Sender<bool> },
    Leave { session_id: String, reply: oneshot::Sender<bool> },
    Find { session_id: String, reply: oneshot::Sender<Option<String>> },
}

pub(super) struct Driver {
    socket: Socket,
    announced: Arc<[SocketAddr]>,
    peers: HashMap<PeerId, Peer>,
    next: u64,
    sessions: HashMap<String, PeerId>,
    routes: Routes,
    programs: Programs,
    fed: mpsc::Receiver<Fed>,
    max_viewers: usize,
    metrics: Metrics,
    audience: Audience,
}

impl Driver {
    pub fn new(
        socket: Socket,
        announced: Arc<[SocketAddr]>,
        max_viewers: usize,
        metrics: Metrics,
        audience: Audience,
    ) -> Self {
        let (feeds, fed) = mpsc::channel(FED);
        Self {
            socket,
            announced,
            peers: HashMap::new(),
            next: 0,
            sessions: HashMap::new(),
            routes: Routes::default(),
            programs: Programs::new(feeds),
            fed,
            max_viewers,
            metrics,
            audience,
        }
    }

    #[tracing::instrument(name = "rtc", skip_all)]
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Command>, shutdown: CancellationToken) {
        loop {
            let due = self.next_wake();
            tokio::select! {
                () = shutdown.cancelled() => break,
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                Some(fed) = self.fed.recv() => self.show(&fed),
                readable = self.socket.readable() => {
                    let received = readable.and_then(|()| self.receive());
                    if let Err(error) = received {
                        tracing::warn!(%error, "the media socket could not be read");
                        tokio::time::sleep(SOCKET_PAUSE).await;
                    }
                }
                () = tokio::time::sleep_until(due.into()) => self.elapse(),
            }
        }
        let everyone: Vec<PeerId> = self.peers.keys().copied().collect();
        for id in everyone {
            self.remove(id, Why::Shutdown);
        }
    }

    fn next_wake(&self) -> Instant {
        let idle = Instant::now() + IDLE;
        self.peers.values().filter_map(Peer::wake_at).min().map_or(idle, |due| due.min(idle))
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone meanwhile; that changes nothing.
        match command {
            Command::Admit { name, hub, peer, reply } => {
                let _ = reply.send(self.admit(&name, hub, *peer));
            }
            Command::Leave { session_id, reply } => {
                let found = self.sessions.get(&session_id).copied();
                if let Some(id) = found {
                    self.remove(id, Why::Left);
                }
                let _ = reply.send(found.is_some());
            }
            Command::Find { session_id, reply } => {
                let peer = self.sessions.get(&session_id).and_then(|id| self.peers.get(id));
                let _ = reply.send(peer.map(|peer| peer.viewer_ufrag().to_owned()));
            }
        }
    }

    fn admit(&mut self, name: &str, hub: Hub, peer: Peer) -> bool {
        if self.peers.len() >= self.max_viewers {
            return false;
        }
        self.next += 1;
        let id = PeerId(self.next);
        self.routes.expect(peer.ufrag().to_owned(), id);
        self.sessions.insert(peer.session_id().to_owned(), id);
        self.peers.insert(id, peer);
        self.programs.join(name, hub, id);
        self.audience.set(name, self.programs.count(name));
        self.metrics.viewers.inc();
        self.metrics.joined.inc();
        tracing::info!(viewer = id.0, program = name, "viewer admitted");
        self.settle(id);
        true
    }

    fn show(&mut self, fed: &Fed) {
        let now = Instant::now();
        let Some(program) = self.programs.get_mut(fed.program) else { return };
        let anchor = program.anchor(&fed.cut, now);
        for id in program.viewers.clone() {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.show(&fed.cut, &anchor, now);
                self.settle(id);
            }
        }
    }

    fn receive(&mut self) -> std::io::Result<()> {
        let now = Instant::now();
        let mut touched = Vec::new();
        let Self { socket, routes, peers, announced, metrics, .. } = self;
        socket.receive(|arrived| {
            let id = routes.find(arrived.from, arrived.local, arrived.bytes);
            let Some((id, peer)) = id.and_then(|id| Some((id, peers.get_mut(&id)?))) else {
                metrics.strangers.inc();
                return;
            };
            peer.receive(
                arrived.from,
                as_announced(announced, arrived.local, arrived.from),
                arrived.bytes,
                now,
            );
            if touched.last() != Some(&id) {
                touched.push(id);
            }
        })?;
        for id in touched {
            self.settle(id);
        }
        Ok(())
    }

    fn elapse(&mut self) {
        let now = Instant::now();
        let due: Vec<PeerId> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.wake_at().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.elapse(now);
            }
            self.settle(id);
        }
    }

    /// After anything happened to a peer: sends what came of it and draws the conclusions.
    fn settle(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let before = peer.state();
        let (socket, routes, metrics) = (&mut self.socket, &self.routes, &self.metrics);
        peer.drain(|to, bytes| socket.send(Path { to, source: routes.local_for(to) }, bytes, metrics));
        socket.flush(metrics);
        metrics.asked_again.inc_by(peer.feedback().take_asked_again().into());
        let lost = peer.feedback().take_picture_lost();
        match peer.state() {
            State::Gone(why) => self.remove(id, why),
            State::Live if before != State::Live => {
                tracing::info!(viewer = id.0, "viewer connected");
                self.ask(id, Need::Join);
            }
            State::Live if lost => {
                self.metrics.pictures_lost.inc();
                self.ask(id, Need::Repair);
            }
            State::Live | State::Expected { .. } => {}
        }
    }

    fn ask(&self, viewer: PeerId, need: Need) {
        if let Some(hub) = self.programs.hub_of(viewer) {
            hub.request_keyframe(need);
        }
    }

    fn remove(&mut self, id: PeerId, why: Why) {
        let Some(mut peer) = self.peers.remove(&id) else { return };
        peer.close(why);
        let (socket, routes, metrics) = (&mut self.socket, &self.routes, &self.metrics);
        peer.drain(|to, bytes| socket.send(Path { to, source: routes.local_for(to) }, bytes, metrics));
        socket.flush(metrics);
        self.routes.forget(id);
        self.sessions.remove(peer.session_id());
        if let Some(name) = self.programs.leave(id) {
            self.audience.set(&name, self.programs.count(&name));
        }
        self.metrics.gone(why);
        tracing::info!(viewer = id.0, ?why, "viewer gone");
    }
}

/// The stack knows only what we announced; behind a NAT the socket sees another address.
fn as_announced(announced: &[SocketAddr], local: Option<IpAddr>, from: SocketAddr) -> SocketAddr {
    let exact = announced.iter().find(|address| Some(address.ip()) == local);
    let same_family = || announced.iter().find(|address| address.is_ipv4() == from.is_ipv4());
    exact.or_else(same_family).or(announced.first()).copied().unwrap_or(from)
}
