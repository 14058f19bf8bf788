//! Which pod serves an owner. Pure.
//!
//! A pod is replaced only on evidence that nothing of it runs any more: it has ended, or it is gone. A stream that was lost
//! is no evidence, and a pod that is being deleted may still be on a stage.

use crate::provide::observe::{Life, PodFacts};
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
        /// How long after now a new one may be made at the earliest.
        rest: Duration,
    },
    /// This one was asked to end, and may still run: nothing follows it.
    Outlast {
        /// Its name.
        name: String,
    },
    /// None is needed.
    Rest {
        /// The one that may still run.
        name: Option<String>,
    },
    /// Not now.
    Wait {
        /// When to look again.
        delay: Duration,
    },
}

/// What is known of the last pod apart from what the watch shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The one in the status.
    pub pod: Option<&'a PodStatus>,
    /// When the newest was created, if this leader saw it.
    pub born: Option<Timestamp>,
}

/// `pods` are those that the watch shows.
pub fn decide(pods: &[PodFacts], Known { pod: known, born }: Known<'_>, now: Timestamp) -> Plan {
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
    let rested = known.and_then(|pod| pod.rested_attempt).unwrap_or(0);
    match (ended.max_by_key(|pod| pod.attempt), known) {
        (Some(last), _) => succeed(last, rested, attempt, now),
        (None, Some(known)) => {
            let rest =
                born.map_or(Duration::ZERO, |born| rest(known.attempt.saturating_sub(rested), born, now));
            let step = Step::Confirm { name: known.name.clone(), attempt, rest };
            Plan { step, remove: Vec::new() }
        }
        (None, None) => Plan { step: Step::Create { attempt }, remove: Vec::new() },
    }
}

/// All of them go: nobody has a use for one.
pub fn release(pods: &[PodFacts]) -> Plan {
    let last = pods.iter().filter(|pod| pod.life != Life::Ended).max_by_key(|pod| pod.attempt);
    let going = pods.iter().filter(|pod| !matches!(pod.life, Life::Ending { .. }));
    Plan {
        step: Step::Rest { name: last.map(|pod| pod.name.clone()) },
        remove: going.map(|pod| pod.name.clone()).collect(),
    }
}

/// None is made and none is asked to end: that nobody has a use for one is not told yet.
pub fn hold(pods: &[PodFacts]) -> Plan {
    Plan { remove: Vec::new(), ..release(pods) }
}

fn succeed(last: &PodFacts, rested: i32, attempt: i32, now: Timestamp) -> Plan {
    let rest = rest(last.attempt.saturating_sub(rested), last.created, now);
    if rest.is_zero() {
        return Plan { step: Step::Create { attempt }, remove: vec![last.name.clone()] };
    }
    Plan { step: Step::Wait { delay: rest }, remove: Vec::new() }
}

