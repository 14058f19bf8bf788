//! The loops as the rest sees them: who comes is given to the one with the fewest peers, and is found there.
//!
//! They live and end together: whoever looks after one of them looks after all.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::OfferError;
use super::connection::Connection;
use super::directory::{Directory, Home, LoopId, PeerId};
use super::driver::{Command, Driver, Shared};
use super::reception::{Inlet, Reception};
use super::transport_address::TransportAddress;
use super::ways::Ways;

/// A mailbox entry is one join or leave; more than this many at once wait at the door.
const MAILBOX: usize = 64;
/// A loop answers within one of its turns; longer means that it is gone or the machine is stuck.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);

/// A peer that no loop has yet.
pub(super) struct Newcomer {
    session_id: String,
    ufrag: String,
    /// Where it is, if it is we who look for it.
    at: Vec<TransportAddress>,
}

impl Newcomer {
    pub fn new(connection: &Connection, at: Vec<TransportAddress>) -> Self {
        Self { session_id: connection.session_id().to_owned(), ufrag: connection.ufrag().to_owned(), at }
    }
}

/// Clones are the same loops.
#[derive(Clone)]
pub(super) struct Loops {
    mailboxes: Arc<[mpsc::Sender<Command>]>,
    directory: Directory,
    stopped: CancellationToken,
}

impl Loops {
    /// One for each inlet, and what fills those. They end with `shutdown`, or when the first of them does.
    pub fn start(
        ways: Ways,
        (reception, inlets): (Reception, Vec<Inlet>),
        shared: Shared,
        shutdown: &CancellationToken,
    ) -> Self {
        let (end, stopped) = (shutdown.child_token(), CancellationToken::new());
        let directory = shared.directory.clone();
        let mut tasks = JoinSet::new();
        let (mut mailboxes, count) = (Vec::new(), inlets.len());
        for (number, inlet) in inlets.into_iter().enumerate() {
            let (mailbox, inbox) = mpsc::channel(MAILBOX);
            mailboxes.push(mailbox);
            tasks.spawn(Driver::new(ways.share(count), inlet, shared.clone()).run(
                number,
                inbox,
                end.clone(),
            ));
        }
        let (reading, until) = (reception.read(ways.socket.reader()), end.clone());
        tasks.spawn(async move {
            let _ = until.run_until_cancelled(reading).await;
        });
        tokio::spawn(keep(tasks, ways, end, stopped.clone().drop_guard()));
        Self { mailboxes: mailboxes.into(), directory, stopped }
    }

    /// None at all.
    #[cfg(test)]
    pub fn nobody() -> Self {
        Self { mailboxes: Arc::new([]), directory: Directory::new(0), stopped: CancellationToken::new() }
    }

    /// A new peer; returns when its loop has it.
    pub async fn take_in(
        &self,
        newcomer: &Newcomer,
        command: impl FnOnce(PeerId, oneshot::Sender<()>) -> Command,
    ) -> Result<(), OfferError> {
        let (on, room) = self.room().await.ok_or(OfferError::NotRunning)?;
        // Without a break, in which whoever asks could go away: what is expected is forgotten by its loop alone.
        let home = self.directory.expect(on, &newcomer.session_id, &newcomer.ufrag);
        self.directory.hope(home.peer, &newcomer.at);
        let (reply, taken_in) = oneshot::channel();
        room.send(command(home.peer, reply));
        answered(taken_in).await.ok_or(OfferError::NotRunning)
    }

    /// In the loop with the fewest peers of those that take somebody in at once; none does, and it is waited for.
    async fn room(&self) -> Option<(LoopId, mpsc::Permit<'_, Command>)> {
        let all = self.directory.by_peers();
        let free = all.iter().find_map(|on| Some((*on, self.mailboxes[on.0].try_reserve().ok()?)));
        if free.is_some() {
            return free;
        }
        let on = *all.first()?;
        let room = tokio::time::timeout(ANSWER_DEADLINE, self.mailboxes[on.0].reserve()).await;
        Some((on, room.ok()?.ok()?))
    }

    /// What the loop of that peer answers; none: there is no such peer.
    pub async fn ask<T>(
        &self,
        session_id: &str,
        command: impl FnOnce(PeerId, oneshot::Sender<T>) -> Command,
    ) -> Option<T> {
        let home = self.directory.find_session(session_id)?;
        let (reply, answer) = oneshot::channel();
        let told = self.mailboxes[home.on.0].send_timeout(command(home.peer, reply), ANSWER_DEADLINE);
        told.await.ok()?;
        answered(answer).await
    }

    /// Whether the loop of that peer will hear it.
    pub async fn tell(&self, session_id: &str, command: impl FnOnce(PeerId) -> Command) -> bool {
        let Some(Home { peer, on }) = self.directory.find_session(session_id) else { return false };
        self.mailboxes[on.0].send_timeout(command(peer), ANSWER_DEADLINE).await.is_ok()
    }

    /// What meets a full mailbox is lost.
    pub fn try_tell(&self, session_id: &str, command: impl FnOnce(PeerId) -> Command) {
        if let Some(Home { peer, on }) = self.directory.find_session(session_id) {
            drop(self.mailboxes[on.0].try_send(command(peer)));
        }
    }

    pub async fn tell_all(&self, command: impl Fn() -> Command) {
        let told = self.mailboxes.iter().map(|mailbox| mailbox.send_timeout(command(), ANSWER_DEADLINE));
        for told in join_all(told).await {
            // One that has stopped has ended everything of its own.
            if matches!(told, Err(SendTimeoutError::Timeout(_))) {
                tracing::warn!("a media loop has not taken what all are told within {ANSWER_DEADLINE:?}");
            }
        }
    }

    /// Returns when all have ended.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }
}

async fn answered<T>(answer: oneshot::Receiver<T>) -> Option<T> {
    tokio::time::timeout(ANSWER_DEADLINE, answer).await.ok()?.ok()
}

/// With the first that ends all do, then connections after what was said last, and relays.
#[tracing::instrument(name = "rtc", skip_all)]
async fn keep(mut tasks: JoinSet<()>, ways: Ways, end: CancellationToken, _stopped: DropGuard) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a media loop broke down");
        }
        end.cancel();
    }
    ways.streams.end().await;
    ways.turn.end().await;
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::super::metrics::Metrics;
    use super::super::relay::Relays;
    use super::super::socket::Socket;
    use super::super::streams::Streams;
    use super::*;
    use crate::program::Audience;

    fn start(count: usize) -> Loops {
        let (directory, metrics) = (Directory::new(count), Metrics::default());
        let (reception, inlets) = Reception::new(directory.clone(), count, metrics.clone());
        let socket = Socket::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a port must be free");
        let streams = Streams::new(reception.clone(), metrics.clone());
        let shared = Shared { directory, announced: Arc::new([]), metrics, audience: Audience::default() };
        let ways = Ways::new(socket, streams, Relays::new(reception.clone()));
        Loops::start(ways, (reception, inlets), shared, &CancellationToken::new())
    }

    #[tokio::test]
    async fn with_one_loop_that_ends_all_have_ended_and_that_is_told() {
        let Loops { mailboxes, stopped, .. } = start(3);
        let others = [mailboxes[0].clone(), mailboxes[2].clone()];
        assert!(!stopped.is_cancelled());
        // Nobody is left who could tell the second anything, and it ends.
        drop(mailboxes);
        tokio::time::timeout(ANSWER_DEADLINE, stopped.cancelled()).await.expect("all must end");
        assert!(others.iter().all(mpsc::Sender::is_closed));
    }
}
