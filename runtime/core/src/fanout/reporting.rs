//! When a sender reports on its streams (RFC 3550 §6.4.1).

use std::time::Duration;

/// RFC 3550 §6.2 allows five seconds.
pub const INTERVAL: Duration = Duration::from_secs(4);
/// Players align picture and sound after the first two of each stream, and any of them may be lost.
pub const FIRST: u8 = 4;
pub const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// The reports to one viewer.
#[derive(Clone, Copy, Debug)]
pub struct Reporting {
    /// Of the first.
    left: u8,
}

impl Default for Reporting {
    fn default() -> Self {
        Self { left: FIRST }
    }
}

impl Reporting {
    /// How long after this report the next is due. `all`: it is on every stream that there is to be.
    pub fn next(&mut self, all: bool) -> Duration {
        if self.left == 0 {
            return INTERVAL;
        }
        self.left -= u8::from(all);
        FIRST_INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reports_on_all_streams_are_soon_however_late_one_of_them_begins() {
        let mut reporting = Reporting::default();
        for _ in 0..100 {
            assert_eq!(reporting.next(false), FIRST_INTERVAL);
        }
        for _ in 0..FIRST {
            assert_eq!(reporting.next(true), FIRST_INTERVAL);
        }
        assert_eq!((reporting.next(true), reporting.next(false)), (INTERVAL, INTERVAL));
    }
}
