//! One step of a picture, and who is shown it.

use understudy_core::fanout::history::History;
use understudy_core::rendition::Step;

use super::super::directory::PeerId;
use super::Feed;
use crate::broadcast::Hub;

pub(in super::super) struct Picture {
    pub step: Step,
    pub hub: Hub,
    pub viewers: Vec<PeerId>,
    /// Who is shown another step until this one has a keyframe.
    pub arriving: Vec<PeerId>,
    /// What is sent again to whoever asks.
    pub history: History,
    pub(super) feed: Feed,
}

impl Picture {
    pub(super) fn new(step: Step, hub: Hub, feed: Feed) -> Self {
        let history = History::reaching(hub.reach());
        Self { step, hub, viewers: Vec::new(), arriving: Vec::new(), history, feed }
    }

    /// Another viewer is the first: should the kernel's room end, it does not always end for the same.
    pub(super) fn rotate(&mut self) {
        if !self.viewers.is_empty() {
            self.viewers.rotate_left(1);
        }
    }

    pub(super) fn forget(&mut self, viewer: PeerId) {
        self.viewers.retain(|other| *other != viewer);
        self.arriving.retain(|other| *other != viewer);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.viewers.is_empty() && self.arriving.is_empty()
    }
}
