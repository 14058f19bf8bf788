//! Connections of TCP that carry what datagrams carry elsewhere (RFC 6544 §5), for networks that let no UDP through.
//!
//! Each has a task of its own ([`carry`]), which gives what arrives to the loop that it is for and writes what waits for it. A loop
//! puts packets into a connection's outbox or learns that there is no room, and never waits. Whoever connects has a place at the
//! doorstep until a check of it was found genuine.

mod carry;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use understudy_core::tcp::doorstep::Doorstep;
use understudy_core::tcp::framing::frame;
use understudy_core::tcp::outbox::Cargo;

use super::metrics::{Metrics, Refusal};
use super::reception::Reception;
use super::spread::{Part, Spread};
use crate::net;
use carry::{FAREWELL, Queue, carry};

/// What the kernel takes before it can be sent: a picture. What it takes more can no more be given up for a newer one.
const UNSENT_BYTES: u32 = 32 << 10;
/// After an error of the listener, which is about descriptors or memory: it must not spin.
const LISTENER_PAUSE: Duration = Duration::from_millis(100);
/// With nobody at the doorstep.
const IDLE: Duration = Duration::from_secs(60);

/// One of those that came from an address, which another may come from later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamId {
    pub from: SocketAddr,
    number: u64,
}

/// Clones are the same connections.
#[derive(Clone)]
pub(super) struct Streams(Arc<Shared>);

struct Shared {
    table: Mutex<Table>,
    reception: Reception,
    tasks: TaskTracker,
    /// Nobody is let in after that.
    closed: CancellationToken,
    metrics: Metrics,
}

#[derive(Default)]
struct Table {
    open: HashMap<SocketAddr, Stream>,
    doorstep: Doorstep<SocketAddr>,
    next: u64,
}

/// Ends when it is dropped, after what waits was written or a moment has passed.
struct Stream {
    number: u64,
    queue: Arc<Queue>,
    _end: DropGuard,
}

impl Streams {
    pub fn new(reception: Reception, metrics: Metrics) -> Self {
        let (table, tasks, closed) = (Mutex::default(), TaskTracker::new(), CancellationToken::new());
        Self(Arc::new(Shared { table, reception, tasks, closed, metrics }))
    }

    /// Takes connections until [`Streams::end`]. Tells the port.
    pub fn listen(&self, address: SocketAddr) -> io::Result<u16> {
        let listener = TcpListener::from_std(net::tcp(address)?)?;
        let port = listener.local_addr()?.port();
        let (streams, closed) = (self.clone(), self.0.closed.clone());
        self.0.tasks.spawn(async move { closed.run_until_cancelled(accept(listener, streams)).await });
        Ok(port)
    }

    /// Takes in whoever connected. Gone for it are another from that very address, which must be an old one, and the one that gives
    /// way.
    fn admit(&self, io: TcpStream, from: SocketAddr, now: Instant) {
        let Ok(local) = io.local_addr() else { return };
        let mut table = self.0.table.lock();
        if self.0.closed.is_cancelled() {
            return;
        }
        self.remove(&mut table, from);
        table.next += 1;
        let stream = StreamId { from, number: table.next };
        let (queue, end) = (Arc::<Queue>::default(), CancellationToken::new());
        let local = net::plain(local).ip();
        self.0.tasks.spawn(carry(io, Arc::clone(&queue), end.clone(), (stream, local, self.clone())));
        table.open.insert(from, Stream { number: stream.number, queue, _end: end.drop_guard() });
        self.0.metrics.tcp_connections.inc();
        if let Some(oldest) = table.doorstep.enter(from, from.ip(), now) {
            self.refuse(&mut table, oldest, Refusal::Crowded);
        }
    }

    /// A check from there was found genuine. False: the connection is gone.
    pub fn welcome(&self, from: SocketAddr) -> bool {
        let mut table = self.0.table.lock();
        table.doorstep.leave(&from);
        table.open.contains_key(&from)
    }

