//! How many Events of one reason an object may have: so many at once, then one a while. Pure.

use std::time::{Duration, Instant};

/// A participant whose parts are lost and come back one after another is told in full.
const BURST: u32 = 25;
/// What happens again and again is told this often.
const EVERY: Duration = Duration::from_secs(60);

/// Of one object and one reason.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    /// Until when what was used up has been given again.
    refilled: Instant,
    /// Those that were not told since the last that was.
    omitted: u32,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, refilled: now, omitted: 0 }
    }

    /// One more: how many were left out before it, or `None` if it is left out itself.
    pub(super) fn take(&mut self, now: Instant) -> Option<u32> {
        let periods = now.saturating_duration_since(self.refilled).as_secs() / EVERY.as_secs();
        let periods = u32::try_from(periods).unwrap_or(BURST);
        self.left = self.left.saturating_add(periods).min(BURST);
        self.refilled += EVERY * periods;
        if self.left == 0 {
            self.omitted = self.omitted.saturating_add(1);
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.omitted))
    }

    /// It was there already, and cost nothing; those that were left out before it are still to be told.
    pub(super) fn give_back(&mut self, omitted: u32) {
        self.left = (self.left + 1).min(BURST);
        self.omitted = self.omitted.saturating_add(omitted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_each_second_is_told_in_full_first_and_then_once_a_minute_with_the_number_left_out() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let told: Vec<u32> =
            (0..600).filter_map(|second| allowance.take(start + Duration::from_secs(second))).collect();
        assert_eq!(told.len(), 25 + 9);
        assert!(told[..25].iter().all(|omitted| *omitted == 0));
        assert_eq!(told[26], 59);
    }

    #[test]
    fn the_number_left_out_is_told_by_the_next_that_is_written() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        let later = start + EVERY;
        assert_eq!((0..=BURST).filter_map(|_| allowance.take(start)).count(), 25);
        let omitted = allowance.take(later).unwrap();
        allowance.give_back(omitted);
        assert_eq!(allowance.take(later), Some(1));
    }

    #[test]
    fn what_was_there_already_costs_nothing() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        for _ in 0..100 {
            assert_eq!(allowance.take(start), Some(0));
            allowance.give_back(0);
        }
    }
}
