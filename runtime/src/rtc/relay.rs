//! Relays (RFC 8656): a server that is published to may name TURN servers for whom no other way leads to it.
//!
//! ```text
//!   loop ── packets for an address of the peer ──> carrier ── channel data ──> TURN server ──> peer
//!   loop <── the reception, as by a port of ours ──────┘ <──────────────────────── from there
//! ```
//! One relay a peer, from the first server that gives one. Each that is asked has a task of its own, which gives back what it got
//! however it ends. What there is no room for is lost, as on any network.

mod carrier;
mod line;

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use understudy_core::guard::Policy;
use understudy_core::tcp::outbox::Cargo;
use understudy_core::turn::Server;
use understudy_core::turn::framing::Strange;

use super::metrics::Metrics;
use super::reception::Reception;
use super::spread::{Burst, Part, Spread};
use crate::guard::Refused;
use carrier::Carrier;

/// Packets that wait for the line to a server: two keyframes, a second of a slow one.
const WAITING: usize = 256;
/// Of these, for what keeps the connection.
const RESERVED: usize = 32;
/// A server that has not answered by then is waited for beside the next.
const STAGGER: Duration = Duration::from_millis(500);
/// From the first question to the last answer that is waited for: whoever gives a peer up after ten seconds is to know why.
const ASKED_WITHIN: Duration = Duration::from_secs(8);
/// For giving back, at the end of all.
const FAREWELL: Duration = Duration::from_secs(2);

/// An address at a TURN server by which a peer is reached. Dropped, it is given back.
pub(super) struct Relay {
    pub address: SocketAddr,
    waiting: mpsc::Sender<Outgoing>,
    _end: DropGuard,
}

/// A packet, and which address of the peer it is for.
struct Outgoing {
    to: SocketAddr,
    packet: Bytes,
}

/// Asks for relays. Clones are the same.
#[derive(Clone)]
pub(super) struct Relays {
    reception: Reception,
    tasks: TaskTracker,
}

/// What a relay is to lead to.
#[derive(Clone, Debug)]
pub(super) struct Far {
    /// The port of ours that is the peer's own, by which it is known here.
    pub port: u16,
    /// Where the peer is.
    pub at: Vec<SocketAddr>,
}

/// Why a server gave no relay.
#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error(transparent)]
    Unreached(#[from] Refused),
    #[error("the line broke off: {0}")]
    Broken(#[from] std::io::Error),
    #[error("TLS failed: {0}")]
    Tls(std::io::Error),
    #[error(transparent)]
    Strange(#[from] Strange),
    /// The code is that of RFC 8656 §19.
    #[error("it gives no relay{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused(Option<u16>),
    #[error("it relays to none of the server's addresses{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Forbidden(Option<u16>),
    #[error("it did not answer in time")]
    Late,
    /// It was given.
    #[error("it is over")]
    Lost,
    /// It panicked.
    #[error("the client of TURN broke down")]
    Ours,
}

/// Why none of the servers that were asked gave a relay.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|(server, why)| format!("{server}: {why}")).collect::<Vec<_>>().join("; "))]
pub struct NoRelay(Vec<(Server, RelayError)>);

impl Relays {
    pub fn new(reception: Reception) -> Self {
        Self { reception, tasks: TaskTracker::new() }
    }

    /// From the first of these servers that gives one; `reach` says which of their addresses may be connected to, and `tls` whom to
    /// believe who they are.
    pub async fn first_of(
        &self,
        servers: &[Server],
        (reach, tls): (&Policy, &TlsConnector),
        far: &Far,
    ) -> Result<Relay, NoRelay> {
        let begun = Instant::now();
        let mut answers: FuturesUnordered<_> = servers
            .iter()
            .zip(0u32..)
            .map(|(server, before)| async move {
                tokio::time::sleep_until(begun + STAGGER * before).await;
                let asked = self.ask(server.clone(), reach.clone(), tls.clone(), far.clone());
                let answer = tokio::time::timeout_at(begun + ASKED_WITHIN, asked).await;
                answer.unwrap_or(Err(RelayError::Late)).map_err(|why| (server.clone(), why))
            })
            .collect();
        let mut failures = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(relay) => return Ok(relay),
                Err(failure) => failures.push(failure),
            }
        }
        Err(NoRelay(failures))
    }

    /// Whatever comes of it is given back if this is dropped.
    async fn ask(
        &self,
        server: Server,
        reach: Policy,
        tls: TlsConnector,
        far: Far,
    ) -> Result<Relay, RelayError> {
        let (waiting, outgoing) = mpsc::channel(WAITING);
        let (told, answer) = oneshot::channel();
        let end = CancellationToken::new();
        let ended = end.clone();
        let guard = end.drop_guard();
        let span = tracing::info_span!("relay", %server);
        let (reception, port) = (self.reception.clone(), far.port);
        let arrived = move |from, packet: &[u8]| reception.relayed(from, port, packet);
        let keep = async move {
            let line = match ended.run_until_cancelled(line::to(&server, &reach, &tls)).await {
                Some(Ok(line)) => line,
                Some(Err(error)) => return drop(told.send(Err(error))),
                None => return,
            };
            let mut carrier = Carrier::new(line, &server, &far.at, arrived);
            let kept = async {
                let relayed = carrier.allocate().await;
                let is_given = relayed.is_ok();
                if told.send(relayed).is_err() || !is_given {
                    return;
                }
                tracing::info!("a relay was given");
                if let Err(error) = carrier.carry(outgoing).await {
                    tracing::warn!(%error, "a relay is lost");
                }
            };
            ended.run_until_cancelled(kept).await;
            carrier.give_back().await;
        };
        self.tasks.spawn(keep.instrument(span));
        let address = answer.await.map_err(|_| RelayError::Ours)??;
        Ok(Relay { address, waiting, _end: guard })
    }

    /// Returns once all that were dropped are given back, or a moment has passed.
    pub async fn end(&self) {
        self.tasks.close();
        drop(tokio::time::timeout(FAREWELL, self.tasks.wait()).await);
    }
}

impl Relay {
    /// Queues a packet. False: there is no room, and it is lost.
    pub fn send(&self, to: SocketAddr, cargo: Cargo, packet: &[u8], metrics: &Metrics) -> bool {
        let has_room = cargo == Cargo::Control || self.waiting.capacity() > RESERVED;
        let packet = || Outgoing { to, packet: Bytes::copy_from_slice(packet) };
        let sent = has_room && self.waiting.try_send(packet()).is_ok();
        let counter = if sent { &metrics.relayed } else { &metrics.unrelayed };
        counter.inc();
        sent
    }

    /// Queues what was spread. Tells what there was no room for.
    pub fn spread(&self, spread: &mut Spread, metrics: &Metrics) -> Vec<Part> {
        let mut missed = Vec::new();
        for message in spread.messages() {
            let part = message.part;
            let send =
                |one: Burst| self.send(part.path.to, Cargo::Media, &spread.bytes()[one.range], metrics);
            if !message.singly().all(send) {
                missed.push(part);
            }
        }
        spread.clear();
        missed
    }
}

#[cfg(test)]
mod tests;
