//! Builds a list of conditions: times change only when a status does, so that the same facts give the same list.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use understudy_crds::condition::Truth;

/// Longer messages of runtimes are cut: status is for people, logs have the rest.
const LONGEST_MESSAGE_CHARACTERS: usize = 512;

/// Reasons why something is not so yet, or not now, without anything being wrong: the operator's own and the runtime's.
const ON_THE_WAY: [&str; 10] = [
    "Starting",
    "Loading",
    "Reloading",
    "WaitingForPicture",
    "Waiting",
    "NoPod",
    "NotInvited",
    "NoViewers",
    "ParticipantNotReady",
    "ParticipantNotFound",
];

/// Whether a condition tells of something that is wrong, and not only on its way.
pub fn is_failure(condition: &Condition) -> bool {
    Verdict::of(condition).is_failure()
}

/// What a condition says, without its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is so.
    pub truth: Truth,
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub message: String,
}

impl Verdict {
    /// It is so.
    pub fn yes(reason: &str) -> Self {
        Self { truth: Truth::True, reason: reason.into(), message: String::new() }
    }

    /// It is not so.
    pub fn no(reason: &str, message: impl Into<String>) -> Self {
        Self { truth: Truth::False, reason: reason.into(), message: message.into() }
    }

    /// Nobody who knows has said.
    pub fn unknown(reason: &str, message: impl Into<String>) -> Self {
        Self { truth: Truth::Unknown, reason: reason.into(), message: message.into() }
    }

    /// As somebody outside said it: cut and cleaned.
    pub fn told(truth: Truth, reason: &str, message: &str) -> Self {
        let camel = reason.starts_with(|first: char| first.is_ascii_uppercase())
            && reason.len() <= 64
            && reason.chars().all(|letter| letter.is_ascii_alphanumeric());
        let reason = if camel { reason } else { "Unspecified" };
        Self { truth, reason: reason.into(), message: shorten(message) }
    }

    /// Whether something is wrong, and not only on its way.
    pub fn is_failure(&self) -> bool {
        self.truth == Truth::False && !ON_THE_WAY.contains(&self.reason.as_str())
    }

    /// What an earlier status said.
    pub fn of(condition: &Condition) -> Self {
        Self {
            truth: Truth::parse(&condition.status),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        }
    }
}

/// Cut to what fits into a status.
pub fn shorten(message: &str) -> String {
    message.chars().take(LONGEST_MESSAGE_CHARACTERS).collect()
}

/// Of that type.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The condition that follows from a verdict. `generation` is that of the spec which the verdict is about.
pub fn condition(
    before: &[Condition],
    type_: &str,
    verdict: &Verdict,
    generation: i64,
    now: Timestamp,
) -> Condition {
    let status = verdict.truth.as_str();
    let kept = find(before, type_).filter(|condition| condition.status == status);
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
fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_time_of_a_condition_is_that_of_its_last_change_of_status() {
        let first = condition(&[], "Ready", &Verdict::no("Starting", ""), 1, at(100));
        let same = condition(std::slice::from_ref(&first), "Ready", &Verdict::no("Other", "x"), 2, at(200));
        assert_eq!(same.last_transition_time, Time(at(100)));
        let changed = condition(&[same], "Ready", &Verdict::yes("Well"), 2, at(300));
        assert_eq!(changed.last_transition_time, Time(at(300)));
    }

    #[test]
    fn what_a_runtime_waits_for_is_no_failure() {
        let wrong = |reason| Verdict::told(Truth::False, reason, "").is_failure();
        assert!(
            !wrong("Starting") && !wrong("Loading") && !wrong("Reloading") && !wrong("WaitingForPicture")
        );
        assert!(wrong("NoPage") && wrong("CaptureFailed"));
        assert!(!Verdict::told(Truth::True, "NotWanted", "").is_failure());
    }

    #[test]
    fn what_a_runtime_says_is_cut_and_cleaned() {
        let told = Verdict::told(Truth::False, "not camel!", &"ü".repeat(2000));
        assert_eq!(told.reason, "Unspecified");
        assert_eq!(told.message.chars().count(), LONGEST_MESSAGE_CHARACTERS);
        assert_eq!(Verdict::told(Truth::False, "PageUnreachable", "x").reason, "PageUnreachable");
    }
}
