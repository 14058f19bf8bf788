//! Which pictures of a faster sequence are taken for a slower one.

use std::time::Duration;

use crate::spec::FrameRate;

/// A picture a little before its time is taken: what comes at a rate comes with jitter.
const EARLY: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub struct Decimation {
    interval: Duration,
    /// When the next is due; none: at once.
    due: Option<Duration>,
}

impl Decimation {
    pub fn to(rate: FrameRate) -> Self {
        Self { interval: rate.interval(), due: None }
    }

    /// Whether the picture of that time is taken.
    pub fn takes(&mut self, at: Duration) -> bool {
        let due = self.due.unwrap_or(at);
        if at + self.interval / EARLY < due {
            return false;
        }
        // Whoever waited for a picture does not catch up in a burst.
        self.due = Some((due + self.interval).max(at + self.interval / 2));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pictures of ten seconds are taken, each as late as that.
    fn taken(from: u32, to: u32, jitter: impl Fn(u32) -> Duration) -> usize {
        let mut decimation = Decimation::to(FrameRate::parse("rate", to).unwrap());
        let interval = Duration::from_secs(1) / from;
        (0..from * 10).filter(|n| decimation.takes(interval * *n + jitter(*n))).count()
    }

    #[test]
    fn so_many_a_second_are_taken_whatever_the_rate_and_its_jitter() {
        for (from, to) in [(60, 30), (30, 20), (30, 10), (60, 24), (30, 30), (60, 60)] {
            for jitter in [0, 5] {
                let count = taken(from, to, |n| Duration::from_millis(u64::from(n * 7 % (jitter + 1))));
                let wanted = to as usize * 10;
                assert!(count.abs_diff(wanted) <= wanted / 50, "{count} of {from} for {to}");
            }
        }
    }

    #[test]
    fn a_slower_sequence_is_taken_whole() {
        assert_eq!(taken(10, 30, |_| Duration::ZERO), 100);
    }
}
