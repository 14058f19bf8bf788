//! Whether a receiver that has said what arrives says nothing of it any more.
//!
//! Whom nothing is sent has nothing to say, and lives by other signs.

use std::time::{Duration, Instant};

/// A receiver that has said what arrives and is sent more for so long without a word has lost us.
pub const SILENT: Duration = Duration::from_secs(30);
/// After a break in what is sent it is waited for anew: of what was lost last nobody knows. Longer than between two calls of
/// [`Silence::sends`].
const BREAK: Duration = Duration::from_secs(10);

/// Of one receiver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence {
    /// It says what arrives; not all do.
    speaks: bool,
    waits: Option<Waits>,
}

/// For a word on what is sent.
#[derive(Clone, Copy, Debug)]
struct Waits {
    since: Instant,
    /// When something was sent last.
    last: Instant,
}

impl Silence {
    /// It says that more has arrived.
    pub const fn ends(&mut self) {
        (self.speaks, self.waits) = (true, None);
    }

    /// It is sent something, of which this is told now and then. True: it is silent.
    pub fn sends(&mut self, now: Instant) -> bool {
        let goes_on = self.waits.filter(|waits| now.saturating_duration_since(waits.last) < BREAK);
        let since = goes_on.map_or(now, |waits| waits.since);
        self.waits = Some(Waits { since, last: now });
        self.speaks && now.saturating_duration_since(since) >= SILENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fanout::reporting::INTERVAL;

    /// Sends for so long: after how long it is silent, if it is.
    fn sends(silence: &mut Silence, from: Instant, span: Duration) -> Option<Duration> {
        let calls = 0..=span.as_secs() / INTERVAL.as_secs();
        let mut times = calls.map(|call| INTERVAL * call as u32);
        times.find(|after| silence.sends(from + *after))
    }

    #[test]
    fn who_says_nothing_of_what_it_is_sent_is_silent_if_it_has_ever_spoken() {
        let (mut silence, start) = (Silence::default(), Instant::now());
        assert_eq!(sends(&mut silence, start, SILENT * 4), None);
        silence.ends();
        let after = sends(&mut silence, start, SILENT * 4).expect("it was heard before");
        assert!((SILENT..SILENT + INTERVAL).contains(&after), "{after:?}");
        silence.ends();
        assert_eq!(sends(&mut silence, start + after, SILENT / 2), None, "it spoke");
    }

    #[test]
    fn whom_nothing_is_sent_has_nothing_to_say() {
        let (mut silence, start) = (Silence::default(), Instant::now());
        silence.ends();
        assert_eq!(sends(&mut silence, start, INTERVAL), None);
        // What was sent last was lost, and then there was nothing.
        let later = start + SILENT * 20;
        assert_eq!(sends(&mut silence, later, SILENT / 2), None);
        assert!(sends(&mut silence, later + SILENT / 2, SILENT).is_some());
    }
}
