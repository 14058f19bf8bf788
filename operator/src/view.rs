//! How a session is seen from here, and what its silence means. Pure.
//!
//! A lost stream proves nothing about the session behind it: media may well go on. So a short loss changes nothing, a long
//! one makes things unknown, and neither ever replaces a pod. What a session says counts once it answers what it was told
//! last: what it said before that was about something else.

use crate::control::registry::{Facts, LinkState};
use std::time::{Duration, Instant};
use understudy_proto::v1::Report;

/// A runtime dials again within it, a leader takes over within it.
pub const GRACE: Duration = Duration::from_secs(30);
/// A session answers as soon as it has read what it is told, while all that it starts is still on its way. One that takes
/// this long hangs.
pub const ANSWER: Duration = Duration::from_secs(60);

/// A session, as seen from here.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// It speaks, or may be about to.
    Linked(Facts),
    /// It may speak again until then: what was known still holds.
    Expected {
        /// When it stops to hold.
        until: Instant,
        /// What it said before, if it was to this leader.
        facts: Option<Facts>,
    },
    /// Its stream is there, and it has not answered for long.
    Mute(Facts),
    /// It has not spoken for long.
    Silent,
}

/// What a session says of what it was told last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Word<'a> {
    /// This.
    Answer(&'a Report),
    /// Nothing yet: what was known before holds.
    Awaited,
    /// Nothing, for too long.
    Missing,
}

/// `leading_since`: a new leader gives every session time to find it.
pub fn view(facts: Option<Facts>, leading_since: Instant, now: Instant) -> View {
    let Some(facts) = facts else { return lost(leading_since, None, now) };
    match facts.link {
        LinkState::Down { since } => lost(since, Some(facts), now),
        LinkState::Up => match overdue(&facts) {
            Some(until) if until <= now => View::Mute(facts),
            _ => View::Linked(facts),
        },
    }
}

fn lost(since: Instant, facts: Option<Facts>, now: Instant) -> View {
    let until = since + GRACE;
    if now < until { View::Expected { until, facts } } else { View::Silent }
}

/// When an answer that is not there will have taken too long.
fn overdue(facts: &Facts) -> Option<Instant> {
    facts.answer().is_none().then_some(facts.asked? + ANSWER)
}

impl View {
    /// What the session says of what it was told last.
    pub fn word(&self) -> Word<'_> {
        match self {
            Self::Linked(facts) | Self::Expected { facts: Some(facts), .. } => {
                facts.answer().map_or(Word::Awaited, Word::Answer)
            }
            Self::Expected { facts: None, .. } => Word::Awaited,
            Self::Mute(_) | Self::Silent => Word::Missing,
        }
    }

    /// What is known of the session, as long as it holds.
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Linked(facts) | Self::Mute(facts) => Some(facts),
            Self::Expected { facts, .. } => facts.as_ref(),
            Self::Silent => None,
        }
    }

    /// When the session is seen differently without anything happening.
    pub fn until(&self) -> Option<Instant> {
        match self {
            Self::Expected { until, .. } => Some(*until),
            Self::Linked(facts) => overdue(facts),
            Self::Mute(_) | Self::Silent => None,
        }
    }
}

impl<'a> Word<'a> {
    /// What the session answered.
    pub fn answer(self) -> Option<&'a Report> {
        match self {
            Self::Answer(report) => Some(report),
            Self::Awaited | Self::Missing => None,
        }
    }

    /// What follows from an answer, or what was known before, as long as an answer is awaited.
    pub fn or_before<T>(self, said: impl FnOnce(&'a Report) -> Option<T>, before: Option<T>) -> Option<T> {
        match self {
            Self::Answer(report) => said(report),
            Self::Awaited => before,
            Self::Missing => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Told at that time, and with that generation in its last report.
    fn told(asked: Instant, observed: u64) -> Facts {
        let report = Report { observed_generation: observed, ..Report::default() };
        Facts { generation: 7, asked: Some(asked), report: Some(report), ..Facts::default() }
    }

    #[test]
    fn a_lost_stream_changes_nothing_until_the_grace_is_over() {
        let start = Instant::now();
        let facts = Facts { link: LinkState::Down { since: start }, ..told(start, 7) };
        let early = view(Some(facts.clone()), start, start + GRACE / 2);
        assert_eq!(early.until(), Some(start + GRACE));
        assert!(early.word().answer().is_some());
        assert_eq!(view(Some(facts), start, start + GRACE), View::Silent);
    }

    #[test]
    fn a_new_leader_gives_every_session_time_to_find_it() {
        let start = Instant::now();
        assert_eq!(view(None, start, start + GRACE / 2).word(), Word::Awaited);
        assert_eq!(view(None, start, start + GRACE), View::Silent);
    }

    #[test]
    fn what_was_known_holds_until_the_session_answers_what_it_was_told_last() {
        let start = Instant::now();
        let held = |facts| view(Some(facts), start, start).word().or_before(|_| Some("said"), Some("before"));
        assert_eq!(held(Facts::default()), Some("before"), "nothing was said yet");
        assert_eq!(held(told(start, 0)), Some("before"), "it idles");
        assert_eq!(held(told(start, 6)), Some("before"), "of an older wish");
        assert_eq!(held(told(start, 7)), Some("said"));
    }

    #[test]
    fn a_session_that_does_not_answer_for_long_is_mute() {
        let start = Instant::now();
        let facts = told(start, 6);
        assert_eq!(view(Some(facts.clone()), start, start).until(), Some(start + ANSWER));
        let late = view(Some(facts), start, start + ANSWER);
        assert!(matches!(late, View::Mute(_)) && late.word() == Word::Missing);
        let answered = view(Some(told(start, 7)), start, start + 10 * ANSWER);
        assert!(matches!(answered, View::Linked(_)) && answered.until().is_none());
    }
}
