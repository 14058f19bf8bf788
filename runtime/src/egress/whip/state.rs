//! How publishing to a target goes, for whoever wants to know.

use std::time::{Duration, Instant};

use understudy_core::fanout::receipt::Receipt;
use understudy_core::whip::Failure;

#[derive(Clone, Debug)]
pub struct State {
    pub phase: Phase,
    /// When the phase began.
    pub since: Instant,
    /// What went wrong last; what came since may be well.
    pub failure: Option<Failure>,
    /// What the servers have said that they received, in all sessions, and when they said it last.
    pub receipt: Receipt,
    pub acknowledged: Option<Instant>,
}

/// ```text
///   Connecting ──> Connected ──> Sending
///     ^    └────────────┴───────────┴─> Waiting ── its time has come ──> Connecting
///     └ at first                   told to stop, at any time ──> Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The server is asked, or a way to it is sought.
    Connecting,
    /// What is sent may arrive; nobody has said so.
    Connected,
    /// The server says that it arrives.
    Sending,
    /// It is tried again then.
    Waiting {
        until: Instant,
    },
    Ended,
}

impl State {
    pub(super) fn new(now: Instant) -> Self {
        let receipt = Receipt::default();
        Self { phase: Phase::Connecting, since: now, failure: None, receipt, acknowledged: None }
    }

    /// Whether the server has said within that time that something arrived.
    pub fn is_acknowledged(&self, within: Duration, now: Instant) -> bool {
        self.acknowledged.is_some_and(|at| now.saturating_duration_since(at) <= within)
    }

    pub(super) fn enter(&mut self, phase: Phase, now: Instant) {
        if self.phase != phase {
            (self.phase, self.since) = (phase, now);
        }
    }
}
