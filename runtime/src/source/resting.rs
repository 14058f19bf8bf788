//! What of one opened source rests now.

use std::time::Duration;

use understudy_core::input::rest::{Change, Rest};
use understudy_core::media::Kind;

use super::need::Needs;

const KINDS: [Kind; 2] = [Kind::Video, Kind::Audio];

/// Kinds rest each by itself where a decoder alone can, and together where the whole stands still.
#[derive(Debug)]
pub(super) struct Resting {
    needs: Needs,
    kinds: [Rest; KINDS.len()],
    whole: Rest,
}

impl Resting {
    pub fn new(needs: Needs) -> Self {
        Self { needs, kinds: Default::default(), whole: Rest::default() }
    }

    /// Resolves when somebody needs something that nobody did, or the other way round.
    pub async fn changed(&mut self) {
        self.needs.changed().await;
    }

    /// `plays`: what is asked for has been seen to play.
    pub fn look_at(&mut self, kind: Kind, now: Duration, plays: bool) -> Option<Change> {
        let needed = self.needs.is(kind);
        self.kinds[kind as usize].look(now, needed, plays)
    }

    pub fn look_at_all(&mut self, now: Duration, plays: bool) -> Option<Change> {
        self.whole.look(now, self.needs.any(), plays)
    }

    /// It is another one now, and has to be seen to play first.
    pub fn forget(&mut self, kind: Kind) {
        self.kinds[kind as usize] = Rest::default();
    }

    pub fn stands_still(&self) -> bool {
        self.whole.rests()
    }

    /// Whether nothing that it carries is decoded, or goes out as it comes.
    pub fn rests(&self) -> bool {
        let mut carried = KINDS.into_iter().filter(|kind| self.needs.carry(*kind));
        let rests = |kind| self.kinds[kind as usize].rests() && !self.needs.is_passed(kind);
        self.stands_still() || carried.all(rests)
    }
}
