//! A frame goes to all who are shown it, slice by slice.

use std::time::Instant;

use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::round::Round;

use super::super::directory::PeerId;
use super::super::distribution::Fed;
use super::super::peer::Peer;
use super::super::viewer::{Showing, Shown};
use super::Driver;

/// The frame that is on its way.
pub(super) struct Leaving {
    fed: Fed,
    anchor: Anchor,
    round: Round<PeerId>,
}

impl Driver {
    /// The next frame. Whoever begins from now on begins with it.
    pub(super) fn take_frame(&mut self, fed: Fed) {
        let Some(distribution) = self.distributions.get_mut(fed.distribution) else { return };
        let anchor = distribution.anchor(&fed.cut, Instant::now());
        let round = Round::new(distribution.take(&fed));
        self.leaving = Some(Leaving { fed, anchor, round });
    }

    /// Something that has come was looked at: the frame that is on its way goes on when it is its turn.
    pub(super) fn looked(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        leaving.round.looked();
        if leaving.round.is_due() {
            self.send_slice();
        }
    }

    /// Nothing has come.
    pub(super) fn undisturbed(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.round.undisturbed();
        }
    }

    /// The next slice of the frame that is on its way.
    fn send_slice(&mut self) {
        let Some(mut leaving) = self.leaving.take() else { return };
        let now = Instant::now();
        let Self { ways, peers, spreads, metrics, .. } = self;
        let showing = Showing { cut: &leaving.fed.cut, anchor: leaving.anchor, now };
        let mut unsettled = Vec::new();
        let mut slice = leaving.round.slice();
        while let Some(id) = slice.next(spreads.bytes(), unsettled.len()) {
            // Or it is gone since.
            let Some(Peer::Viewer(viewer)) = peers.get_mut(&id) else { continue };
            if viewer.show(id, &showing, spreads.to(viewer.path)) == Shown::Settle {
                unsettled.push(id);
            }
        }
        let missed = ways.spread(spreads, metrics);
        self.skip(&missed);
        for id in unsettled {
            self.settle(id);
        }
        if leaving.round.is_over() {
            self.bring(&leaving.fed, now);
        } else {
            self.leaving = Some(leaving);
        }
    }
}
