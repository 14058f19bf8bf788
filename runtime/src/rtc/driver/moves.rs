//! Viewers come from one step of a picture to another, at a keyframe of that.

use std::time::Instant;

use understudy_core::fanout::keyframe::Need;
use understudy_core::rendition::Step;

use super::super::directory::PeerId;
use super::super::distribution::Fed;
use super::super::peer::Peer;
use super::Driver;

impl Driver {
    /// A viewer is to be shown another step. Until that has a keyframe it is shown what it was.
    pub(super) fn expect(&mut self, id: PeerId, step: Step, now: Instant) {
        let Self { peers, distributions, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        let distribution = viewer.distribution.and_then(|distribution| distributions.get_mut(distribution));
        if let Some(distribution) = distribution.filter(|distribution| distribution.has_steps()) {
            distribution.expect(step, id);
            viewer.expect(step, now);
            tracing::debug!(viewer = id.0, from = ?viewer.step(), to = ?step, "a viewer's network carries another step");
        }
    }

    /// After a frame: whoever expects its picture goes over to it, if that can be done now.
    pub(super) fn bring(&mut self, fed: &Fed, now: Instant) {
        let arriving = self.distributions.get(fed.distribution).and_then(|of| of.arriving(fed.feed));
        for id in arriving.map(<[PeerId]>::to_vec).unwrap_or_default() {
            if self.switch(id, now) {
                self.pour(id, now);
                self.settle(id);
            }
        }
    }

    fn switch(&mut self, id: PeerId, now: Instant) -> bool {
        let Self { peers, distributions, metrics, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return false };
        let (Some(distribution), Some(step)) = (viewer.distribution, viewer.expected()) else { return false };
        let Some(distribution) = distributions.get_mut(distribution) else { return false };
        let from = viewer.step();
        let goes = distribution.picture(step).is_some_and(|picture| viewer.switch(&picture.history, now));
        if goes {
            distribution.moved(step, id);
            metrics.moved(from, step);
            tracing::info!(viewer = id.0, ?from, to = ?step, "viewer is shown another step");
        }
        goes
    }

    /// Of what it expects it needs a keyframe.
    pub(super) fn ask_expected(&self, id: PeerId) {
        let Some(Peer::Viewer(viewer)) = self.peers.get(&id) else { return };
        let Some(step) = viewer.expected() else { return };
        if let Some(picture) = self.distributions.picture(viewer.distribution, step) {
            picture.hub.request_keyframe(Need::Repair);
        }
    }

    /// What a viewer was to be shown does not come.
    pub(super) fn stay(&mut self, id: PeerId, now: Instant) {
        let Self { peers, distributions, metrics, .. } = self;
        let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { return };
        viewer.stay(now);
        if let Some(of) = viewer.distribution.and_then(|distribution| distributions.get_mut(distribution)) {
            of.stays(id);
        }
        metrics.moves_failed.inc();
        tracing::warn!(
            viewer = id.0,
            "a step of a picture did not come, and a viewer stays with what it has"
        );
    }
}
