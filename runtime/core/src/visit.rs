//! A page that joins a stage: what its connections show, and what follows from that.
//!
//! ```text
//!   Coming ── a connection is up ──> There <── one is again ── Lost ── none for REPAIR ──> over: it is opened again
//!     │                                └─── none for GRACE ─────^
//!     └ none within its time ──> over
//! ```
//! Nothing is taken from what the page says of itself: a connection is up once ICE and DTLS are, and what is sent arrives once the
//! other side reports on it (RFC 3550 §6.4). A page that has lost its stage is given time to come back by itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::connection::State;
use crate::fanout::silence::{SILENT, Silence};
use crate::sending::Sending;
use crate::{backoff, failure, whip};

/// A connection that is not known to be up for so long is lost. Longer than a page is busy for once; with the 7 s that ICE takes to
/// notice (measured with Chromium 156), a peer's death is told within 15 s.
pub const GRACE: Duration = Duration::from_secs(4);
/// From then on, for the page to come back by itself: most do, and keep their place.
pub const REPAIR: Duration = Duration::from_secs(8);
/// For a connection that the page has begun: ICE has given up by then.
pub const WAY: Duration = Duration::from_secs(30);
/// For the page to begin one: it may have to be let in by somebody.
pub const BEGINNING: Duration = Duration::from_secs(120);
/// For a word of the other side, and for something that it could be about. Reports come every few seconds (RFC 3550 §6.2).
const ACKNOWLEDGED: Duration = Duration::from_secs(10);
/// Bytes of one sample, and its connections: the observer sends no more.
const LONGEST: usize = 4096;
pub const MOST_PEERS: usize = 16;
/// Connections that are known at once, in all frames.
const MOST_KNOWN: usize = 64;
/// What waiting does not mend is tried seldom.
const SELDOM: Duration = Duration::from_secs(30);

/// One look at the connections of one document, as the observer tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Sample {
    /// Any number; each document has its own.
    document: u64,
    peers: Vec<Peer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Peer {
    id: u64,
    state: State,
    /// Packets of video since the connection began.
    sent: u64,
    /// When the other side reported on them last, in milliseconds of any clock; 0: never.
    heard: u64,
}

/// What is known of a page since it was opened.
#[derive(Clone, Debug)]
pub struct Visit {
    since: Instant,
    /// By document and connection.
    peers: HashMap<(u64, u64), Known>,
    /// Since when it has had a connection that was begun, up or not: one that is only made may wait in a lobby.
    begun: Option<Instant>,
    /// When one was last known to be up.
    up: Option<Instant>,
    /// When more was last known to be sent, and to be reported on, while one was.
    sent: Option<Instant>,
    heard: Option<Instant>,
    arrived: bool,
    silence: Silence,
    is_silent: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    sent: u64,
    heard: u64,
    /// It was on its way at least, and is not closed.
    is_begun: bool,
    at: Instant,
}

/// How it is with the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Goes(Sending),
    /// It is to be left, and opened again.
    Over(Failure),
}

/// Why a page is not on its stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error(
        "the page cannot be opened ({0}): its address is to be right, and to be allowed by the runtime profile unless it is public"
    )]
    Unreachable(String),
    #[error("the page cannot be trusted ({0}): its server needs a certificate that browsers believe")]
    Untrusted(String),
    #[error("the page's server answered {0}: the page is to be there, for whoever has its address")]
    Status(u16),
    #[error(
        "the page has gone on to another origin, which is not the stage: the invitation is to name the address where it ends up"
    )]
    Elsewhere,
    #[error(
        "the page has crashed or stands still ({0}): it may need more memory than the runtime profile gives"
    )]
    Crashed(String),
    #[error("the browser has ended, and is started again")]
    NoBrowser,
    #[error("the page has begun no connection within {} s: see what it shows, and what it needs to join", BEGINNING.as_secs())]
    Idle,
    #[error(
        "none of the page's connections came up within {} s: its stage is to be reachable from the pod, over UDP or TURN",
        WAY.as_secs()
    )]
    NoWay,
    #[error(
        "the page has no connection to its stage any more; if it does not come back by itself, it is opened again"
    )]
    Lost,
    #[error("the stage has said for {} s of nothing that the page sends that it arrives", SILENT.as_secs())]
    Silent,
}

