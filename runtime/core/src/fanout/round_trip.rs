//! How long it takes to a viewer and back: a receiver report says which sender report came last, and how long ago.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A viewer answers to the last of them, or to one before it.
const REMEMBERED: usize = 8;
/// A longer one is a peer's clock that was set meanwhile.
const LONGEST: Duration = Duration::from_secs(10);
/// In which a delay is told (RFC 3550 §6.4.1).
const UNITS_A_SECOND: u64 = 1 << 16;

/// When sender reports left, by the middle of their NTP times.
#[derive(Debug, Default)]
pub struct SenderReports(VecDeque<(u32, Instant)>);

impl SenderReports {
    pub fn sent(&mut self, ntp: u64, now: Instant) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((middle(ntp), now));
    }

    /// RFC 3550 §6.4.1, with what a report says of the last sender report and the delay since. None: it answers to none that is
    /// known.
    pub fn round_trip(&self, last: u32, delay: u32, now: Instant) -> Option<Duration> {
        let (_, sent) = self.0.iter().rev().find(|(middle, _)| *middle == last)?;
        let held = Duration::from_nanos(u64::from(delay) * 1_000_000_000 / UNITS_A_SECOND);
        now.saturating_duration_since(*sent).checked_sub(held).filter(|trip| *trip < LONGEST)
    }
}

const fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTP: u64 = 0x0011_2233_4455_6677;

    #[test]
    fn what_a_viewer_waited_is_no_part_of_the_way() {
        let (mut reports, start) = (SenderReports::default(), Instant::now());
        reports.sent(NTP, start);
        let now = start + Duration::from_millis(580);
        assert_eq!(reports.round_trip(0x2233_4455, 32_768, now), Some(Duration::from_millis(80)));
    }

    #[test]
    fn what_cannot_be_is_no_round_trip() {
        let (mut reports, start) = (SenderReports::default(), Instant::now());
        let now = start + Duration::from_millis(100);
        assert_eq!(reports.round_trip(0, 0, now), None, "it has heard of none");
        reports.sent(NTP, start);
        assert_eq!(reports.round_trip(0x2233_4456, 0, now), None, "of none that is known");
        assert_eq!(reports.round_trip(0x2233_4455, 65_536, now), None, "longer than it was away");
        assert_eq!(reports.round_trip(0x2233_4455, 0, now + LONGEST), None);
        (1..=REMEMBERED as u64).for_each(|n| reports.sent(NTP + (n << 16), now));
        assert_eq!(reports.round_trip(0x2233_4455, 0, now), None, "of long ago");
        assert_eq!(reports.0.len(), REMEMBERED);
    }
}