    /// The other side ended it, unless it was refused. It may be gone already.
    fn ended(&self, stream: StreamId, refused: Option<Refusal>) {
        let mut table = self.0.table.lock();
        if table.open.get(&stream.from).is_none_or(|open| open.number != stream.number) {
            return;
        }
        match refused {
            Some(why) => self.refuse(&mut table, stream.from, why),
            None => self.remove(&mut table, stream.from),
        }
    }

    pub fn close(&self, from: SocketAddr) {
        self.remove(&mut self.0.table.lock(), from);
    }

    /// When somebody has been at the doorstep for too long.
    fn expires_at(&self) -> Option<Instant> {
        self.0.table.lock().doorstep.expires_at()
    }

    fn expire(&self, now: Instant) {
        let mut table = self.0.table.lock();
        while let Some(from) = table.doorstep.expired(now) {
            self.refuse(&mut table, from, Refusal::Late);
        }
    }

    /// Queues a packet. False: there is no room, and it is lost, as on any network.
    pub fn send(&self, to: SocketAddr, cargo: Cargo, packet: &[u8]) -> bool {
        self.push(to, cargo, 1, || frame([packet].into_iter()))
    }

    /// Media for who is there goes another way from now on.
    pub fn drop_media(&self, to: SocketAddr) {
        if let Some(queue) = self.queue(to) {
            queue.drop_media();
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
                || !self.push(part.path.to, Cargo::Media, message.datagrams(), framed)
            {
                missed.push(part);
            }
        }
        spread.clear();
        missed
    }

    /// Ends all, after what waits was written or a moment has passed.
    pub async fn end(&self) {
        self.0.closed.cancel();
        self.0.table.lock().open.clear();
        self.0.metrics.tcp_connections.set(0);
        self.0.tasks.close();
        drop(tokio::time::timeout(FAREWELL, self.0.tasks.wait()).await);
    }

    fn push(&self, to: SocketAddr, cargo: Cargo, packets: usize, framed: impl FnOnce() -> Vec<u8>) -> bool {
        let pushed = self.queue(to).is_some_and(|queue| queue.push(cargo, framed(), Instant::now()));
        let Metrics { tcp_sent_packets, tcp_unsent_packets, .. } = &self.0.metrics;
        let counter = if pushed { tcp_sent_packets } else { tcp_unsent_packets };
        counter.inc_by(packets as u64);
        pushed
    }

    /// What waits for who is there. The table is not held while it is filled.
    fn queue(&self, to: SocketAddr) -> Option<Arc<Queue>> {
        self.0.table.lock().open.get(&to).map(|stream| Arc::clone(&stream.queue))
    }

    fn refuse(&self, table: &mut Table, from: SocketAddr, why: Refusal) {
        if table.open.contains_key(&from) {
            tracing::debug!(%from, ?why, "a connection for media is refused");
            self.0.metrics.tcp_refused(why);
        }
        self.remove(table, from);
    }

    fn remove(&self, table: &mut Table, from: SocketAddr) {
        table.doorstep.leave(&from);
        if table.open.remove(&from).is_some() {
            self.0.metrics.tcp_connections.dec();
            self.0.reception.lose(from);
        }
    }
}

/// Lets in whoever connects, and ends whoever says nothing of use for long.
#[tracing::instrument(name = "tcp_accept", skip_all)]
async fn accept(listener: TcpListener, streams: Streams) {
    loop {
        let expires_at = streams.expires_at().unwrap_or_else(|| Instant::now() + IDLE);
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tokio::time::sleep_until(expires_at.into()) => {
                streams.expire(Instant::now());
                continue;
            }
        };
        match accepted {
            Ok((io, from)) => {
                // A connection that is gone by now says so when it is read.
                let _ = io.set_nodelay(true);
                let _ = socket2::SockRef::from(&io).set_tcp_notsent_lowat(UNSENT_BYTES);
                streams.admit(io, net::plain(from), Instant::now());
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
