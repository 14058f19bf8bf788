//! What one reader has still to take, bounded by time.
//!
//! Invariants: it never holds more than its [`Patience`] of media; what it gives out passes a [`Gate`], so that a reader
//! that falls behind continues at a keyframe; audio and video leave in the order they came.

use std::collections::VecDeque;
use std::time::Duration;

use super::gate::{Gate, Verdict};
use crate::media::Unit;

/// Longer than any pause of a healthy reader (a garbage collection, one lost round trip), shorter than what a viewer
/// would call a delay.
pub const LIMIT: Duration = Duration::from_millis(500);
/// Holds even if the times of the frames are nonsense: 500 ms of 60 fps video and 10 ms audio, twice.
const LIMIT_FRAMES: usize = 160;

/// Longer than a machine with too much to do leaves a task waiting. At the most that is encoded it is some megabytes.
const KEPT: Duration = Duration::from_secs(10);
/// As above.
const KEPT_FRAMES: usize = 2_000;

/// How far a reader may be behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// Somebody looks on: what is late is of no use.
    #[default]
    Live,
    /// It is kept: what is late is as good as any.
    Kept,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    Queued,
    /// Not wanted: this reader waits for a keyframe.
    Skipped,
    /// The reader was behind; it continues at a keyframe that was waiting already.
    Jumped {
        dropped: usize,
    },
    /// The reader was behind and has no picture until somebody makes a keyframe.
    Lagged {
        dropped: usize,
    },
}

#[derive(Debug, Default)]
pub struct Backlog {
    frames: VecDeque<Unit>,
    gate: Gate,
    patience: Patience,
    /// So many of the first were there before this reader, which is not behind for them.
    given: usize,
}

impl Patience {
    const fn limits(self) -> (Duration, usize) {
        match self {
            Self::Live => (LIMIT, LIMIT_FRAMES),
            Self::Kept => (KEPT, KEPT_FRAMES),
        }
    }
}

impl Backlog {
    pub fn new(patience: Patience) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Begins with these.
    pub fn give(&mut self, frames: Vec<Unit>) {
        for frame in frames {
            if self.gate.admit(&frame) == Verdict::Send {
                self.frames.push_back(frame);
                self.given += 1;
            }
        }
    }

    pub fn push(&mut self, frame: Unit) -> Pushed {
        if self.gate.admit(&frame) == Verdict::Skip {
            return Pushed::Skipped;
        }
        self.frames.push_back(frame);
        if !self.is_behind() {
            return Pushed::Queued;
        }
        self.catch_up()
    }

    pub fn pop(&mut self) -> Option<Unit> {
        self.given = self.given.saturating_sub(1);
        self.frames.pop_front()
    }

    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Sound against sound and picture against picture: a stream that is late against the other is not a slow reader.
    fn is_behind(&self) -> bool {
        let Some(last) = self.frames.back() else { return false };
        let mut since = self.frames.iter().skip(self.given);
        let first = since.find(|frame| frame.kind() == last.kind()).unwrap_or(last);
        let (limit, frames) = self.patience.limits();
        last.pts.saturating_sub(first.pts) > limit || self.frames.len() - self.given > frames
    }

