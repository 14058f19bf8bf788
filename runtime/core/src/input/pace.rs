//! When what comes late is given more time.
//!
//! After a gap, a stream of now sends what was held up faster than it plays and catches up by itself: it stays as near
//! to now as it was. What does not catch up plays late for good, which is heard as silence; then its timeline is moved.

use std::time::Duration;

/// So long it may catch up by itself: twice as fast, three seconds make up for a gap of three.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is added to a delay, so that the next late piece is not late: jitter of a network, not an outage.
const RESERVE: Duration = Duration::from_millis(150);

/// Sound and picture come at least ten times a second to where they are weighed: what was weighed before that says
/// nothing of now.
const FRESH: Duration = Duration::from_millis(500);

/// Since when everything has been late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    since: Option<Duration>,
    moved: Option<Duration>,
}

impl Pace {
    /// A piece counts if it came after this: before the last move its delay was another one, and what does not come any
    /// more is not late.
    pub fn counts_after(&self, now: Duration) -> Duration {
        now.saturating_sub(FRESH).max(self.moved.unwrap_or_default())
    }

    /// `late` of the latest piece that counts, none when all are in time: by how much to move the timeline.
    pub fn look(&mut self, now: Duration, late: Option<Duration>) -> Option<Duration> {
        let Some(late) = late else {
            self.since = None;
            return None;
        };
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) < PATIENCE {
            return None;
        }
        self.since = None;
        self.moved = Some(now);
        Some(late + RESERVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Option<Duration> = Some(Duration::from_millis(400));

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn what_catches_up_by_itself_is_left_alone() {
        let mut pace = Pace::default();
        assert_eq!(pace.look(seconds(1), LATE), None);
        assert_eq!(pace.look(seconds(3), None), None);
        assert_eq!(pace.look(seconds(5), LATE), None, "late again is late for the first time");
    }

    #[test]
    fn what_stays_late_is_moved_by_its_delay_and_a_reserve_once() {
        let mut pace = Pace::default();
        assert_eq!(pace.look(seconds(1), LATE), None);
        assert_eq!(pace.look(seconds(4), LATE), Some(Duration::from_millis(550)));
        assert_eq!(pace.look(seconds(5), LATE), None);
    }

    #[test]
    fn only_pieces_of_now_and_since_the_last_move_count() {
        let mut pace = Pace::default();
        assert_eq!(pace.counts_after(seconds(3)), seconds(3) - FRESH);
        pace.look(seconds(1), LATE);
        pace.look(seconds(4), LATE);
        assert_eq!(pace.counts_after(Duration::from_millis(4200)), seconds(4), "moved then");
        assert_eq!(pace.counts_after(seconds(6)), seconds(6) - FRESH);
    }
}
