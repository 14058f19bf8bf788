//! What the absence of a session's stream means. Pure.
//!
//! A lost stream proves nothing about the session behind it: media may well go on. So a short loss changes nothing, a long
//! one makes things unknown, and neither ever replaces a pod.

use crate::control::registry::{Facts, LinkState};
use std::time::{Duration, Instant};

/// A runtime dials again within it, a leader takes over within it.
pub const GRACE: Duration = Duration::from_secs(30);

/// A session, as seen from here.
#[derive(Clone, Debug, PartialEq)]
pub enum View {
    /// It speaks.
    Linked(Facts),
    /// It may speak again until then: what was known still holds.
    Expected {
        /// When it stops to hold.
        until: Instant,
        /// What it said before, if it was to this leader.
        facts: Option<Facts>,
    },
    /// It has not spoken for long.
    Silent,
}

/// `leading_since`: a new leader gives every session time to find it.
pub fn view(facts: Option<Facts>, leading_since: Instant, now: Instant) -> View {
    let since = match &facts {
        Some(Facts { link: LinkState::Up, .. }) => None,
        Some(Facts { link: LinkState::Down { since }, .. }) => Some(*since),
        None => Some(leading_since),
    };
    match (since.map(|since| since + GRACE), facts) {
        (None, Some(facts)) => View::Linked(facts),
        (Some(until), facts) if now < until => View::Expected { until, facts },
        _ => View::Silent,
    }
}

impl View {
    /// Whether nothing was heard of the session by this leader, and something still may be: what an earlier leader wrote
    /// holds. A session that has just been linked is such a one, until its first report.
    pub fn holds(&self) -> bool {
        *self != Self::Silent && self.facts().is_none_or(|facts| facts.report.is_none())
    }

    /// What the session said, as long as it holds.
    pub fn facts(&self) -> Option<&Facts> {
        match self {
            Self::Linked(facts) => Some(facts),
            Self::Expected { facts, .. } => facts.as_ref(),
            Self::Silent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::Report;

    #[test]
    fn a_lost_stream_changes_nothing_until_the_grace_is_over() {
        let start = Instant::now();
        let facts = Facts { link: LinkState::Down { since: start }, ..Facts::default() };
        let early = view(Some(facts.clone()), start, start + GRACE / 2);
        assert_eq!(early, View::Expected { until: start + GRACE, facts: Some(facts.clone()) });
        assert_eq!(view(Some(facts), start, start + GRACE), View::Silent);
    }

    #[test]
    fn a_new_leader_gives_every_session_time_to_find_it() {
        let start = Instant::now();
        assert!(matches!(view(None, start, start + GRACE / 2), View::Expected { facts: None, .. }));
        assert_eq!(view(None, start, start + GRACE), View::Silent);
    }

    #[test]
    fn what_was_written_holds_until_the_first_report() {
        let start = Instant::now();
        let reported = Facts { report: Some(Report::default()), ..Facts::default() };
        assert!(view(None, start, start).holds());
        assert!(view(Some(Facts::default()), start, start).holds());
        assert!(!view(Some(reported), start, start).holds());
        assert!(!View::Silent.holds());
    }

    #[test]
    fn a_session_that_speaks_is_linked() {
        let start = Instant::now();
        assert_eq!(view(Some(Facts::default()), start, start + 2 * GRACE), View::Linked(Facts::default()));
    }
}
