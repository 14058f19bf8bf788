//! What stands in the way of a pod, and what it takes from a status: nothing.

use super::*;

fn problem(condition: Type) -> Vec<Problem> {
    vec![Problem {
        condition,
        reason: "ProfileNotFound",
        message: "no such profile".into(),
        blame: Blame::Caller,
    }]
}

#[test]
fn a_problem_adds_a_condition_and_erases_nothing_of_a_pod_that_runs() {
    let before = after(None, Some(pod()), well());
    let participant = participant();
    let observed = Observed {
        pod: Some(pod()),
        view: well(),
        livestreams: vec!["live".into()],
        problems: problem(Type::Accepted),
        ..Observed::new(&participant, Some(before.clone()))
    };
    let status = report(&observed);
    says(&status, Type::Accepted, "False", "ProfileNotFound");
    says(&status, Type::PodScheduled, "True", "Scheduled");
    says(&status, Type::Ready, "True", "AllReady");
    assert_eq!((&status.pod, &status.endpoints), (&before.pod, &before.endpoints));
    assert_eq!((status.phase, status.failing), (before.phase, vec!["Accepted".to_owned()]));
    assert_eq!(status.last_error.unwrap().code, "ProfileNotFound");
}

#[test]
fn a_problem_without_a_pod_is_why_the_participant_stalls() {
    let participant = participant();
    let status = report(&Observed { problems: problem(Type::Accepted), ..Observed::new(&participant, None) });
    says(&status, Type::PodScheduled, "False", "NoPod");
    says(&status, Type::Ready, "False", "ProfileNotFound");
    says(&status, Type::Stalled, "True", "ProfileNotFound");
    assert_eq!((status.phase, status.observed_generation), (Some(ParticipantPhase::Failed), Some(1)));
}

#[test]
fn what_the_platform_forbids_is_not_told_to_be_as_it_was_asked_for() {
    let participant = participant();
    let status = report(&Observed {
        pod: Some(pod()),
        view: idle(),
        problems: problem(Type::PageReady),
        ..Observed::new(&participant, None)
    });
    says(&status, Type::PageReady, "False", "ProfileNotFound");
    says(&status, Type::Ready, "False", "ProfileNotFound");
}

#[test]
fn a_pod_that_ends_is_told_as_one_that_ends_and_what_to_do_if_it_does_not() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let ending = PodFacts { life: Life::Ending { since: at(100), until: at(130) }, ..pod() };
    let (participant, before) = (participant(), after(None, Some(pod()), well()));
    let observe = |now| {
        let observed = Observed::new(&participant, Some(before.clone()));
        report(&Observed { pod: Some(ending.clone()), view: View::Silent, now, ..observed })
    };
    let early = observe(at(110));
    says(&early, Type::PodScheduled, "False", "Terminating");
    says(&early, Type::RuntimeReady, "False", "Terminating");
    assert_eq!((early.pod, early.failing), (before.pod.clone(), Vec::new()));
    let late = observe(at(131));
    let message = &said(&late).find("Ready").unwrap().message;
    for word in ["1970-01-01T00:01:40Z", "node-1", "out-of-service", "by force"] {
        assert!(message.contains(word), "{message}");
    }
    assert_eq!(late.phase, Some(ParticipantPhase::Disrupted));
}
