//! What is said of one that nobody has a use for.

use super::*;

fn limited(seconds: i32) -> VirtualParticipant {
    let mut participant = participant();
    participant.spec.limits = serde_json::from_value(json!({"idleTimeoutSeconds": seconds})).unwrap();
    participant
}

/// After a look so many seconds after the epoch.
fn at(
    seconds: i64,
    participant: &VirtualParticipant,
    previous: Option<&VirtualParticipantStatus>,
    (pod, view): (Option<PodFacts>, View),
) -> VirtualParticipantStatus {
    let now = Timestamp::from_second(seconds).unwrap();
    report(&Observed { pod, view, now, ..Observed::new(participant, previous.cloned()) })
}

#[test]
fn it_says_since_when_whatever_the_limit_is_by_now_and_that_its_pod_did_not_fail() {
    let participant = limited(60);
    let ready = at(1000, &participant, None, (Some(pod()), well()));
    assert_eq!(ready.pod.as_ref().unwrap().rested_attempt, None);
    let rests = at(1060, &participant, Some(&ready), (Some(pod()), well()));
    assert_eq!(rests.phase, Some(ParticipantPhase::Idle));
    let longer = limited(9999);
    let later = at(1070, &longer, Some(&rests), (None, View::Silent));
    for status in [&rests, &later] {
        says(status, Type::Ready, "False", "Idle");
        let message = &said(status).find(Type::RuntimeReady.as_str()).unwrap().message;
        assert!(message.contains("since 1970-01-01T00:16:40Z: "), "{message}");
        assert_eq!(status.pod.as_ref().unwrap().rested_attempt, Some(1));
    }
    let next = PodFacts { attempt: 2, uid: "u2".into(), ..pod() };
    let used = Observed { pod: Some(next), has_livestreams: true, ..Observed::new(&longer, Some(later)) };
    let pod = report(&used).pod.unwrap();
    assert_eq!((pod.attempt, pod.rested_attempt), (2, Some(1)), "remembered as long as there are pods");
}

#[test]
fn one_that_was_never_ready_is_what_it_is_however_long_it_takes() {
    let participant = limited(60);
    let crashing = || (Some(pod()), linked(told("PageReady", "False", "PageUnreachable")));
    let failed = at(1000, &participant, None, crashing());
    let later = at(9999, &participant, Some(&failed), crashing());
    assert_eq!((later.phase, &later.rest), (Some(ParticipantPhase::Failed), &None));
    let pending = at(9999, &participant, Some(&later), (None, View::Silent));
    assert_eq!((pending.phase, pending.rest), (Some(ParticipantPhase::Pending), None));
}
