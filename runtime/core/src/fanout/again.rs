//! Which of the packets that one viewer asks for again it is sent.
//!
//! A report of sixteen bytes asks for up to seventeen packets, and may be repeated at will: what it costs is bounded here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::rtp::Index;

/// About a round trip: what was sent again so lately is still on its way.
pub const ON_ITS_WAY: Duration = Duration::from_millis(50);
/// Of the packets of a picture, what may be sent again in the long run. Whoever lacks more is better helped by a keyframe, or by
/// a smaller picture, whose room this takes.
pub const SHARE: f64 = 0.5;
/// Of those, what may come at once: a burst that was lost, of about as much as is kept for everybody.
pub const MOST_AT_ONCE: u32 = 256;

#[derive(Debug)]
pub struct Again {
    /// Sent again lately, the oldest first.
    lately: VecDeque<(Index, Instant)>,
    allowance: f64,
}

impl Default for Again {
    fn default() -> Self {
        Self { lately: VecDeque::new(), allowance: f64::from(MOST_AT_ONCE) }
    }
}

impl Again {
    /// So many packets of the picture were sent, for the first time.
    pub fn sent(&mut self, packets: usize) {
        let allowance = self.allowance + packets as f64 * SHARE;
        self.allowance = allowance.min(f64::from(MOST_AT_ONCE));
    }

    /// Whether that packet is sent again now. A repetition within a report is one within [`ON_ITS_WAY`] too.
    pub fn admits(&mut self, index: Index, now: Instant) -> bool {
        while self.lately.front().is_some_and(|(_, at)| *at + ON_ITS_WAY <= now) {
            self.lately.pop_front();
        }
        if self.allowance < 1.0 || self.lately.iter().any(|(lately, _)| *lately == index) {
            return false;
        }
        self.allowance -= 1.0;
        self.lately.push_back((index, now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_that_is_on_its_way_is_not_sent_once_more() {
        let (mut again, now) = (Again::default(), Instant::now());
        assert!(again.admits(Index(1), now) && again.admits(Index(2), now));
        assert!(!again.admits(Index(1), now));
        assert!(!again.admits(Index(1), now + ON_ITS_WAY / 2));
        assert!(again.admits(Index(1), now + ON_ITS_WAY));
    }

    #[test]
    fn whoever_asks_for_everything_all_the_time_gets_a_bounded_part() {
        let (mut again, start) = (Again::default(), Instant::now());
        let asks = (0..10_000).map(|n| (Index(n), start + Duration::from_micros(200) * n as u32));
        let sent = asks.filter(|(index, now)| {
            again.sent(1);
            again.admits(*index, *now)
        });
        let most = MOST_AT_ONCE as usize + (10_000.0 * SHARE) as usize;
        let sent = sent.count();
        assert!((most - 10..=most).contains(&sent), "{sent}");
        assert!(again.lately.len() <= MOST_AT_ONCE as usize);
        again.sent(1_000_000);
        let at_once =
            (0..10_000).filter(|n| again.admits(Index(20_000 + n), start + Duration::from_secs(9))).count();
        assert_eq!(at_once, MOST_AT_ONCE as usize, "a long time without a loss saves up no more");
    }

    #[test]
    fn a_burst_that_was_lost_is_sent_again_whole() {
        let (mut again, now) = (Again::default(), Instant::now());
        assert!((0..u64::from(MOST_AT_ONCE)).all(|n| again.admits(Index(n), now)));
        assert!(!again.admits(Index(999), now));
    }
}
