//! How long to wait before trying again.

use std::time::Duration;

/// The first wait: long enough not to spin, short enough that nobody notices one failure.
const FIRST: Duration = Duration::from_millis(250);

/// Nothing waits longer, so that a repaired cause is noticed within half a minute.
const LONGEST: Duration = Duration::from_secs(30);

/// The wait after `failures` failures in a row: doubling from a quarter of a second to half a minute.
pub fn after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits: Vec<_> = (1..=9).map(|n| after(n).as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(after(u32::MAX), LONGEST);
    }
}
