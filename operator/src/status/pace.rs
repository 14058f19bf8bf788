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
/// From a way to the stage until what is sent is seen to arrive there it takes half a second most often; whoever waits for the way alone
/// does not mind so much.
const STEP: Duration = Duration::from_secs(1);
/// How far back they are counted.
const MEMORY: Duration = Duration::from_secs(300);
/// Recoveries, or changes of whether there are viewers, in that time that are believed at once. A machine that is being
/// repaired has a handful, a source that flaps one a second, and viewers as many as they like.
const BELIEVED: usize = 8;
/// How long a further one has to hold.
const HOLD: Duration = Duration::from_secs(30);

/// What is remembered of one object for it.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Since when a change that is not urgent waits.
    waiting: Option<Instant>,
    /// Since when a way to the stage does, whatever else has waited before.
    stepping: Option<Instant>,
    /// That all is well again.
    recoveries: Damper,
    /// That somebody takes it, or nobody any more.
    viewers: Damper,
}

/// Changes of one kind that are believed at once, as long as they are few.
#[derive(Debug, Default)]
struct Damper {
    /// Since when the newest one holds, while it has to.
    holds: Option<Instant>,
    /// When such changes were written, the oldest first.
    written: VecDeque<Instant>,
}

impl Pace {
    /// How long this change still waits; `None`: it is written.
    pub(super) fn rest(&mut self, urgency: Urgency, now: Instant) -> Option<Duration> {
        if urgency != Urgency::Recovery {
            self.recoveries.holds = None;
        }
        if urgency != Urgency::Viewers {
            self.viewers.holds = None;
        }
        if urgency != Urgency::Step {
            self.stepping = None;
        }
        match urgency {
            Urgency::Now => None,
            Urgency::Step => {
                self.waiting.get_or_insert(now);
                left(*self.stepping.get_or_insert(now), STEP, now)
            }
            Urgency::CanWait => left(*self.waiting.get_or_insert(now), COALESCE, now),
            Urgency::Recovery => self.recoveries.rest(now),
            Urgency::Viewers => self.viewers.rest(now),
        }
    }

    /// All is as it was written last.
    pub(super) fn settle(&mut self) {
        (self.waiting, self.stepping) = (None, None);
        (self.recoveries.holds, self.viewers.holds) = (None, None);
    }

    /// A change was written.
    pub(super) fn written(&mut self, urgency: Urgency, now: Instant) {
        self.settle();
        match urgency {
            Urgency::Recovery => self.recoveries.written.push_back(now),
            Urgency::Viewers => self.viewers.written.push_back(now),
            Urgency::Now | Urgency::Step | Urgency::CanWait => {}
        }
    }
}

impl Damper {
    fn rest(&mut self, now: Instant) -> Option<Duration> {
        if self.is_calm(now) { None } else { left(*self.holds.get_or_insert(now), HOLD, now) }
    }

    fn is_calm(&mut self, now: Instant) -> bool {
        while self.written.front().is_some_and(|then| now.saturating_duration_since(*then) > MEMORY) {
            self.written.pop_front();
        }
        self.written.len() < BELIEVED
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
    fn viewers_who_come_and_go_for_ten_minutes_are_written_a_bounded_number_of_times() {
        for period in [1, 7, 10, 20] {
            let (mut pace, start) = (Pace::default(), Instant::now());
            let (mut writes, mut told) = (0, false);
            for second in 0..600 {
                let (now, watched) = (start + SECOND * second, second / period % 2 == 1);
                if watched == told {
                    pace.settle();
                } else if pace.rest(Urgency::Viewers, now).is_none() {
                    pace.written(Urgency::Viewers, now);
                    (writes, told) = (writes + 1, watched);
                }
            }
            assert!((2..=2 * BELIEVED).contains(&writes), "{writes} writes at {period} s");
        }
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

    #[test]
    fn a_step_has_its_time_also_where_something_else_has_waited_before() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.rest(Urgency::CanWait, start);
        let step = start + 3 * SECOND;
        assert_eq!(pace.rest(Urgency::Step, step), Some(STEP));
        assert_eq!(
            pace.rest(Urgency::Step, step + STEP / 4),
            Some(3 * STEP / 4),
            "more news does not prolong it"
        );
        assert_eq!(pace.rest(Urgency::Step, step + STEP), None);
    }

    #[test]
    fn a_step_that_is_taken_back_begins_anew_and_what_can_wait_goes_on_waiting() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        assert_eq!(pace.rest(Urgency::Step, start), Some(STEP));
        assert_eq!(pace.rest(Urgency::CanWait, start + STEP / 2), Some(COALESCE - STEP / 2));
        assert_eq!(pace.rest(Urgency::Step, start + 2 * STEP), Some(STEP));
        pace.written(Urgency::Step, start + 3 * STEP);
        assert_eq!(pace.rest(Urgency::Step, start + 9 * STEP), Some(STEP), "one that was written is over");
    }
}
