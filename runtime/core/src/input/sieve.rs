//! At most so many pictures a second, by the times that they carry.

use std::time::Duration;

use crate::spec::FrameRate;

/// Lets pictures through that are not too many.
#[derive(Clone, Copy, Debug)]
pub struct Sieve {
    interval: Duration,
    /// When the next one is due.
    due: Option<Duration>,
}

impl Sieve {
    pub fn new(most: FrameRate) -> Self {
        Self { interval: most.interval(), due: None }
    }

    /// Whether the picture of this time is let through. One that comes a little early is in time: clocks and networks
    /// jitter. One that is far from what is due, in either direction, begins anew.
    pub fn passes(&mut self, at: Duration) -> bool {
        let near = self.due.filter(|due| at < *due + self.interval && *due < at + self.interval * 2);
        let due = near.unwrap_or(at);
        let passes = at + self.interval / 4 >= due;
        if passes {
            self.due = Some(due + self.interval);
        }
        passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the pictures of `seconds` pass if they come at this rate, each a little off its time.
    fn passed(per_second: u32, seconds: u32) -> usize {
        let mut sieve = Sieve::new(FrameRate::THIRTY);
        let jitter = |number: u32| Duration::from_millis(u64::from(number * 7 % 5));
        let at = |number: u32| Duration::from_secs(1) * number / per_second + jitter(number);
        (0..per_second * seconds).filter(|number| sieve.passes(at(*number))).count()
    }

    #[test]
    fn what_is_not_too_fast_passes_whole() {
        for per_second in [1, 15, 24, 25, 30] {
            assert_eq!(passed(per_second, 10), per_second as usize * 10, "{per_second}");
        }
    }

    #[test]
    fn of_what_is_too_fast_as_many_pass_as_are_wanted() {
        for per_second in [33, 50, 60, 240] {
            let passed = passed(per_second, 10);
            assert!((290..=310).contains(&passed), "{passed} of {per_second} a second");
        }
    }

    #[test]
    fn after_a_gap_and_after_a_step_back_it_goes_on_at_once() {
        let mut sieve = Sieve::new(FrameRate::THIRTY);
        let seconds = Duration::from_secs;
        assert!(sieve.passes(seconds(10)));
        assert!(!sieve.passes(seconds(10)));
        assert!(sieve.passes(seconds(20)));
        assert!(sieve.passes(seconds(1)));
        assert!(!sieve.passes(seconds(1)));
    }
}
