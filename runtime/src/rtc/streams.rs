//! Connections of TCP that carry what datagrams carry elsewhere (RFC 6544 §5), for networks that let no UDP through.
//!
//! Each has a task of its own ([`carry`]), which takes packets out of what arrives and writes what waits for it. The owner of
//! all peers puts packets into a connection's outbox or learns that there is no room, and never waits. Whoever connects has a
//! place at the doorstep until a check of it was found genuine.

mod carry;

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use understudy_core::tcp::doorstep::Doorstep;
use understudy_core::tcp::framing::frame;
use understudy_core::tcp::outbox::Cargo;

use super::metrics::{Metrics, Refusal};
use super::spread::{Part, Spread};
use crate::net;
use carry::{FAREWELL, Queue, carry};

/// Packets that wait for the owner; then connections wait for it, each in its turn.
const NEWS: usize = 256;
/// What the owner looks at before it looks at anything else.
const TURN: usize = 64;
/// What the kernel takes before it can be sent: a picture. What it takes more can no more be given up for a newer one.
const UNSENT_BYTES: u32 = 32 << 10;
/// After an error of the listener, which is about descriptors or memory: it must not spin.
const LISTENER_PAUSE: Duration = Duration::from_millis(100);

/// One of those that came from an address, which another may come from later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamId {
    pub from: SocketAddr,
    number: u64,
}

#[derive(Debug)]
pub(super) enum News {
    Accepted {
        io: TcpStream,
        from: SocketAddr,
    },
    Packet {
        stream: StreamId,
        bytes: Vec<u8>,
    },
    /// By the peer, unless it was refused.
    Ended {
        stream: StreamId,
        refused: Option<Refusal>,
    },
}

pub(super) struct Streams {
    open: HashMap<SocketAddr, Stream>,
    doorstep: Doorstep<SocketAddr>,
    next: u64,
    tell: mpsc::Sender<News>,
    news: mpsc::Receiver<News>,
    tasks: TaskTracker,
    metrics: Metrics,
}

/// Ends when it is dropped, after what waits was written or a moment has passed.
struct Stream {
    number: u64,
    local: IpAddr,
    /// A check came first, for somebody who is here.
    asked: bool,
    queue: Arc<Queue>,
    _end: DropGuard,
}

impl Streams {
    pub fn new(metrics: Metrics) -> Self {
        let (tell, news) = mpsc::channel(NEWS);
        let (open, doorstep, tasks) = (HashMap::new(), Doorstep::default(), TaskTracker::new());
        Self { open, doorstep, next: 0, tell, news, tasks, metrics }
    }

    /// Takes connections until `shutdown`. Tells the port.
    pub fn listen(&self, address: SocketAddr, shutdown: CancellationToken) -> io::Result<u16> {
        let listener = TcpListener::from_std(net::tcp(address)?)?;
        let port = listener.local_addr()?.port();
        let tell = self.tell.clone();
        self.tasks.spawn(async move { shutdown.run_until_cancelled(accept(listener, tell)).await });
        Ok(port)
    }

    /// What happened, as much as is looked at in a turn.
    pub async fn news(&mut self, news: &mut Vec<News>) {
        self.news.recv_many(news, TURN).await;
    }

    /// Takes in whoever connected. Tells who is gone for it: another from that very address, which must be an old one, and the one
    /// that gave way.
    pub fn admit(&mut self, io: TcpStream, from: SocketAddr, now: Instant) -> Vec<SocketAddr> {
        let Ok(local) = io.local_addr() else { return Vec::new() };
        let replaced = self.remove(from).then_some(from);
        self.next += 1;
        let (stream, queue, end) =
            (StreamId { from, number: self.next }, Arc::<Queue>::default(), CancellationToken::new());
        self.tasks.spawn(carry(io, Arc::clone(&queue), end.clone(), (stream, self.tell.clone())));
        let local = net::plain(local).ip();
        self.open
            .insert(from, Stream { number: self.next, local, asked: false, queue, _end: end.drop_guard() });
        self.metrics.tcp_connections.inc();
        let oldest = self.doorstep.enter(from, from.ip(), now);
        if let Some(oldest) = oldest {
            self.refuse(oldest, Refusal::Crowded);
        }
        replaced.into_iter().chain(oldest).collect()
    }

    /// The address of ours that it came to; none if it is gone.
    pub fn local(&self, stream: StreamId) -> Option<IpAddr> {
        self.get(stream).map(|stream| stream.local)
    }

