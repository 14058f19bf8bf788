//! How long to wait before dialling again. Pure: chance is an argument.

use std::time::Duration;

/// Short enough that a hand-over between operators is hardly felt.
const FIRST: Duration = Duration::from_millis(250);
/// Ten thousand pods dial some 2700 times a second while nobody leads, which costs little more than refused connections; and all are
/// back this soon after somebody leads again: who is to be kicked does not wait for longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles from [`FIRST`] to [`LONGEST`].
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next delay: between half of the step and the whole of it, by `chance` in 0..1.
    pub(crate) fn next(&mut self, chance: f64) -> Duration {
        let step = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        step.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..8).map(|_| backoff.next(1.0).as_millis()).collect();
        assert_eq!(delays, [250, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
    }

    #[test]
    fn chance_takes_up_to_half_of_a_delay_away() {
        assert_eq!(Backoff::default().next(0.0), Duration::from_millis(125));
    }
}
