//! Which of the things that a session tells are news. Pure.
//!
//! A session tells all that it remembers in each report, numbered. What this leader told of them it knows by the number. A new
//! leader does not know what the one before has told; it can find out, at the cost of a request for each cause, and does so for
//! the few that are recent.

use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use understudy_proto::v1::Happening;

/// What happened longer before a leader began was told by the one before, or nobody waits for it any more.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
/// Causes from before a leader began that it looks into, of one session.
const MOST_CAUSES: usize = 4;

/// How far the happenings of one boot were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) boot_id: String,
    pub(super) sequence: u64,
}

/// Those that are to be told, in their order.
pub(super) fn news<'a>(
    told: Option<&Told>,
    boot_id: &str,
    happenings: &'a [Happening],
    leading_since: Timestamp,
) -> Vec<&'a Happening> {
    if let Some(told) = told.filter(|told| told.boot_id == boot_id) {
        return happenings.iter().filter(|happening| happening.sequence > told.sequence).collect();
    }
    let mut causes = HashSet::new();
    let mut newest_first: Vec<&Happening> = happenings.iter().rev().collect();
    newest_first.retain(|happening| match when(happening) {
        Some(at) if at >= leading_since => true,
        Some(at) if leading_since.duration_since(at) > RECENT => false,
        _ => causes.len() < MOST_CAUSES && causes.insert(cause(happening)),
    });
    newest_first.reverse();
    newest_first
}

/// When it happened, if the session says so.
pub(super) fn when(happening: &Happening) -> Option<Timestamp> {
    Some(happening.unix_seconds).filter(|seconds| *seconds > 0).and_then(|at| Timestamp::from_second(at).ok())
}

/// What it is that happens again when it does: messages begin with what they are about, and details follow a colon.
pub(super) fn cause(happening: &Happening) -> String {
    let about = happening.message.split(':').next().unwrap_or_default();
    let about: String = about.chars().take(80).collect();
    format!("{} {about}", happening.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happening(sequence: u64, message: &str, unix_seconds: i64) -> Happening {
        Happening {
            sequence,
            r#type: "Warning".into(),
            reason: "Lost".into(),
            message: message.into(),
            unix_seconds,
        }
    }

    fn sequences(told: Option<&Told>, happenings: &[Happening]) -> Vec<u64> {
        let leading_since = Timestamp::from_second(10_000).unwrap();
        news(told, "b", happenings, leading_since).iter().map(|happening| happening.sequence).collect()
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let told = Told { boot_id: "b".into(), sequence: 2 };
        let all: Vec<_> = (1..=4).map(|number| happening(number, "x", 20_000)).collect();
        assert_eq!(sequences(Some(&told), &all), [3, 4]);
        let of_another_boot = Told { boot_id: "a".into(), sequence: 2 };
        assert_eq!(sequences(Some(&of_another_boot), &all), [1, 2, 3, 4]);
    }

    #[test]
    fn a_new_leader_looks_into_few_of_those_that_another_may_have_told() {
        let old: Vec<_> = (1..=20).map(|number| happening(number, "x", 1000)).collect();
        assert!(sequences(None, &old).is_empty());
        let same: Vec<_> = (1..=20).map(|number| happening(number, "x: details", 9_900)).collect();
        assert_eq!(sequences(None, &same), [20], "the last of each cause");
        let causes: Vec<_> = (1..=20).map(|number| happening(number, &format!("{number}"), 9_900)).collect();
        assert_eq!(sequences(None, &causes), [17, 18, 19, 20]);
        let without_a_time: Vec<_> = (1..=20).map(|number| happening(number, "x", 0)).collect();
        assert_eq!(sequences(None, &without_a_time), [20]);
    }

    #[test]
    fn what_happened_under_this_leader_is_told_in_full() {
        let all: Vec<_> = (1..=20).map(|number| happening(number, "x", 10_001)).collect();
        assert_eq!(sequences(None, &all).len(), 20);
    }
}
