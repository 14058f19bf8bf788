//! Whether a source still delivers: what is watched while it opens and plays.

use std::time::Duration;

/// From the opening to the first piece of all that is asked for: name, handshake, playlist, a segment and a keyframe of
/// a slow site. One that has sent nothing by then is opened again.
pub const OPENING: Duration = Duration::from_secs(20);

/// Without a piece for so long, people take the picture for frozen; players hold shorter gaps for jitter.
pub const STALLED: Duration = Duration::from_secs(2);

/// A stream that stalled for so long mostly does not come back by itself: the connection is dead, or its sender went.
pub const LOST: Duration = Duration::from_secs(10);

/// The same where parts are fetched one by one, of a list that may have begun anew: it is read from its beginning when it
/// is opened again, and several parts are ready by then.
pub const PARTS_LOST: Duration = Duration::from_secs(4);

/// One branch of a source, as it is seen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Nothing,
    /// When the last piece came.
    At(Duration),
    /// When it came to its end.
    Over(Duration),
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
    /// It is given up when nothing at all has come for so long.
    lost: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Opening,
    Playing,
    Stalled,
}

impl Watch {
    pub const fn new(now: Duration) -> Self {
        Self { opened: now, state: State::Opening, lost: LOST }
    }

    pub const fn gives_up_after(&mut self, lost: Duration) {
        self.lost = lost;
    }

    pub const fn patience(&self) -> Duration {
        self.lost
    }

    pub fn look(&mut self, now: Duration, arrivals: &[Arrival]) -> Verdict {
        let missing = arrivals.contains(&Arrival::Nothing);
        if missing && self.state == State::Opening && now.saturating_sub(self.opened) <= OPENING {
            return Verdict::Wait;
        }
        // What one kind does not deliver is no reason to interrupt the other.
        let quiet = Arrival::latest(arrivals).since(now);
        match quiet {
            None if missing => return Verdict::NeverCame,
            Some(quiet) if quiet > self.lost => return Verdict::Lost,
            _ => {}
        }
        // What has ended without being over as a whole has to be followed by something.
        let hangs = quiet.is_some_and(|quiet| quiet > STALLED);
        let stalls = missing || hangs || arrivals.iter().any(|one| one.stalled(now));
        let (next, verdict) = match (self.state, stalls) {
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
        let at = arrivals.iter().filter_map(|one| if let Self::At(then) = one { Some(*then) } else { None });
        let over =
            arrivals.iter().filter_map(|one| if let Self::Over(then) = one { Some(*then) } else { None });
        at.max().map(Self::At).or(over.max().map(Self::Over)).unwrap_or(Self::Nothing)
    }

    /// Whether a gap in it is long enough to be seen.
    pub fn stalled(self, now: Duration) -> bool {
        matches!(self, Self::At(_)) && self.since(now).is_some_and(|since| since > STALLED)
    }

    fn since(self, now: Duration) -> Option<Duration> {
        match self {
            Self::At(then) | Self::Over(then) => Some(now.saturating_sub(then)),
            Self::Nothing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Arrival {
        Arrival::At(Duration::from_secs(seconds))
    }

    const fn over(seconds: u64) -> Arrival {
        Arrival::Over(Duration::from_secs(seconds))
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
        assert_eq!(look(&mut watch, 30, &[at(30), over(5)]), Verdict::Wait);
    }

    #[test]
    fn what_came_to_its_end_and_is_followed_by_nothing_does_not_play() {
        let mut watch = Watch::new(Duration::ZERO);
        assert_eq!(look(&mut watch, 1, &[at(1), at(1)]), Verdict::Plays);
        assert_eq!(look(&mut watch, 6, &[over(4), over(5)]), Verdict::Wait);
        assert_eq!(look(&mut watch, 8, &[over(4), over(5)]), Verdict::Stalls);
        assert_eq!(look(&mut watch, 16, &[over(4), over(5)]), Verdict::Lost);
    }

    #[test]
    fn who_may_be_opened_again_sooner_is_given_up_sooner() {
        let mut watch = Watch::new(Duration::ZERO);
        watch.gives_up_after(PARTS_LOST);
        look(&mut watch, 1, &[at(1)]);
        assert_eq!(look(&mut watch, 5, &[at(1)]), Verdict::Stalls);
        assert_eq!(look(&mut watch, 6, &[at(1)]), Verdict::Lost);
    }

    #[test]
    fn the_latest_arrival_is_of_any_kind_that_still_comes() {
        assert_eq!(Arrival::latest(&[at(3), Arrival::Nothing, at(5), over(9)]), at(5));
        assert_eq!(Arrival::latest(&[Arrival::Nothing, over(2), over(1)]), over(2));
        assert_eq!(Arrival::latest(&[Arrival::Nothing]), Arrival::Nothing);
    }
}