/// The longer a pod has lived, the sooner it has a successor; whether it ended or somebody deleted it. `attempts` are those since
/// one was removed because nobody had a use for it: that is no failure.
fn rest(attempts: i32, born: Timestamp, now: Timestamp) -> Duration {
    let doublings = attempts.saturating_sub(1).clamp(0, 16).unsigned_abs();
    let delay = FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_DELAY);
    let age = Duration::try_from(now.duration_since(born).max(SignedDuration::ZERO)).unwrap_or_default();
    delay.saturating_sub(age)
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
            profile_revision: None,
            created: at(1000),
            node: None,
            ip: None,
            life,
            unschedulable: None,
            trouble: None,
            halted: false,
        }
    }

    fn known(attempt: i32) -> PodStatus {
        PodStatus { name: format!("ada-{attempt}"), attempt, ..PodStatus::default() }
    }

    fn step(pods: &[PodFacts], known: Option<&PodStatus>, now: i64) -> Step {
        decide(pods, Known { pod: known, born: None }, at(now)).step
    }

    #[test]
    fn a_participant_without_a_pod_gets_its_first() {
        assert_eq!(step(&[], None, 1000), Step::Create { attempt: 1 });
    }

    #[test]
    fn a_pod_that_lives_is_kept_and_those_that_ended_are_removed() {
        let plan = decide(
            &[pod(1, Life::Ended), pod(2, Life::Alive)],
            Known { pod: Some(&known(2)), born: None },
            at(1000),
        );
        assert_eq!(plan, Plan { step: Step::Keep { name: "ada-2".into() }, remove: vec!["ada-1".into()] });
    }

    #[test]
    fn a_pod_that_the_watch_does_not_show_is_asked_for_before_it_is_replaced() {
        let confirm = Step::Confirm { name: "ada-1".into(), attempt: 2, rest: Duration::ZERO };
        assert_eq!(step(&[], Some(&known(1)), 1000), confirm);
    }

    #[test]
    fn pods_that_somebody_deletes_again_and_again_follow_each_other_more_and_more_slowly() {
        let (begin, mut now, mut born, mut attempt) = (1000, 1001, 1000, 1);
        let mut made = 0;
        while now < begin + 3600 {
            let known = known(attempt);
            let known = Known { pod: Some(&known), born: Some(at(born)) };
            match decide(&[], known, at(now)).step {
                // Deleted a second after it was made.
                Step::Confirm { attempt: next, rest: Duration::ZERO, .. } => {
                    (attempt, born, now, made) = (next, now, now + 1, made + 1);
                }
                Step::Confirm { rest, .. } => now += i64::try_from(rest.as_secs()).unwrap().max(1),
                other => panic!("{other:?}"),
            }
        }
        assert!((10..=20).contains(&made), "{made} pods in an hour");
    }

    #[test]
    fn a_pod_that_lived_long_and_was_deleted_is_followed_at_once() {
        let last = known(12);
        let known = Known { pod: Some(&last), born: Some(at(1000)) };
        let step = decide(&[], known, at(1000 + 300)).step;
        assert_eq!(step, Step::Confirm { name: "ada-12".into(), attempt: 13, rest: Duration::ZERO });
    }

    #[test]
    fn nothing_follows_a_pod_that_may_still_run() {
        let ending = pod(1, Life::Ending { since: at(1000), until: at(1030) });
        assert_eq!(step(&[ending], Some(&known(1)), 9000), Step::Outlast { name: "ada-1".into() });
    }

    #[test]
    fn a_pod_that_ended_is_followed_by_the_next_attempt() {
        let plan = decide(&[pod(1, Life::Ended)], Known { pod: Some(&known(1)), born: None }, at(2000));
        assert_eq!(plan, Plan { step: Step::Create { attempt: 2 }, remove: vec!["ada-1".into()] });
    }

    #[test]
    fn of_a_participant_that_rests_each_pod_is_asked_to_end_once() {
        let ending = Life::Ending { since: at(1000), until: at(1030) };
        let plan = |pods: &[PodFacts]| {
            let Plan { step: Step::Rest { name }, remove } = release(pods) else { panic!("it rests") };
            (name, remove)
        };
        assert_eq!(plan(&[]), (None, vec![]));
        assert_eq!(plan(&[pod(1, Life::Alive)]), (Some("ada-1".into()), vec!["ada-1".into()]));
        assert_eq!(plan(&[pod(1, ending)]), (Some("ada-1".into()), vec![]));
        assert_eq!(plan(&[pod(1, Life::Ended)]), (None, vec!["ada-1".into()]));
        let held = Plan { step: Step::Rest { name: Some("ada-1".into()) }, remove: vec![] };
        assert_eq!(hold(&[pod(1, Life::Alive)]), held, "not before it is told");
    }

    #[test]
    fn pods_that_were_removed_because_nobody_had_a_use_for_them_are_no_failures() {
        let delay = |attempt, rested_attempt| {
            let known = PodStatus { rested_attempt, ..known(attempt) };
            let evicted = step(&[pod(attempt, Life::Ended)], Some(&known), 1000);
            let gone = Known { pod: Some(&known), born: Some(at(1000)) };
            match (evicted, decide(&[], gone, at(1000)).step) {
                (Step::Wait { delay }, Step::Confirm { rest, .. }) if delay == rest => delay.as_secs(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!([(10, Some(9)), (12, Some(9)), (10, None)].map(|(a, r)| delay(a, r)), [1, 4, 300]);
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
