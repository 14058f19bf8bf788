//! Desks, as the rest sees them: what is said and told of one, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use understudy_core::fanout::quality::Quality;
use understudy_core::level::Level;
use understudy_core::offer::{Description, First, Unfit};

use super::OfferError;
use super::ending::Why;

/// What a peer holds is let go when nothing has come from it for that long.
pub const SILENT_AFTER: Duration = Duration::from_secs(2);

/// What a desk is to be.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What [`Handle::viewers`](super::Handle::viewers) counts by.
    pub name: &'a str,
    /// Of the picture.
    pub level: Level,
    pub first: First,
    /// What is said on `general` to whom nothing comes from, so that its stack acknowledges it: text that means nothing new to whoever
    /// knows how well its network does.
    pub pulse: fn(Quality) -> &'static str,
}

/// What the peer says over its own way to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Description(Description),
    /// Not needed: the peer comes to us.
    Candidate(Candidate),
}

/// As `RTCIceCandidateInit` has it (W3C WebRTC §4.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Empty: there are no more.
    pub candidate: String,
    pub sdp_mid: Option<String>,
    pub sdp_mline_index: Option<u16>,
    pub username_fragment: Option<String>,
}

/// What there is to tell of a desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// To the peer, over its own way.
    Description(Description),
    /// The same. The description has them all, for whoever reads it.
    Candidate(Candidate),
    Connected,
    /// A data channel of the peer's, or `general` of ours, can be used.
    Opened {
        label: Arc<str>,
    },
    Message {
        label: Arc<str>,
        message: Message,
    },
    /// A data channel is there no longer.
    Shut {
        label: Arc<str>,
    },
    /// Nothing has come from the peer for [`SILENT_AFTER`], although it was asked.
    Silent,
    /// Something has come again.
    Heard,
    /// How well its network does, if that changes; good, at first. It may be lost, and pulses go by it.
    Quality(Quality),
    /// It was the last.
    Closed(Ended),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Bytes),
}

/// Why a desk is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    #[error("no connection came about")]
    NeverCame,
    #[error("the peer fell silent")]
    Silent,
    #[error("the peer closed the connection")]
    Closed,
    #[error("the connection broke down in the WebRTC stack")]
    Broken,
    #[error("the peer reads its data channels too slowly")]
    Slow,
    #[error("what the peer says is not taken from here")]
    Unheard,
    /// From here.
    #[error("it was ended")]
    Ended,
}

/// Why something of the peer's was not taken. The desk is as it was.
#[derive(Debug, thiserror::Error)]
pub enum SaidError {
    /// The peer's fault.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// Ours: there is no desk any more.
    #[error(transparent)]
    Offer(#[from] OfferError),
}

impl Message {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }
}

impl Ended {
    pub(super) const fn of(why: Why) -> Self {
        match why {
            Why::NeverCame => Self::NeverCame,
            Why::Silent => Self::Silent,
            Why::Closed => Self::Closed,
            Why::Broken => Self::Broken,
            Why::Slow => Self::Slow,
            Why::Unheard => Self::Unheard,
            Why::Left | Why::Ended | Why::Shutdown => Self::Ended,
        }
    }
}
