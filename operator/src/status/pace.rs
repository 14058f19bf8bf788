//! How long a change of one object's status waits. Pure.
//!
//! Bad news never waits. Good news does not either, unless it has come often lately: then it has to hold for a while, so
//! that what comes and goes is told as what it is, broken, and costs few writes.

use crate::status::urgency::Urgency;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A change that nobody waits for is written after this long at the latest. Most starts are over before it, so that what is
/// passed through on the way is never written.
const COALESCE: Duration = Duration::from_secs(5);
/// How far back recoveries are counted.
const MEMORY: Duration = Duration::from_secs(300);
/// Recoveries in that time that are believed at once. A machine that is being repaired has a handful, a source that flaps one
/// a second.
const BELIEVED: usize = 8;
/// How long a further one has to hold.
const HOLD: Duration = Duration::from_secs(30);

/// What is remembered of one object for it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Since when a change that is not urgent waits.
    waiting: Option<Instant>,
    /// Since when all is well, while that has to hold.
    well: Option<Instant>,
    /// When recoveries were written, the oldest first.
    recoveries: VecDeque<Instant>,
}

impl Pace {
    /// How long this change still waits; `None`: it is written.
    pub(super) fn rest(&mut self, urgency: Urgency, now: Instant) -> Option<Duration> {
        if urgency != Urgency::Recovery {
            self.well = None;
        }
        match urgency {
            Urgency::Now => None,
            Urgency::CanWait => left(*self.waiting.get_or_insert(now), COALESCE, now),
            Urgency::Recovery if self.is_calm(now) => None,
            Urgency::Recovery => left(*self.well.get_or_insert(now), HOLD, now),
        }
    }

    /// All is as it was written last.
    pub(super) fn settle(&mut self) {
        (self.waiting, self.well) = (None, None);
    }

    /// A change was written.
    pub(super) fn written(&mut self, urgency: Urgency, now: Instant) {
        self.settle();
        if urgency == Urgency::Recovery {
            self.recoveries.push_back(now);
        }
    }

    fn is_calm(&mut self, now: Instant) -> bool {
        while self.recoveries.front().is_some_and(|then| now.saturating_duration_since(*then) > MEMORY) {
            self.recoveries.pop_front();
        }
        self.recoveries.len() < BELIEVED
    }
}

fn left(since: Instant, whole: Duration, now: Instant) -> Option<Duration> {
    whole.checked_sub(now.saturating_duration_since(since)).filter(|rest| !rest.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Breaks and recovers every second, for that many minutes; how often either is written.
    fn flap(pace: &mut Pace, start: Instant, minutes: u32) -> usize {
        let (mut writes, mut told_well) = (0, true);
        for second in 0..minutes * 60 {
            let (now, well) = (start + SECOND * second, second % 2 == 1);
            let urgency = if well { Urgency::Recovery } else { Urgency::Now };
            if well == told_well {
                pace.settle();
            } else if pace.rest(urgency, now).is_none() {
                pace.written(urgency, now);
                (writes, told_well) = (writes + 1, well);
            }
        }
        writes
    }

    #[test]
    fn what_flaps_each_second_is_written_a_few_times_and_then_stays_broken() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(flap(&mut pace, start, 5), 2 * BELIEVED + 1);
    }

    #[test]
    fn a_recovery_after_many_is_told_once_it_holds() {
        let mut pace = Pace::default();
        let start = Instant::now();
        flap(&mut pace, start, 1);
        pace.settle();
        let well = start + 60 * SECOND;
        assert_eq!(pace.rest(Urgency::Recovery, well), Some(HOLD));
        assert_eq!(pace.rest(Urgency::Recovery, well + HOLD / 2), Some(HOLD / 2));
        assert_eq!(pace.rest(Urgency::Recovery, well + HOLD), None);
    }

    #[test]
    fn a_recovery_after_long_calm_is_told_at_once() {
        let mut pace = Pace::default();
        let start = Instant::now();
        flap(&mut pace, start, 1);
        assert_eq!(pace.rest(Urgency::Recovery, start + 60 * SECOND + MEMORY), None);
    }

    #[test]
    fn what_can_wait_waits_no_longer_because_more_follows() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!(pace.rest(Urgency::CanWait, start), Some(COALESCE));
        assert_eq!(pace.rest(Urgency::CanWait, start + 2 * SECOND), Some(COALESCE - 2 * SECOND));
        assert_eq!(pace.rest(Urgency::CanWait, start + COALESCE), None);
    }
}
