//! Offers of ours, as the rest sees them: who checks, why an answer is not taken, and how publishing to a server goes.

use std::time::Instant;

use tokio::sync::watch;
use understudy_core::fanout::receipt::Receipt;
use understudy_core::offer::Unusable;

use super::OfferError;
use super::relay::Far;

/// What we do for finding a way (RFC 8445 §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ice {
    /// The peer checks, and comes to us.
    Lite,
    /// We check, and go to it.
    Full,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The fault of whoever answered.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The same, as the WebRTC stack words it.
    #[error("the answer could not be taken: {0}")]
    Untakeable(String),
    /// The same: it was told that we do not check.
    #[error("the answer is a=ice-lite, as this server is: one of the two must check the way")]
    Lite,
    /// Ours.
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// A server that is published to.
#[derive(Debug)]
pub struct Published {
    /// As in [`Answer::session_id`](super::Answer::session_id).
    pub session_id: String,
    pub progress: watch::Receiver<Progress>,
    /// What a relay would lead to, if it has a port of its own here.
    pub(super) far: Option<Far>,
}

/// How publishing to a server goes.
///
/// ```text
///   Connecting ── ICE and DTLS are up ──> Connected, Showing ── it is said that it comes ──> Sending, each time anew
///        │                                   │              for half a minute no report says that of what is sent ──> Silent
///        └───────────────────────────────────┴──────────────────────> Lost <───────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Connecting,
    /// What is sent may arrive; nobody has said so.
    Connected,
    /// The same; its first picture is on its way.
    Showing,
    Sending(Evidence),
    /// It goes on being sent to until somebody ends it.
    Silent,
    Lost(Lost),
}

/// What a server has said that it received, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub receipt: Receipt,
    pub at: Instant,
}

/// Why a server is published to no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("no connection came about: no way to its addresses, or the handshake failed")]
    NoWay,
    #[error("it fell silent")]
    Silent,
    #[error("it closed the connection")]
    Closed,
    #[error("the connection broke down in the WebRTC stack")]
    Broken,
    /// From here.
    #[error("it was ended")]
    Ended,
}
