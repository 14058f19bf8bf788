//! Whether a source still delivers: what is watched while it opens and plays.

use std::time::Duration;

/// From the opening to the first piece of all that is asked for: name, handshake, playlist, a segment and a keyframe of
/// a slow site. One that has sent nothing by then is opened again.
pub const OPENING: Duration = Duration::from_secs(20);

/// Without a piece for so long, people take the picture for frozen; players hold shorter gaps for jitter.
pub const STALLED: Duration = Duration::from_secs(2);

/// A stream that stalled for so long mostly does not come back by itself: the connection is dead, or its sender went.
pub const LOST: Duration = Duration::from_secs(10);

/// One branch of a source, as it is seen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Nothing,
    /// When the last piece came.
    At(Duration),
    /// It came to its end.
    Over,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wait,
    /// All that is asked for arrives, for the first time or again.
    Plays,
    /// One at least does not arrive, or not any more: its sender may have muted it.
    Stalls,
    /// Open it again: it never delivered anything.
    NeverCame,
    /// Open it again: nothing at all has come for too long.
    Lost,
}

/// The watch over one opening of a source.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    opened: Duration,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Playing,
    Stalled,
}

impl Watch {
    pub const fn new(now: Duration) -> Self {
        Self { opened: now, state: State::Opening }
    }

    pub fn look(&mut self, now: Duration, arrivals: &[Arrival]) -> Verdict {
        let missing = arrivals.contains(&Arrival::Nothing);
        if missing && self.state == State::Opening && now.saturating_sub(self.opened) <= OPENING {
            return Verdict::Wait;
        }
        // What one kind does not deliver is no reason to interrupt the other.
        match arrivals.iter().filter_map(|arrival| arrival.age(now)).min() {
            None if missing => return Verdict::NeverCame,
            Some(youngest) if youngest > LOST => return Verdict::Lost,
            _ => {}
        }
        let (next, verdict) = match (self.state, missing || arrivals.iter().any(|one| one.stalled(now))) {
            (State::Opening | State::Stalled, false) => (State::Playing, Verdict::Plays),
            (State::Opening | State::Playing, true) => (State::Stalled, Verdict::Stalls),
            (state, _) => (state, Verdict::Wait),
        };
        self.state = next;
        verdict
    }
}

impl Arrival {
    /// The latest of all kinds, for media in which they need not come together.
    pub fn latest(arrivals: &[Self]) -> Self {
        let youngest = arrivals.iter().filter_map(|arrival| match arrival {
            Self::At(then) => Some(*then),
            Self::Nothing | Self::Over => None,
        });
        match youngest.max() {
            Some(then) => Self::At(then),
            None if arrivals.contains(&Self::Over) => Self::Over,
            None => Self::Nothing,
        }
    }

    /// Whether a gap in it is long enough to be seen.
    pub fn stalled(self, now: Duration) -> bool {
        self.age(now).is_some_and(|age| age > STALLED)
    }

    fn age(self, now: Duration) -> Option<Duration> {
        match self {
            Self::At(then) => Some(now.saturating_sub(then)),
            Self::Nothing | Self::Over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Arrival {
        Arrival::At(Duration::from_secs(seconds))
    }

    fn look(watch: &mut Watch, now: u64, arrivals: &[Arrival]) -> Verdict {
        watch.look(Duration::from_secs(now), arrivals)
    }

    #[test]
    fn it_plays_once_all_that_is_asked_for_has_come() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 5, &[at(5), Arrival::Nothing]), Verdict::Wait);
        assert_eq!(look(&mut watch, 6, &[at(6), at(6)]), Verdict::Plays);
        assert_eq!(look(&mut watch, 7, &[at(7), at(7)]), Verdict::Wait);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let mut watch = Watch::new(Duration::from_secs(100));
        assert_eq!(look(&mut watch, 120, &[Arrival::Nothing, Arrival::Nothing]), Verdict::Wait);
        assert_eq!(look(&mut watch, 121, &[Arrival::Nothing, Arrival::Nothing]), Verdict::NeverCame);
    }

    #[test]
    fn a_kind_that_never_comes_is_told_and_the_other_goes_on() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 20, &[at(20), Arrival::Nothing]), Verdict::Wait);
        assert_eq!(look(&mut watch, 21, &[at(21), Arrival::Nothing]), Verdict::Stalls);
        assert_eq!(look(&mut watch, 300, &[at(300), Arrival::Nothing]), Verdict::Wait);
        assert_eq!(look(&mut watch, 301, &[at(301), at(301)]), Verdict::Plays);
    }

    #[test]
    fn a_kind_that_stays_away_is_told_and_the_other_goes_on() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 1, &[at(1), at(1)]), Verdict::Plays);
        assert_eq!(look(&mut watch, 3, &[at(3), at(1)]), Verdict::Wait);
        assert_eq!(look(&mut watch, 4, &[at(4), at(1)]), Verdict::Stalls, "one kind is enough");
        assert_eq!(look(&mut watch, 300, &[at(300), at(1)]), Verdict::Wait);
        assert_eq!(look(&mut watch, 311, &[at(300), at(1)]), Verdict::Lost, "now nothing comes at all");
        assert_eq!(look(&mut watch, 312, &[at(312), at(312)]), Verdict::Plays);
    }

    #[test]
    fn a_gap_that_does_not_end_is_a_loss() {
        let mut watch = Watch::new(Duration::ZERO);
        look(&mut watch, 1, &[at(1)]);
        assert_eq!(look(&mut watch, 4, &[at(1)]), Verdict::Stalls);
        assert_eq!(look(&mut watch, 12, &[at(1)]), Verdict::Lost);
    }

    #[test]
    fn a_kind_that_came_to_its_end_is_not_missed() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 1, &[at(1), at(1)]), Verdict::Plays);
        assert_eq!(look(&mut watch, 30, &[at(30), Arrival::Over]), Verdict::Wait);
    }
    #[test]
    fn the_latest_arrival_is_of_any_kind_that_still_comes() {
        assert_eq!(Arrival::latest(&[at(3), Arrival::Nothing, at(5), Arrival::Over]), at(5));
        assert_eq!(Arrival::latest(&[Arrival::Nothing, Arrival::Over]), Arrival::Over);
        assert_eq!(Arrival::latest(&[Arrival::Nothing]), Arrival::Nothing);
    }
}
