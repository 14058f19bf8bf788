//! How much one peer may say: so many envelopes a second, with room for a burst (a token bucket). More waits.

use std::time::{Duration, Instant};

/// A call that begins is a dozen; a page makes few at once.
const A_SECOND: f64 = 50.0;
const AT_ONCE: f64 = 200.0;

pub(crate) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub fn new(now: Instant) -> Self {
        Self { left: AT_ONCE, at: now }
    }

    /// Takes one. Tells for how long nothing more is to be heard.
    pub fn take(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * A_SECOND).min(AT_ONCE) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.left / A_SECOND).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_heard_at_once_and_a_flood_at_its_pace() {
        let now = Instant::now();
        let mut allowance = Allowance::new(now);
        let burst: Duration = (0..AT_ONCE as u32).map(|_| allowance.take(now)).sum();
        assert_eq!(burst, Duration::ZERO);
        let mut time = now;
        for _ in 0..100 {
            time += allowance.take(time);
        }
        let took = (time - now).as_secs_f64();
        assert!((1.9..2.1).contains(&took), "{took}");
    }
}
