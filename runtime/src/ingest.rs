//! Where media that others send to the session comes in: what is expected now, and the doors for it.

pub mod peer;
pub mod socket;

use std::sync::Arc;

use tokio::sync::watch;
use understudy_core::input::Protocol;
use understudy_core::media::Kind;

/// The doors of one session; clones are the same doors.
#[derive(Clone, Debug, Default)]
pub struct Ingest {
    expected: Arc<watch::Sender<Expected>>,
    pub socket: socket::Inlets,
    pub peer: peer::Door,
}

/// How picture and sound are expected to arrive; none: not by sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub video: Option<Protocol>,
    pub audio: Option<Protocol>,
}

impl Ingest {
    /// Says what is expected from now on; whoever sends something else is sent away.
    pub fn expect(&self, video: Option<Protocol>, audio: Option<Protocol>) {
        let expected = Expected { video, audio };
        self.expected.send_if_modified(|last| std::mem::replace(last, expected) != expected);
    }

    pub fn expected(&self) -> watch::Receiver<Expected> {
        self.expected.subscribe()
    }
}

impl Expected {
    /// Whether anything is expected to arrive in this way.
    pub fn any(self, protocol: Protocol) -> bool {
        [self.video, self.audio].contains(&Some(protocol))
    }

    pub const fn of(self, kind: Kind) -> Option<Protocol> {
        match kind {
            Kind::Video => self.video,
            Kind::Audio => self.audio,
        }
    }
}
