//! Desks: viewers that have data channels as well, and with whom descriptions are exchanged for as long as they are there.

use std::sync::Arc;

use bytes::Bytes;
use understudy_core::level::Level;
use understudy_core::offer::{Description, Unusable};

use super::{Handle, OfferError};
use crate::program::Program;

/// Who offers first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// We do, at once. An offer of the peer's that comes before its answer is not heard.
    Us,
    /// The peer does. As soon as it is answered we offer what it has not asked for.
    Peer,
}

/// What a desk is to be.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// What [`Handle::viewers`] counts by.
    pub name: &'a str,
    /// Of the picture.
    pub level: Level,
    pub first: First,
    /// What is said on `general` each second, so that whoever is there has to acknowledge it.
    pub pulse: &'static str,
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
    /// The same.
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
    /// The peer, or we, closed a channel.
    Shut {
        label: Arc<str>,
    },
    /// Nothing has come from the peer for [`SILENT_AFTER`], although it was asked.
    Silent,
    /// Something has come again.
    Heard,
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

/// Why something of the peer's was not taken. The desk goes on.
#[derive(Debug, thiserror::Error)]
pub enum SaidError {
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// One desk; dropped, it ends.
pub struct Desk {}

/// Says something on the data channels of a desk; clones are the same.
#[derive(Clone)]
pub struct Speaker {}

impl Handle {
    /// One more viewer, that has data channels as well.
    pub fn desk(&self, program: &Program, opening: Opening<'_>) -> Result<Desk, OfferError> {
        todo!()
    }
}

impl Desk {
    /// Hears what the peer says. May take as long as a loop needs for taking in the peer.
    pub async fn hear(&mut self, said: Said) -> Result<(), SaidError> {
        todo!()
    }

    /// What there is to tell next. After [`Told::Closed`] it is that forever. May be given up on without losing anything.
    pub async fn told(&mut self) -> Told {
        todo!()
    }

    pub fn speaker(&self) -> Speaker {
        todo!()
    }
}

impl Speaker {
    /// False: the peer is gone. What a channel that is unordered has no room for is lost; of any other it ends the desk. A label of
    /// which there is no open channel is passed over.
    pub async fn say(&self, label: &str, message: Message) -> bool {
        todo!()
    }
}
