//! Which pod serves a participant. Pure.
//!
//! A pod is replaced only on evidence that nothing of it runs any more: it has ended, or it is gone. A stream that was lost
//! is no evidence, and a pod that is being deleted may still be on a stage.

use crate::participant::observe::{Life, PodFacts};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use understudy_crds::v1alpha1::PodStatus;

/// A pod that fails at once is not followed by the next at once.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// As the kubelet's own back-off.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// About the pod that serves.
    pub step: Step,
    /// Names of pods that have ended and make room.
    pub remove: Vec<String>,
}

/// What to do about the pod that serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// This one does.
    Keep {
        /// Its name.
        name: String,
    },
    /// Make one.
    Create {
        /// Which it is.
        attempt: i32,
    },
    /// Status knows of one that the watch does not show: not yet, or no more. Ask, and make one in the latter case.
    Confirm {
        /// Its name.
        name: String,
        /// Which a new one is.
        attempt: i32,
    },
    /// This one was asked to end, and may still run: nothing follows it.
    Outlast {
        /// Its name.
        name: String,
    },
    /// Not now.
    Wait {
        /// When to look again.
        delay: Duration,
    },
}

/// `pods` are those that the watch shows, `known` the one in the participant's status.
pub fn decide(pods: &[PodFacts], known: Option<&PodStatus>, now: Timestamp) -> Plan {
    let alive = pods.iter().filter(|pod| pod.life == Life::Alive).max_by_key(|pod| pod.attempt);
    let ended = pods.iter().filter(|pod| pod.life == Life::Ended);
    if let Some(pod) = alive {
        let step = Step::Keep { name: pod.name.clone() };
        return Plan { step, remove: ended.map(|pod| pod.name.clone()).collect() };
    }
    let ending = pods.iter().filter(|pod| matches!(pod.life, Life::Ending { .. }));
    if let Some(pod) = ending.max_by_key(|pod| pod.attempt) {
        return Plan { step: Step::Outlast { name: pod.name.clone() }, remove: Vec::new() };
    }
    let shown = pods.iter().map(|pod| pod.attempt).max().unwrap_or(0);
    let attempt = shown.max(known.map_or(0, |pod| pod.attempt)) + 1;
    match (ended.max_by_key(|pod| pod.attempt), known) {
        (Some(last), _) => succeed(last, attempt, now),
        (None, Some(known)) => {
            Plan { step: Step::Confirm { name: known.name.clone(), attempt }, remove: Vec::new() }
        }
        (None, None) => Plan { step: Step::Create { attempt }, remove: Vec::new() },
    }
}

/// The longer a pod has run, the sooner it has a successor.
fn succeed(last: &PodFacts, attempt: i32, now: Timestamp) -> Plan {
    let doublings = last.attempt.saturating_sub(1).clamp(0, 16).unsigned_abs();
    let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_DELAY);
    let age =
        Duration::try_from(now.duration_since(last.created).max(SignedDuration::ZERO)).unwrap_or_default();
    match delay.checked_sub(age).filter(|rest| !rest.is_zero()) {
        Some(rest) => Plan { step: Step::Wait { delay: rest }, remove: Vec::new() },
        None => Plan { step: Step::Create { attempt }, remove: vec![last.name.clone()] },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn pod(attempt: i32, life: Life) -> PodFacts {
        PodFacts {
            name: format!("ada-{attempt}"),
            uid: format!("u{attempt}"),
            attempt,
            created: at(1000),
            node: None,
            ip: None,
            life,
            unschedulable: None,
            trouble: None,
        }
    }

    fn known(attempt: i32) -> PodStatus {
        PodStatus { name: format!("ada-{attempt}"), attempt, ..PodStatus::default() }
    }

    fn step(pods: &[PodFacts], known: Option<&PodStatus>, now: i64) -> Step {
        decide(pods, known, at(now)).step
    }

    #[test]
    fn a_participant_without_a_pod_gets_its_first() {
        assert_eq!(step(&[], None, 1000), Step::Create { attempt: 1 });
    }

    #[test]
    fn a_pod_that_lives_is_kept_and_those_that_ended_are_removed() {
        let plan = decide(&[pod(1, Life::Ended), pod(2, Life::Alive)], Some(&known(2)), at(1000));
        assert_eq!(plan, Plan { step: Step::Keep { name: "ada-2".into() }, remove: vec!["ada-1".into()] });
    }

    #[test]
    fn a_pod_that_the_watch_does_not_show_is_asked_for_before_it_is_replaced() {
        assert_eq!(step(&[], Some(&known(1)), 1000), Step::Confirm { name: "ada-1".into(), attempt: 2 });
    }

    #[test]
    fn nothing_follows_a_pod_that_may_still_run() {
        let ending = pod(1, Life::Ending { since: at(1000), until: at(1030) });
        assert_eq!(step(&[ending], Some(&known(1)), 9000), Step::Outlast { name: "ada-1".into() });
    }

    #[test]
    fn a_pod_that_ended_is_followed_by_the_next_attempt() {
        let plan = decide(&[pod(1, Life::Ended)], Some(&known(1)), at(2000));
        assert_eq!(plan, Plan { step: Step::Create { attempt: 2 }, remove: vec!["ada-1".into()] });
    }

    #[test]
    fn pods_that_fail_at_once_follow_each_other_more_and_more_slowly() {
        let delay = |attempt| match step(&[pod(attempt, Life::Ended)], None, 1000) {
            Step::Wait { delay } => delay.as_secs(),
            other => panic!("{other:?}"),
        };
        assert_eq!([1, 2, 3, 9, 99].map(delay), [1, 2, 4, 256, 300]);
    }
}
