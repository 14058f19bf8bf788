//! When what comes late is given more time.
//!
//! After a gap, a stream of now sends what was held up faster than it plays and catches up by itself: it stays as near
//! to now as it was. What does not catch up plays late for good, which is heard as silence; then its timeline is moved.
//! What is fetched by parts comes in bursts: a part may be late at its front and in time at its end, over and over. So
//! stretches of time are judged, not moments.

use std::time::Duration;

/// A stretch, as long as parts of a live playlist usually are.
const STRETCH: Duration = Duration::from_secs(2);

/// Two late stretches within so long are no accident.
const MEMORY: Duration = Duration::from_secs(8);

/// A stretch is late if one piece in so many is: less is not heard as a gap.
const SHARE: u32 = 10;

/// What is added to a delay, so that the next late piece is not late: jitter of a network, not an outage.
const RESERVE: Duration = Duration::from_millis(150);

/// What came to be shown, and how much of it late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub pieces: u32,
    pub late: u32,
    /// By how much the latest of them was late.
    pub worst: Duration,
}

/// What has been late.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Begun with a late piece.
    stretch: Option<(Duration, Tally)>,
    /// When the last late stretch was over, and its worst.
    before: Option<(Duration, Duration)>,
    moved: bool,
}

impl Pace {
    /// `tally` of what came since the last look: by how much to move the timeline.
    pub fn look(&mut self, now: Duration, tally: Tally) -> Option<Duration> {
        // Some of it came before the move.
        if std::mem::take(&mut self.moved) || (self.stretch.is_none() && tally.late == 0) {
            return None;
        }
        let (since, sum) = self.stretch.get_or_insert((now, Tally::default()));
        sum.add(tally);
        let (since, sum) = (*since, *sum);
        if now.saturating_sub(since) < STRETCH {
            return None;
        }
        self.stretch = None;
        if sum.late * SHARE >= sum.pieces { self.late(now, sum.worst) } else { None }
    }

    fn late(&mut self, now: Duration, worst: Duration) -> Option<Duration> {
        let before = self.before.replace((now, worst)).filter(|(at, _)| now.saturating_sub(*at) < MEMORY);
        // By half and more: it catches up.
        if before.is_none_or(|(_, before)| worst * 2 <= before) {
            return None;
        }
        *self = Self { moved: true, ..Self::default() };
        Some(worst + RESERVE)
    }
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.pieces += other.pieces;
        self.late += other.late;
        self.worst = self.worst.max(other.worst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The looks of a source of fifty pieces a second, whose piece at this time is so late: when it was moved, and by how
    /// much.
    fn moves(seconds: u64, late: impl Fn(Duration) -> Duration) -> Vec<(u64, Duration)> {
        let (mut pace, mut moves) = (Pace::default(), Vec::new());
        for look in 1..=seconds * 5 {
            let mut tally = Tally::default();
            for piece in 0..10 {
                let late = late(Duration::from_millis((look - 1) * 200 + piece * 20));
                tally.add(Tally { pieces: 1, late: u32::from(!late.is_zero()), worst: late });
            }
            if let Some(more) = pace.look(Duration::from_millis(look * 200), tally) {
                moves.push((look * 200, more));
            }
        }
        moves
    }

    const LATE: Duration = Duration::from_millis(400);

    #[test]
    fn what_catches_up_by_itself_is_left_alone() {
        // Three seconds, made up for at twice the speed.
        let catches_up = |at: Duration| Duration::from_secs(3).saturating_sub(at);
        assert_eq!(moves(10, catches_up), []);
    }

    #[test]
    fn what_stays_late_is_moved_by_its_delay_and_a_reserve_once() {
        let stays = |at: Duration| if at < Duration::from_millis(4500) { LATE } else { Duration::ZERO };
        assert_eq!(moves(20, stays), [(4400, Duration::from_millis(550))]);
    }

    #[test]
    fn parts_that_are_late_at_their_front_are_moved_too() {
        // Each part of two seconds comes at once: what was due by then is late, the rest in time.
        let late = |at: Duration| {
            let into = Duration::from_millis((at.as_millis() % 2000).try_into().unwrap());
            Duration::from_millis(1200).saturating_sub(into)
        };
        let moves = moves(6, late);
        let (at, more) = *moves.first().expect("it must be moved");
        assert!(at <= 5000 && more == Duration::from_millis(1350), "{moves:?}");
    }

    #[test]
    fn a_kind_that_begins_late_and_catches_up_is_left_alone() {
        // The sound of a DASH manifest, as measured: a third of all pieces in that stretch.
        let begins = |at: Duration| Duration::from_millis(800).saturating_sub(at * 4 / 5);
        assert_eq!(moves(20, begins), []);
    }

    #[test]
    fn a_late_piece_now_and_then_is_no_reason() {
        let rare = |at: Duration| if at.as_millis().is_multiple_of(1000) { LATE } else { Duration::ZERO };
        assert_eq!(moves(30, rare), []);
        let outages = |at: Duration| if at.as_secs().is_multiple_of(20) { LATE } else { Duration::ZERO };
        assert_eq!(moves(60, outages), []);
    }

    #[test]
    fn what_does_not_come_is_not_late() {
        let mut pace = Pace::default();
        let late = Tally { pieces: 10, late: 10, worst: LATE };
        assert_eq!(pace.look(Duration::from_secs(1), late), None);
        for second in 2..60 {
            assert_eq!(pace.look(Duration::from_secs(second), Tally::default()), None);
        }
    }
}