impl Visit {
    /// Of a page that is being opened.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            peers: HashMap::new(),
            begun: None,
            up: None,
            sent: None,
            heard: None,
            arrived: false,
            silence: Silence::default(),
            is_silent: false,
        }
    }

    /// What the observer tells. It runs among a page's own scripts: what is not as it should be counts for nothing.
    pub fn told(&mut self, text: &str, now: Instant) {
        let sample = (text.len() <= LONGEST).then(|| serde_json::from_str::<Sample>(text).ok()).flatten();
        let Some(Sample { document, peers }) = sample.filter(|sample| sample.peers.len() <= MOST_PEERS)
        else {
            return;
        };
        self.peers.retain(|_, known| now.saturating_duration_since(known.at) < ACKNOWLEDGED);
        for (_, known) in self.peers.iter_mut().filter(|((of, _), _)| *of == document) {
            known.is_begun = false;
        }
        for peer in peers.into_iter().filter(|peer| peer.state != State::Closed) {
            self.look(document, &peer, now);
        }
        let is_begun = self.peers.values().any(|known| known.is_begun);
        self.begun = is_begun.then(|| self.begun.unwrap_or(now));
        if self.arrives(now) {
            self.arrived = true;
        }
    }

    fn look(&mut self, document: u64, peer: &Peer, now: Instant) {
        let key = (document, peer.id);
        let before = self.peers.get(&key).map_or((0, 0), |known| (known.sent, known.heard));
        if self.peers.len() < MOST_KNOWN || self.peers.contains_key(&key) {
            let is_begun = peer.state != State::New;
            self.peers.insert(key, Known { sent: peer.sent, heard: peer.heard, is_begun, at: now });
        }
        // What was on its stage is not there by a connection that only receives.
        if peer.state != State::Connected || (self.arrived && peer.sent == 0) {
            return;
        }
        self.up = Some(now);
        if peer.heard > before.1 {
            self.heard = Some(now);
            self.silence.ends();
        }
        if peer.sent > before.0 {
            self.sent = Some(now);
            self.is_silent = self.silence.sends(now);
        }
    }

    /// How it goes at this moment, by what was told until then.
    pub fn judge(&self, now: Instant) -> Verdict {
        let since = |then: Instant| now.saturating_duration_since(then);
        match self.up.map(since) {
            None if self.begun.is_some_and(|begun| since(begun) >= WAY) => Verdict::Over(Failure::NoWay),
            None if self.begun.is_none() && since(self.since) >= BEGINNING => Verdict::Over(Failure::Idle),
            None => Verdict::Goes(Sending::Connecting),
            Some(gone) if gone >= GRACE + REPAIR => Verdict::Over(Failure::Lost),
            Some(gone) if gone >= GRACE => Verdict::Goes(Sending::Failed(Failure::Lost.told())),
            Some(_) if self.is_silent => Verdict::Over(Failure::Silent),
            Some(_) if self.arrives(now) => Verdict::Goes(Sending::Arriving),
            Some(_) if self.arrived => Verdict::Goes(Sending::Unacknowledged),
            Some(_) => Verdict::Goes(Sending::Connected),
        }
    }

    /// Whether anything that it sent has ever arrived.
    pub const fn has_arrived(&self) -> bool {
        self.arrived
    }

    fn arrives(&self, now: Instant) -> bool {
        let lately =
            |at: Option<Instant>| at.is_some_and(|at| now.saturating_duration_since(at) <= ACKNOWLEDGED);
        lately(self.sent) && lately(self.heard)
    }
}

impl Failure {
    /// Of a condition that tells of a stage.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "StageUnreachable",
            Self::Untrusted(_) => "StageUntrusted",
            // A page's server does not put anybody out of a stage.
            Self::Status(403) => Self::Status(401).reason(),
            Self::Status(status) => whip::refusal(*status, None, String::new()).reason(),
            Self::Elsewhere => "StagePageElsewhere",
            Self::Crashed(_) => "StagePageCrashed",
            Self::NoBrowser => "StageWithoutBrowser",
            Self::Idle => "StagePageIdle",
            Self::NoWay => "StageUnconnected",
            Self::Lost => "StageLost",
            Self::Silent => "StageSilent",
        }
    }

    pub fn told(&self) -> failure::Failure {
        failure::Failure { reason: self.reason(), message: self.to_string() }
    }

    /// How long to wait after that many failures in a row, of which this is the last: as with a server of WHIP.
    pub fn wait(&self, failures: u32) -> Duration {
        match self {
            Self::Status(status) => whip::refusal(*status, None, String::new()).wait(failures),
            Self::Elsewhere => SELDOM,
            _ => backoff::after(failures),
        }
    }
}

#[cfg(test)]
mod tests;
