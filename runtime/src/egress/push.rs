//! Push: a program sent to somebody else's RTMP server, for as long as it is wanted.
//!
//! ```text
//!              taken                       nothing is acknowledged, refused, lost
//!   Connecting ─────> Sending ──────────────────────────────────────────────┐
//!       ^  └──────────────────────────────────────────────────> Failed <────┘
//!       └──────────────── after a wait that doubles ────────────────┘
//! ```
//! What counts is what the destination's kernel has acknowledged, not what ours has taken: that takes megabytes for a peer that
//! reads nothing any more. Neither key nor address is in what is told of it.

mod attempt;
mod queue;

pub use attempt::Failure;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use understudy_core::backoff;
use understudy_core::redact::redacted;
use understudy_core::rendition::Video;
use understudy_rtmp::client::{BadTarget, Target};

use super::rtmp::Streams;
use crate::guard;
use crate::program::Program;

/// Whoever was taken for so long and is lost then begins anew with a short wait.
const SETTLED: Duration = Duration::from_secs(30);

/// For the last words to a destination.
const FAREWELL: Duration = Duration::from_secs(2);

/// What is sent where.
#[derive(Clone)]
pub struct Wanted {
    pub target: Destination,
    pub program: Program,
    pub rendition: Video,
}

/// An address with its key, which is printed nowhere.
#[derive(Clone, Debug)]
pub struct Destination {
    target: Target,
    url: Hidden,
}

#[derive(Clone)]
struct Hidden(String);

/// How others are reached.
#[derive(Clone)]
pub struct Reach {
    pub streams: Streams,
    /// Which addresses may be connected to.
    pub guard: guard::Policy,
    /// Whom to believe who they are; see [`super::trust`].
    pub tls: TlsConnector,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Connecting,
    Sending {
        since: Instant,
        /// Of what was sent since then.
        bytes_acknowledged: u64,
        /// When that grew last.
        acknowledged_at: Instant,
    },
    Failed {
        /// Without key, for people.
        why: String,
        again_at: Instant,
    },
}

/// A push that runs. Dropped, it is cut off; [`Self::stop`] says goodbye.
pub struct Push {
    state: watch::Receiver<State>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Destination {
    /// Of `rtmp://host/app/key` or `rtmps://host/app/key`.
    pub fn parse(url: &str) -> Result<Self, BadTarget> {
        Ok(Self { target: Target::parse(url)?, url: Hidden(url.to_owned()) })
    }

    /// As it may be shown: without its key.
    pub fn shown(&self) -> String {
        redacted(&self.url.0)
    }
}

impl State {
    /// A name that is looked up for long, or a destination that thinks for long, has taken nothing.
    fn is_settled(&self, now: Instant) -> bool {
        matches!(self, Self::Sending { since, .. } if now.duration_since(*since) > SETTLED)
    }
}

impl Push {
    pub fn start(wanted: Wanted, reach: Reach) -> Self {
        let (told, state) = watch::channel(State::Connecting);
        let stop = CancellationToken::new();
        let span = tracing::info_span!("push", to = wanted.target.shown());
        let task = tokio::spawn(run(wanted, reach, told, stop.clone()).instrument(span));
        Self { state, stop, task: AbortOnDropHandle::new(task) }
    }

    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Tells the destination that nothing more comes, if it listens.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.task).await;
    }
}

async fn run(wanted: Wanted, reach: Reach, told: watch::Sender<State>, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        told.send_replace(State::Connecting);
        let Err(failure) = attempt::attempt(&wanted, &reach, &told, &stop).await else { return };
        failures = if told.borrow().is_settled(Instant::now()) { 1 } else { failures + 1 };
        let why = failure.to_string();
        tracing::warn!(why, failures, "a push failed");
        let again_at = Instant::now() + backoff::after(failures);
        told.send_replace(State::Failed { why, again_at });
        if stop.run_until_cancelled(tokio::time::sleep_until(again_at)).await.is_none() {
            return;
        }
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_push_that_was_taken_for_long_begins_anew_with_a_short_wait() {
        let since = Instant::now();
        let sending = State::Sending { since, bytes_acknowledged: 1, acknowledged_at: since };
        assert!(!sending.is_settled(since + SETTLED));
        assert!(sending.is_settled(since + SETTLED * 2));
        assert!(!State::Connecting.is_settled(since + SETTLED * 2));
    }
}
