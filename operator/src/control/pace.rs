//! How often what one session says is looked at. Pure: now is an argument.
//!
//! Reports are snapshots: of those that come close together the newest counts, and it always does. The first is looked at
//! at once, so that a session that says little never waits.

use std::time::{Duration, Instant};

/// A few looks a second: people see no difference, and ten thousand sessions that flap are no more work than the
/// controllers can do.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
/// Messages that are taken in that time; what comes beyond waits in the session's own queue. A runtime sends one for each
/// change of its state.
const MOST_MESSAGES: u32 = 64;

/// One stream's.
#[derive(Debug)]
pub(super) struct Pace {
    /// No look before.
    next_look: Instant,
    /// Something is new since the last look.
    news: bool,
    /// When counting begins anew.
    next_count: Instant,
    taken: u32,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { next_look: now, news: false, next_count: now, taken: 0 }
    }

    /// A message was taken. True: it is to be looked at now.
    pub(super) fn took(&mut self, news: bool, now: Instant) -> bool {
        self.taken += 1;
        self.news |= news;
        self.look(now)
    }

    /// Whether one more message may be taken.
    pub(super) fn takes(&self) -> bool {
        self.taken < MOST_MESSAGES
    }

    /// When to ask [`Self::look`] again; `None`: when a message came.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        let look = self.news.then_some(self.next_look);
        let count = (!self.takes()).then_some(self.next_count);
        look.into_iter().chain(count).min()
    }

    /// Whether to look now.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        if now >= self.next_count {
            (self.next_count, self.taken) = (now + BETWEEN_LOOKS, 0);
        }
        if !self.news || now < self.next_look {
            return false;
        }
        (self.next_look, self.news) = (now + BETWEEN_LOOKS, false);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_little_is_looked_at_at_once() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.took(true, start));
        assert!(!pace.took(false, start + BETWEEN_LOOKS));
        assert!(pace.took(true, start + BETWEEN_LOOKS));
        assert_eq!(pace.waits_until(), None);
    }

    #[test]
    fn of_reports_that_come_close_together_the_last_is_looked_at_soon() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let early = start + BETWEEN_LOOKS / 4;
        assert!(pace.took(true, start));
        assert!(!pace.took(true, early) && !pace.took(false, early));
        assert_eq!(pace.waits_until(), Some(start + BETWEEN_LOOKS));
        assert!(pace.look(start + BETWEEN_LOOKS));
        assert!(!pace.look(start + 2 * BETWEEN_LOOKS), "nothing is new");
    }

    #[test]
    fn a_session_that_talks_without_end_is_looked_at_a_few_times_a_second() {
        let (start, mut looks, mut taken) = (Instant::now(), 0, 0);
        let mut pace = Pace::new(start);
        for millisecond in 0..1000 {
            let now = start + Duration::from_millis(millisecond);
            looks += u32::from(pace.look(now));
            while pace.takes() {
                taken += 1;
                looks += u32::from(pace.took(true, now));
            }
        }
        assert_eq!((looks, taken), (4, 4 * MOST_MESSAGES));
    }
}
