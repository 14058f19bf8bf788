//! How often a picture is shown that comes when its sender likes.

use std::time::Duration;

/// What a network held up comes at once: as many intervals late, all of it is shown, since the newest comes last.
const HELD_UP: u32 = 4;

/// Passes at most one in each interval on average.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    interval: Duration,
    /// When the next would come from a sender that keeps exactly to the rate.
    expected: Duration,
}

impl Limit {
    pub const fn new(interval: Duration) -> Self {
        Self { interval, expected: Duration::ZERO }
    }

    /// Whether one that comes now is shown.
    pub fn admits(&mut self, now: Duration) -> bool {
        if now + self.interval * HELD_UP < self.expected {
            return false;
        }
        self.expected = self.expected.max(now) + self.interval;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_nanos(33_333_333);

    /// How many of those that come at these times are shown.
    fn shown(times: impl Iterator<Item = Duration>) -> usize {
        let mut limit = Limit::new(INTERVAL);
        times.filter(|now| limit.admits(*now)).count()
    }

    #[test]
    fn a_sender_of_twice_the_rate_is_seen_at_the_rate() {
        let times = (0..600).map(|n| INTERVAL * n / 2);
        assert!((300..=305).contains(&shown(times)));
    }

    #[test]
    fn a_sender_that_keeps_the_rate_loses_nothing_to_jitter() {
        let late = [0, 12, 1, 100, 70, 35].map(Duration::from_millis);
        let times = (0_u32..600).map(|n| INTERVAL * n + late[n as usize % late.len()]);
        assert_eq!(shown(times), 600);
    }

    #[test]
    fn after_a_long_pause_little_is_caught_up() {
        let mut limit = Limit::new(INTERVAL);
        assert!(limit.admits(Duration::ZERO));
        let late = Duration::from_secs(9);
        let burst = (0..30).filter(|n| limit.admits(late + Duration::from_millis(*n))).count();
        assert_eq!(burst, 5);
    }
}