    /// It began with a check for somebody who is here.
    pub fn asked(&mut self, stream: StreamId) {
        if let Some(stream) = self.open.get_mut(&stream.from) {
            stream.asked = true;
        }
    }

    /// It said something that is nobody's. Whoever begins so is nobody's peer.
    pub fn strange(&mut self, stream: StreamId) {
        if self.get(stream).is_some_and(|stream| !stream.asked) {
            self.refuse(stream.from, Refusal::Stranger);
        }
    }

    /// A check from there was found genuine.
    pub fn welcome(&mut self, from: SocketAddr) {
        self.doorstep.leave(&from);
    }

    /// The other side ended it. False: it was gone already.
    pub fn ended(&mut self, stream: StreamId, refused: Option<Refusal>) -> bool {
        if self.get(stream).is_none() {
            return false;
        }
        match refused {
            Some(why) => self.refuse(stream.from, why),
            None => self.close(stream.from),
        }
        true
    }

    pub fn close(&mut self, from: SocketAddr) {
        self.remove(from);
    }

    /// When somebody has been at the doorstep for too long.
    pub fn expires_at(&self) -> Option<Instant> {
        self.doorstep.expires_at()
    }

    pub fn expire(&mut self, now: Instant) {
        while let Some(from) = self.doorstep.expired(now) {
            self.refuse(from, Refusal::Late);
        }
    }

    /// Queues a packet. False: there is no room, and it is lost, as on any network.
    pub fn send(&self, to: SocketAddr, cargo: Cargo, packet: &[u8]) -> bool {
        self.push(to, cargo, 1, frame([packet].into_iter()))
    }

    /// Media for who is there goes another way from now on.
    pub fn drop_media(&self, to: SocketAddr) {
        if let Some(stream) = self.open.get(&to) {
            stream.queue.drop_media();
        }
    }

    /// Queues what was spread. Tells what there was no room for, or no connection.
    pub fn spread(&self, spread: &mut Spread) -> Vec<Part> {
        let mut missed: Vec<Part> = Vec::new();
        for message in spread.messages() {
            let part = message.part;
            // Whoever misses a part misses the rest of it too.
            let misses = |other: &Part| (other.viewer, other.kind) == (part.viewer, part.kind);
            let framed = || frame(message.singly().map(|one| &spread.bytes()[one.range]));
            if missed.iter().any(misses)
                || !self.push(part.path.to, Cargo::Media, message.datagrams(), framed())
            {
                missed.push(part);
            }
        }
        spread.clear();
        missed
    }

    /// Ends all, after what waits was written or a moment has passed.
    pub async fn end(mut self) {
        self.news.close();
        self.open.clear();
        self.metrics.tcp_connections.set(0);
        self.tasks.close();
        drop(tokio::time::timeout(FAREWELL, self.tasks.wait()).await);
    }

    fn push(&self, to: SocketAddr, cargo: Cargo, packets: usize, framed: Vec<u8>) -> bool {
        let stream = self.open.get(&to);
        let pushed = stream.is_some_and(|stream| stream.queue.push(cargo, framed, Instant::now()));
        let counter = if pushed { &self.metrics.tcp_sent_packets } else { &self.metrics.tcp_unsent_packets };
        counter.inc_by(packets as u64);
        pushed
    }

    fn get(&self, stream: StreamId) -> Option<&Stream> {
        self.open.get(&stream.from).filter(|open| open.number == stream.number)
    }

    fn refuse(&mut self, from: SocketAddr, why: Refusal) {
        if self.open.contains_key(&from) {
            tracing::debug!(%from, ?why, "a connection for media is refused");
            self.metrics.tcp_refused(why);
        }
        self.remove(from);
    }

    fn remove(&mut self, from: SocketAddr) -> bool {
        self.doorstep.leave(&from);
        let stream = self.open.remove(&from);
        if stream.is_some() {
            self.metrics.tcp_connections.dec();
        }
        stream.is_some()
    }
}

#[tracing::instrument(name = "tcp_accept", skip_all)]
async fn accept(listener: TcpListener, tell: mpsc::Sender<News>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tell.closed() => return,
        };
        match accepted {
            Ok((io, from)) => {
                // A connection that is gone by now says so when it is read.
                let _ = io.set_nodelay(true);
                let _ = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT_BYTES);
                if tell.send(News::Accepted { io, from: net::plain(from) }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for media could not be taken");
                tokio::time::sleep(LISTENER_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
