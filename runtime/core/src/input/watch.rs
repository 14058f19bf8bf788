//! Whether a source still delivers: what is watched while it opens and plays.

use std::time::Duration;

/// From the opening to the first piece of all that is asked for: name, handshake, playlist, a segment and a keyframe of
/// a slow site. One that takes longer is opened again.
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
    /// One at least does not arrive any more.
    Stalls,
    /// Open it again: it never delivered all.
    NeverCame,
    /// Open it again: it stalled for too long.
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
        if arrivals.contains(&Arrival::Nothing) {
            return if now.saturating_sub(self.opened) > OPENING {
                Verdict::NeverCame
            } else {
                Verdict::Wait
            };
        }
        let age = arrivals.iter().filter_map(|arrival| arrival.age(now)).max().unwrap_or_default();
        let (next, verdict) = match (self.state, age > STALLED) {
            (State::Opening | State::Stalled, false) => (State::Playing, Verdict::Plays),
            (State::Playing, false) => (State::Playing, Verdict::Wait),
            (State::Opening | State::Playing, true) => (State::Stalled, Verdict::Stalls),
            (State::Stalled, true) if age > LOST => (State::Stalled, Verdict::Lost),
            (State::Stalled, true) => (State::Stalled, Verdict::Wait),
        };
        self.state = next;
        verdict
    }
}

impl Arrival {
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
        assert_eq!(look(&mut watch, 120, &[Arrival::Nothing]), Verdict::Wait);
        assert_eq!(look(&mut watch, 121, &[at(121), Arrival::Nothing]), Verdict::NeverCame);
    }

    #[test]
    fn a_gap_stalls_and_a_piece_plays_again() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 1, &[at(1), at(1)]), Verdict::Plays);
        assert_eq!(look(&mut watch, 3, &[at(3), at(1)]), Verdict::Wait);
        assert_eq!(look(&mut watch, 4, &[at(4), at(1)]), Verdict::Stalls, "one kind is enough");
        assert_eq!(look(&mut watch, 11, &[at(11), at(1)]), Verdict::Wait);
        assert_eq!(look(&mut watch, 12, &[at(12), at(12)]), Verdict::Plays);
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
}
