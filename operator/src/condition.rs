//! Builds a list of conditions: times change only when a status does, so that the same facts give the same list.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use understudy_crds::condition::Truth;
use understudy_proto::v1 as wire;

/// Longer messages of runtimes and API servers are cut: status is for people, logs have the rest.
const LONGEST_MESSAGE_CHARACTERS: usize = 512;
/// As the API server allows.
const LONGEST_REASON_CHARACTERS: usize = 64;

/// How a person should take it that something is not so. It is judged by whoever says so, and never by the reason's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// On its way, or not asked for.
    Info,
    /// Something is wrong.
    Error,
}

/// What a condition says, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is so.
    pub truth: Truth,
    /// What it means that it is not.
    pub severity: Severity,
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// The conditions of a status, with how they are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Said<'a> {
    /// As they are printed.
    pub conditions: &'a [Condition],
    /// The types of those that tell of something wrong.
    pub failing: &'a [String],
}

impl Verdict {
    /// It is so.
    pub fn yes(reason: &str) -> Self {
        Self::new(Truth::True, Severity::Info, reason, "")
    }

    /// It is not so, and nothing is wrong.
    pub fn not_yet(reason: &str, message: &str) -> Self {
        Self::new(Truth::False, Severity::Info, reason, message)
    }

    /// It is not so, and somebody should know.
    pub fn wrong(reason: &str, message: &str) -> Self {
        Self::new(Truth::False, Severity::Error, reason, message)
    }

    /// Nobody who knows has said.
    pub fn unknown(reason: &str, message: &str) -> Self {
        Self::new(Truth::Unknown, Severity::Info, reason, message)
    }

    /// As a session said it of a condition. A severity that is not said, as by an older runtime, or not known, as of a newer
    /// one, claims nothing.
    pub fn told(told: &wire::Condition) -> Self {
        Self::new(Truth::parse(&told.status), told.severity().into(), &told.reason, &told.message)
    }

    /// As a session said it of a livestream.
    pub fn of_livestream(told: &wire::LivestreamReport) -> Self {
        match told.ready {
            true if matches!(told.reason.as_str(), "" | "Serving") => Self::yes("Serving"),
            // What is missing of it all the same.
            true => Self::new(Truth::True, Severity::Info, &told.reason, &told.message),
            false => Self::new(Truth::False, told.severity().into(), &told.reason, &told.message),
        }
    }

    /// Whether something is wrong, and not only on its way.
    pub fn is_failure(&self) -> bool {
        self.truth == Truth::False && self.severity == Severity::Error
    }

    /// Reasons and messages come from outside as well: cut and cleaned.
    fn new(truth: Truth, severity: Severity, reason: &str, message: &str) -> Self {
        let camel = reason.starts_with(|first: char| first.is_ascii_uppercase())
            && reason.len() <= LONGEST_REASON_CHARACTERS
            && reason.chars().all(|letter| letter.is_ascii_alphanumeric());
        let reason = if camel { reason } else { "Unspecified" };
        Self { truth, severity, reason: reason.into(), message: shorten(message) }
    }
}

impl From<wire::Severity> for Severity {
    fn from(told: wire::Severity) -> Self {
        match told {
            wire::Severity::Unspecified | wire::Severity::Info => Self::Info,
            wire::Severity::Error => Self::Error,
        }
    }
}

impl<'a> Said<'a> {
    /// The condition of that type.
    pub fn find(&self, type_: &str) -> Option<&'a Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// Whether the condition of that type tells of something wrong.
    pub fn fails(&self, type_: &str) -> bool {
        self.failing.iter().any(|failing| failing == type_)
    }

    /// What was said by the condition of that type.
    pub fn verdict(&self, type_: &str) -> Option<Verdict> {
        let condition = self.find(type_)?;
        let severity = if self.fails(type_) { Severity::Error } else { Severity::Info };
        let truth = Truth::parse(&condition.status);
        Some(Verdict::new(truth, severity, &condition.reason, &condition.message))
    }
}

/// The types of those verdicts that are failures.
pub fn failing<'a>(verdicts: impl IntoIterator<Item = (&'static str, &'a Verdict)>) -> Vec<String> {
    let failing = verdicts.into_iter().filter(|(_, verdict)| verdict.is_failure());
    failing.map(|(type_, _)| type_.to_owned()).collect()
}

/// Cut to what fits into a status.
pub fn shorten(message: &str) -> String {
    message.chars().take(LONGEST_MESSAGE_CHARACTERS).collect()
}

/// The condition that follows from a verdict. `generation` is that of the spec which the verdict is about.
pub fn condition(
    before: Said<'_>,
    type_: &str,
    verdict: &Verdict,
    generation: i64,
    now: Timestamp,
) -> Condition {
    let status = verdict.truth.as_str();
    let kept = before.find(type_).filter(|condition| condition.status == status);
    Condition {
        type_: type_.into(),
        status: status.into(),
        reason: verdict.reason.clone(),
        message: verdict.message.clone(),
        observed_generation: Some(generation),
        last_transition_time: kept
            .map_or_else(|| Time(whole_seconds(now)), |before| before.last_transition_time.clone()),
    }
}

/// The API server keeps no fractions; a time that was read back equals the one that was written.
pub(crate) fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn told(status: &str, reason: &str, severity: i32) -> Verdict {
        let message = "ü".repeat(2000);
        Verdict::told(&wire::Condition {
            r#type: "PageReady".into(),
            status: status.into(),
            reason: reason.into(),
            message,
            severity,
        })
    }

    #[test]
    fn the_time_of_a_condition_is_that_of_its_last_change_of_status() {
        let after = |before: &[Condition], verdict: &Verdict, now| {
            condition(Said { conditions: before, failing: &[] }, "Ready", verdict, 1, at(now))
        };
        let first = after(&[], &Verdict::not_yet("Starting", ""), 100);
        let same = after(&[first], &Verdict::wrong("Other", "x"), 200);
        assert_eq!(same.last_transition_time, Time(at(100)));
        let changed = after(&[same], &Verdict::yes("Well"), 300);
        assert_eq!(changed.last_transition_time, Time(at(300)));
    }

    #[test]
    fn a_failure_is_what_its_teller_calls_one_whatever_the_word() {
        const OF_A_LATER_VERSION: i32 = 99;
        let (info, error) = (wire::Severity::Info.into(), wire::Severity::Error.into());
        assert!(told("False", "Loading", error).is_failure());
        assert!(!told("False", "WordOfALaterVersion", info).is_failure());
        assert!(!told("False", "WordOfAnOlderVersion", 0).is_failure());
        assert!(!told("False", "PageUnreachable", OF_A_LATER_VERSION).is_failure());
        assert!(!told("True", "NotWanted", error).is_failure());
    }

    #[test]
    fn what_a_runtime_says_is_cut_and_cleaned() {
        let cleaned = told("False", "not camel!", 0);
        assert_eq!(cleaned.reason, "Unspecified");
        assert_eq!(cleaned.message.chars().count(), LONGEST_MESSAGE_CHARACTERS);
        assert_eq!(told("False", "PageUnreachable", 0).reason, "PageUnreachable");
    }
}
