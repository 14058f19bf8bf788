//! What a loop is told, and asked.

use std::net::SocketAddr;

use tokio::sync::oneshot;
use understudy_core::fanout::keyframe::Need;
use understudy_core::offer::Credentials;

use super::super::directory::PeerId;
use super::super::publisher::Publisher;
use super::super::relay::Relay;
use super::super::viewer::{Viewer, Word};
use super::super::{Begun, OfferError, Restarted};
use crate::program::Program;

pub(in super::super) enum Command {
    Admit {
        id: PeerId,
        name: String,
        program: Program,
        viewer: Box<Viewer>,
        reply: oneshot::Sender<()>,
    },
    Receive {
        id: PeerId,
        publisher: Box<Publisher>,
        reply: oneshot::Sender<()>,
    },
    /// A whole picture is wanted of a publisher.
    Refresh {
        id: PeerId,
        need: Need,
    },
    Leave {
        id: PeerId,
        reply: oneshot::Sender<bool>,
    },
    Find {
        id: PeerId,
        reply: oneshot::Sender<Option<Begun>>,
    },
    /// The way to a viewer is to be found anew.
    Restart {
        id: PeerId,
        credentials: Credentials,
        reply: oneshot::Sender<Option<Result<Restarted, OfferError>>>,
    },
    /// A peer that we check can be reached by a relay, too, at these of its addresses.
    AddRelay {
        id: PeerId,
        relay: Relay,
        at: Vec<SocketAddr>,
        reply: oneshot::Sender<()>,
    },
    /// One who is in a call may be reached at that address, too, as that line of SDP says.
    Reach {
        id: PeerId,
        at: SocketAddr,
        line: String,
    },
    Desk {
        id: PeerId,
        word: Word,
    },
    /// Nobody watches that program any more.
    End {
        name: String,
    },
}
