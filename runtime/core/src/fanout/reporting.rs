//! When a sender reports on its streams (RFC 3550 §6.4.1).

use std::time::Duration;

/// RFC 3550 §6.2 allows five seconds.
pub const INTERVAL: Duration = Duration::from_secs(4);
/// Players align picture and sound after the first two of each stream, and any of them may be lost.
pub const FIRST: u8 = 4;
pub const FIRST_INTERVAL: Duration = Duration::from_secs(1);
/// So many for a stream that does not begin, which it may never do.
const PATIENCE: u8 = 30;

/// The reports to one viewer.
#[derive(Clone, Copy, Debug)]
pub struct Reporting {
    /// Of the first.
    left: u8,
    /// With that stream which has not begun.
    patience: u8,
}

impl Default for Reporting {
    fn default() -> Self {
        Self { left: FIRST, patience: PATIENCE }
    }
}

impl Reporting {
    /// How long after this report the next is due. `all`: it is on every stream that there is to be.
    pub fn next(&mut self, all: bool) -> Duration {
        match (self.left, self.patience) {
            (0, _) => return INTERVAL,
            (left, _) if all => self.left = left - 1,
            (_, 0) => return INTERVAL,
            (_, patience) => self.patience = patience - 1,
        }
        FIRST_INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reports_on_all_streams_are_soon_however_late_one_of_them_begins() {
        let mut reporting = Reporting::default();
        for _ in 0..PATIENCE {
            assert_eq!(reporting.next(false), FIRST_INTERVAL);
        }
        assert_eq!(reporting.next(false), INTERVAL);
        for _ in 0..FIRST {
            assert_eq!(reporting.next(true), FIRST_INTERVAL);
        }
        assert_eq!((reporting.next(true), reporting.next(false)), (INTERVAL, INTERVAL));
    }
}
