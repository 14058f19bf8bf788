//! Which ways out there are: those of the wish, and those that somebody started over HTTP. Neither takes the other's name, and
//! only who started one ends it.

use crate::report::Stance;
use crate::spec::{Livestream, Refused, settle};

/// So many may be started over HTTP.
const MOST_STARTED: usize = 32;

/// The program under its own name, whether or not somebody asks for it.
pub const PROGRAM: &str = "program";

#[derive(Debug, Default)]
pub struct Outputs {
    /// What the wish was, whole: what is refused of it for a name that is taken is carried out once that is free.
    asked: Vec<Result<Livestream, Refused>>,
    told: Vec<Livestream>,
    started: Vec<Livestream>,
}

/// Why none was started or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("stream already in progress")]
    InProgress,
    #[error("stream already exists: it is that of the participant's resource")]
    Owned,
    #[error("stream not found")]
    Unknown,
    #[error("there are {MOST_STARTED} streams, which is the most: stop one first")]
    Full,
    #[error("the session ends and starts no stream")]
    Drained,
    #[error(
        "the session shows what comes from an origin as it comes: no stream of it has a size, frame rate or bitrate of its own"
    )]
    AsItComes,
}

impl Outputs {
    /// The wish has these; of those that are refused, what ran goes on.
    pub fn want(&mut self, asked: impl IntoIterator<Item = Result<Livestream, Refused>>) -> Vec<Refused> {
        self.asked = asked.into_iter().collect();
        self.settle()
    }

    /// What is refused of the wish, now.
    pub fn settle(&mut self) -> Vec<Refused> {
        let taken: Vec<_> = self.started.iter().map(|livestream| livestream.name.as_str()).collect();
        let (carried, refused) = settle(&self.told, &taken, self.asked.iter().cloned());
        self.told = carried;
        refused
    }

    /// Nothing of it is wanted any more, whoever started it.
    pub fn drain(&mut self) {
        self.started.clear();
    }

    /// Somebody starts one. `is_dead`: one of this name sends nothing any more, and may be replaced.
    pub fn start(&mut self, livestream: Livestream, stance: Stance, is_dead: bool) -> Result<(), Refusal> {
        let named = |other: &Livestream| other.name == livestream.name;
        if stance == Stance::Drained {
            return Err(Refusal::Drained);
        }
        if livestream.name == PROGRAM || self.told.iter().any(named) {
            return Err(Refusal::Owned);
        }
        let full = self.started.len() >= MOST_STARTED;
        match self.started.iter_mut().find(|other| named(other)) {
            Some(dead) if is_dead => *dead = livestream,
            Some(_) => return Err(Refusal::InProgress),
            None if full => return Err(Refusal::Full),
            None => self.started.push(livestream),
        }
        Ok(())
    }

    /// Ends one that was started.
    pub fn stop(&mut self, name: &str) -> Result<(), Refusal> {
        let before = self.started.len();
        self.started.retain(|livestream| livestream.name != name);
        match self.started.len() < before {
            true => Ok(()),
            false if self.told.iter().any(|livestream| livestream.name == name) => Err(Refusal::Owned),
            false => Err(Refusal::Unknown),
        }
    }

    /// Those of the wish.
    pub fn told(&self) -> &[Livestream] {
        &self.told
    }

    pub fn all(&self) -> impl Iterator<Item = &Livestream> {
        self.told.iter().chain(&self.started)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Choice, Output};

    fn livestream(name: &str) -> Livestream {
        Livestream { name: name.to_owned(), output: Output::WebRtc, choice: Choice::default() }
    }

    fn names(outputs: &Outputs) -> Vec<&str> {
        outputs.all().map(|livestream| livestream.name.as_str()).collect()
    }

    fn start(outputs: &mut Outputs, name: &str) -> Result<(), Refusal> {
        outputs.start(livestream(name), Stance::Told, false)
    }

    #[test]
    fn what_one_started_the_other_does_not_end() {
        let mut outputs = Outputs::default();
        assert_eq!(outputs.want([Ok(livestream("told"))]), []);
        start(&mut outputs, "started").unwrap();
        assert_eq!(start(&mut outputs, "told"), Err(Refusal::Owned));
        assert_eq!(outputs.stop("told"), Err(Refusal::Owned));
        assert_eq!(outputs.stop("nothing"), Err(Refusal::Unknown));
        let refused = outputs.want([Ok(livestream("started")), Ok(livestream("other"))]);
        assert_eq!(refused.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["started"]);
        assert_eq!(names(&outputs), ["other", "started"]);
        assert_eq!((outputs.stop("started"), names(&outputs)), (Ok(()), vec!["other"]));
        assert_eq!(
            (outputs.settle(), names(&outputs)),
            (vec![], vec!["started", "other"]),
            "its name is free"
        );
        assert_eq!(start(&mut outputs, PROGRAM), Err(Refusal::Owned));
    }

    #[test]
    fn one_that_sends_nothing_any_more_is_replaced() {
        let mut outputs = Outputs::default();
        start(&mut outputs, "a").unwrap();
        assert_eq!(start(&mut outputs, "a"), Err(Refusal::InProgress));
        let other = Livestream { output: Output::Rtmp, ..livestream("a") };
        assert_eq!(outputs.start(other.clone(), Stance::Told, true), Ok(()));
        assert_eq!(outputs.all().collect::<Vec<_>>(), [&other]);
    }

    #[test]
    fn there_are_not_more_than_there_may_be_and_none_begins_at_the_end() {
        let mut outputs = Outputs::default();
        for number in 0..MOST_STARTED {
            start(&mut outputs, &number.to_string()).unwrap();
        }
        assert_eq!(start(&mut outputs, "one more"), Err(Refusal::Full));
        assert_eq!(outputs.start(livestream("late"), Stance::Drained, false), Err(Refusal::Drained));
    }
}
