//! Whoever is at the other end of a connection, by the way media flows.

use std::time::Instant;

use super::connection::Connection;
use super::publisher::Publisher;
use super::viewer::Viewer;

pub(super) enum Peer {
    Viewer(Box<Viewer>),
    Publisher(Box<Publisher>),
}

impl Peer {
    pub fn connection(&self) -> &Connection {
        match self {
            Self::Viewer(viewer) => &viewer.connection,
            Self::Publisher(publisher) => &publisher.connection,
        }
    }

    pub fn connection_mut(&mut self) -> &mut Connection {
        match self {
            Self::Viewer(viewer) => &mut viewer.connection,
            Self::Publisher(publisher) => &mut publisher.connection,
        }
    }

    pub fn wake_at(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Viewer(viewer) => viewer.wake_at(now),
            Self::Publisher(publisher) => publisher.wake_at(now),
        }
    }
}
