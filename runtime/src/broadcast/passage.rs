//! The way of what came encoded past decoder and encoder: whoever has the turn gives units, whoever takes them sends them on as they
//! are.
//!
//! ```text
//!   source ──> decoder ──> picture ──> encoder ──┐
//!         └──────────────> Passage ──────────────┴─> hub
//! ```

use std::sync::Arc;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use understudy_core::media::{Kind, Unit};

use super::{Hub, Metrics, Subscriber};

/// Clones are the same.
#[derive(Clone)]
pub struct Passage(Arc<Inner>);

struct Inner {
    hub: Hub,
    turn: Mutex<Turn>,
    /// Units come.
    open: watch::Sender<bool>,
}

/// Who may give.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Turn {
    owner: u64,
    number: u64,
}

/// The right to take the turn, until another has it. Clones are the same.
#[derive(Clone, Copy, Debug)]
pub struct Right(u64);

/// The right to give, until another has it. Dropped, nothing comes any more.
pub struct Pass {
    passage: Passage,
    turn: Turn,
}

/// What comes, from a unit on that can be decoded alone.
pub struct Passing {
    units: Subscriber,
    open: watch::Receiver<bool>,
}

impl Passage {
    pub fn new(kind: Kind) -> Self {
        let hub = Hub::new(kind, Metrics::default());
        Self(Arc::new(Inner { hub, turn: Mutex::default(), open: watch::Sender::new(false) }))
    }

    /// Whoever had the turn has it no more, and may take it no more.
    pub fn right(&self) -> Right {
        let mut turn = self.0.turn.lock();
        *turn = Turn { owner: turn.owner + 1, number: 0 };
        self.0.close();
        Right(turn.owner)
    }

    /// None: another has the right.
    pub fn turn(&self, right: Right) -> Option<Pass> {
        let mut turn = self.0.turn.lock();
        if turn.owner != right.0 {
            return None;
        }
        turn.number += 1;
        self.0.close();
        Some(Pass { passage: self.clone(), turn: *turn })
    }

    /// Nobody has the right, nor the turn.
    pub fn shut(&self) {
        self.right();
    }

    /// Nothing comes for now.
    pub fn close(&self) {
        let _turn = self.0.turn.lock();
        self.0.close();
    }

    /// How many take what comes.
    pub fn demand(&self) -> watch::Receiver<usize> {
        self.0.hub.demand()
    }

    pub fn take(&self) -> Passing {
        Passing { units: self.0.hub.subscribe(), open: self.0.open.subscribe() }
    }
}

impl Inner {
    /// By whoever holds the lock of the turn.
    fn close(&self) {
        self.open.send_if_modified(|open| std::mem::replace(open, false));
    }
}

impl Pass {
    /// Out of turn it is not taken, and what begins is taken from the first on that can be decoded alone.
    pub fn give(&self, unit: Unit) {
        let Inner { turn, open, hub } = &*self.passage.0;
        let turn = turn.lock();
        if *turn == self.turn && (unit.key || *open.borrow()) {
            open.send_if_modified(|open| !std::mem::replace(open, true));
            hub.publish(unit);
        }
    }

    /// Nothing comes for now.
    pub fn pause(&self) {
        let turn = self.passage.0.turn.lock();
        if *turn == self.turn {
            self.passage.0.close();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.pause();
    }
}

impl Passing {
    /// The next unit. None: no more comes for now. Can be dropped and called again without losing one.
    pub async fn next(&mut self) -> Option<Unit> {
        tokio::select! {
            biased;
            _ = self.open.wait_for(|open| !*open) => {
                // What was given before is of no use any more.
                while self.units.next().now_or_never().is_some() {}
                None
            }
            unit = self.units.next() => Some(unit),
        }
    }

    /// The first unit, whenever that comes.
    pub async fn first(&mut self) -> Unit {
        self.units.next().await
    }
}

/// Handles of one passage.
impl PartialEq for Passage {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Passage {}

impl std::fmt::Debug for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passage").field("open", &*self.0.open.borrow()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("turn", &self.turn.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use understudy_core::media::Track;

    use super::*;

    const SOON: Duration = Duration::from_millis(100);

    fn unit(number: u8, key: bool) -> Unit {
        let at = Duration::from_millis(33) * u32::from(number);
        let payload = Bytes::copy_from_slice(&[number]);
        let track = Track::h264(1280, 720, 30);
        Unit { track, pts: at, dts: at, duration: Duration::from_millis(33), key, payload }
    }

    async fn next(passing: &mut Passing) -> Option<u8> {
        let unit = tokio::time::timeout(SOON, passing.next()).await.expect("something must be told");
        unit.map(|unit| unit.payload[0])
    }

    #[tokio::test]
    async fn what_comes_begins_with_a_keyframe_and_ends_when_nothing_comes() {
        let passage = Passage::new(Kind::Video);
        let pass = passage.turn(passage.right()).unwrap();
        let mut passing = passage.take();
        assert_eq!(*passage.demand().borrow(), 1);
        for (number, key) in [(1, false), (2, true), (3, false)] {
            pass.give(unit(number, key));
        }
        assert_eq!(passing.first().await.payload[0], 2);
        assert_eq!(next(&mut passing).await, Some(3));
        pass.pause();
        assert_eq!(next(&mut passing).await, None);
        pass.give(unit(4, false));
        assert_eq!(next(&mut passing).await, None);
        pass.give(unit(5, true));
        assert_eq!(next(&mut passing).await, Some(5), "it goes on");
        drop(pass);
        assert_eq!(next(&mut passing).await, None);
        drop(passing);
        assert_eq!(*passage.demand().borrow(), 0);
    }

    #[tokio::test]
    async fn what_is_given_out_of_turn_is_not_taken() {
        let passage = Passage::new(Kind::Video);
        let right = passage.right();
        let (first, second) = (passage.turn(right).unwrap(), passage.turn(right).unwrap());
        let mut passing = passage.take();
        first.give(unit(1, true));
        second.give(unit(2, true));
        drop(first);
        assert_eq!(next(&mut passing).await, Some(2), "the end of who was before ends nothing");
        passage.shut();
        assert!(passage.turn(right).is_none());
        second.give(unit(3, true));
        assert_eq!(next(&mut passing).await, None);
    }
}