    fn catch_up(&mut self) -> Pushed {
        let before = self.frames.len();
        self.given = 0;
        // Not the first: a reader that jumps to where it stands stays behind.
        match self.frames.iter().rposition(Unit::starts_picture).filter(|at| *at > 0) {
            Some(at) => {
                self.frames.drain(..at);
                Pushed::Jumped { dropped: before - self.frames.len() }
            }
            None => {
                self.frames.clear();
                self.gate.close();
                Pushed::Lagged { dropped: before }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Track;
    use bytes::Bytes;

    fn video(milliseconds: u64, keyframe: bool) -> Unit {
        Unit {
            track: Track::h264(1280, 720, 30),
            pts: Duration::from_millis(milliseconds),
            dts: Duration::from_millis(milliseconds),
            duration: Duration::from_millis(33),
            key: keyframe,
            payload: Bytes::new(),
        }
    }

    fn audio(milliseconds: u64) -> Unit {
        Unit { track: Track::opus(2), key: true, ..video(milliseconds, true) }
    }

    #[test]
    fn what_is_kept_may_be_late_and_is_bounded_all_the_same() {
        let mut backlog = Backlog::new(Patience::Kept);
        for at in (0..=10_000).step_by(100) {
            assert_eq!(backlog.push(video(at, at == 0)), Pushed::Queued, "{at} ms");
        }
        assert!(matches!(backlog.push(video(10_100, false)), Pushed::Lagged { .. }));
    }

    #[test]
    fn what_a_reader_begins_with_does_not_make_it_late() {
        let mut backlog = Backlog::default();
        backlog.give((0..300).map(|at| video(at * 10, at == 0)).collect());
        assert_eq!(backlog.push(video(3_000, false)), Pushed::Queued);
        assert_eq!(backlog.push(video(3_500, false)), Pushed::Queued);
        let times: Vec<u128> = std::iter::from_fn(|| backlog.pop()).map(|f| f.pts.as_millis()).collect();
        assert_eq!((times.len(), times[0], times[301]), (302, 0, 3_500));
        backlog.give(vec![video(4_000, true)]);
        assert_eq!(backlog.push(video(4_500, false)), Pushed::Queued);
        assert!(matches!(backlog.push(video(5_100, false)), Pushed::Lagged { .. }));
    }

    #[test]
    fn a_reader_that_keeps_up_gets_everything_in_order() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.push(video(0, true)), Pushed::Queued);
        assert_eq!(backlog.push(audio(5)), Pushed::Queued);
        assert_eq!(backlog.push(video(33, false)), Pushed::Queued);
        let times: Vec<u128> = std::iter::from_fn(|| backlog.pop()).map(|f| f.pts.as_millis()).collect();
        assert_eq!(times, [0, 5, 33]);
    }

    #[test]
    fn a_reader_that_stops_holds_a_bounded_time_and_continues_at_a_keyframe() {
        let mut backlog = Backlog::default();
        backlog.push(video(0, true));
        let lag = (1..60).map(|n| backlog.push(video(n * 33, false))).find(|p| *p != Pushed::Queued);
        assert!(matches!(lag, Some(Pushed::Lagged { .. })), "{lag:?}");
        assert!(backlog.is_empty());
        assert_eq!(backlog.push(video(3000, false)), Pushed::Skipped);
        assert_eq!(backlog.push(video(3033, true)), Pushed::Queued);
        assert_eq!(backlog.pop().map(|f| f.key), Some(true));
    }

    #[test]
    fn a_reader_that_is_behind_prefers_a_keyframe_that_already_waits() {
        let mut backlog = Backlog::default();
        backlog.push(video(0, true));
        backlog.push(video(400, true));
        assert_eq!(backlog.push(video(600, false)), Pushed::Jumped { dropped: 1 });
        assert_eq!(backlog.pop().map(|f| f.pts.as_millis()), Some(400));
    }

    #[test]
    fn sound_far_behind_the_picture_is_no_reason_to_drop() {
        let mut backlog = Backlog::default();
        assert_eq!(backlog.push(audio(0)), Pushed::Queued);
        assert_eq!(backlog.push(video(10_000, true)), Pushed::Queued);
    }

    #[test]
    fn sound_alone_is_bounded_too() {
        let mut backlog = Backlog::default();
        for n in 0..1000 {
            backlog.push(audio(n * 20));
            assert!(backlog.len() <= 26);
        }
    }

    #[test]
    fn frames_without_sensible_times_are_bounded_by_number() {
        let mut backlog = Backlog::default();
        for _ in 0..1000 {
            backlog.push(audio(0));
            assert!(backlog.len() <= LIMIT_FRAMES);
        }
    }
}
