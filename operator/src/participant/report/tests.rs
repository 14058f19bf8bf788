//! Facts in, status out, as tables.

use super::*;
use crate::control::registry::{Facts, LinkState};
use crate::participant::observe::{Life, Trouble};
use serde_json::json;
use std::time::Instant;
use understudy_proto::v1::{Condition as Told, LivestreamReport, Media, Report};

fn participant() -> VirtualParticipant {
    serde_json::from_value(json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
        "metadata": {"name": "ada", "namespace": "demo", "generation": 1}, "spec": {}
    }))
    .unwrap()
}

fn pod() -> PodFacts {
    PodFacts {
        name: "ada-1".into(),
        uid: "u1".into(),
        attempt: 1,
        created: Timestamp::UNIX_EPOCH,
        node: Some("node-1".into()),
        ip: Some("10.0.0.1".into()),
        life: Life::Alive,
        unschedulable: None,
        trouble: None,
    }
}

fn told(type_: &str, status: &str, reason: &str) -> Told {
    Told {
        r#type: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: "m".into(),
        ..Told::default()
    }
}

fn linked(page: Told) -> View {
    let conditions = vec![told("DevicesReady", "True", "Up"), page, told("InputsReady", "True", "Playing")];
    let report = Report {
        observed_generation: 1,
        conditions,
        media: Some(Media { camera: "pipewire".into(), browser_sandbox: String::new() }),
        livestreams: vec![LivestreamReport {
            name: "live".into(),
            ready: true,
            ..LivestreamReport::default()
        }],
        ..Report::default()
    };
    View::Linked(Facts { report: Some(report), generation: 1, ..Facts::default() })
}

fn well() -> View {
    linked(told("PageReady", "True", "Loaded"))
}

fn expected() -> View {
    View::Expected { until: Instant::now(), facts: None }
}

/// The status that follows from a pod and a session, after an earlier status.
fn after(
    previous: Option<&VirtualParticipantStatus>,
    pod: Option<PodFacts>,
    view: View,
) -> VirtualParticipantStatus {
    let participant = participant();
    report(&Observed { pod, view, ..Observed::new(&participant, previous.cloned()) })
}

fn verdict(status: &VirtualParticipantStatus, type_: ParticipantCondition) -> (String, String) {
    let condition = find(&status.conditions, type_.as_str()).unwrap();
    (condition.status.clone(), condition.reason.clone())
}

fn says(status: &VirtualParticipantStatus, type_: ParticipantCondition, truth: &str, reason: &str) {
    assert_eq!(verdict(status, type_), (truth.into(), reason.into()), "{}", type_.as_str());
}

#[test]
fn phases_follow_from_pod_and_session() {
    use ParticipantPhase as Phase;
    let page = |status: &str, reason: &str| linked(told("PageReady", status, reason));
    let available = after(None, Some(pod()), well());
    let failed = after(None, Some(pod()), page("False", "PageUnreachable"));
    let table = [
        (None, None, View::Silent, Phase::Pending),
        (None, Some(pod()), expected(), Phase::Provisioning),
        (None, Some(pod()), page("Unknown", "Loading"), Phase::Provisioning),
        (None, Some(pod()), page("False", "Loading"), Phase::Provisioning),
        (None, Some(pod()), page("False", "PageUnreachable"), Phase::Failed),
        (None, Some(pod()), well(), Phase::Available),
        (Some(&available), Some(pod()), page("False", "PageCrashed"), Phase::Disrupted),
        (Some(&available), Some(pod()), View::Silent, Phase::Disrupted),
        (Some(&available), None, View::Silent, Phase::Disrupted),
        (Some(&available), Some(pod()), expected(), Phase::Available),
        (Some(&failed), Some(pod()), well(), Phase::Available),
    ];
    for (number, (previous, pod, view, phase)) in table.into_iter().enumerate() {
        assert_eq!(after(previous, pod, view).phase, Some(phase), "row {number}");
    }
}

#[test]
fn a_source_that_does_what_was_asked_is_ready_and_one_that_cannot_is_not() {
    use ParticipantPhase as Phase;
    let inputs = |status: &str, reason: &str| {
        let View::Linked(mut facts) = well() else { unreachable!() };
        facts.report.as_mut().unwrap().conditions[2] = told("InputsReady", status, reason);
        View::Linked(facts)
    };
    let before = after(None, Some(pod()), well());
    let fine = ["NotWanted", "Playing", "Waiting", "Paused", "Ended"];
    let broken = [
        "Stalled",
        "SourceNotFound",
        "SourceForbidden",
        "SourceFailed",
        "SourceUnsupported",
        "PipelineFailed",
    ];
    for reason in fine {
        let status = after(Some(&before), Some(pod()), inputs("True", reason));
        says(&status, ParticipantCondition::InputsReady, "True", reason);
        says(&status, ParticipantCondition::Ready, "True", "AllReady");
        assert_eq!((status.phase, status.last_error), (Some(Phase::Available), None), "{reason}");
    }
    for reason in broken {
        let status = after(Some(&before), Some(pod()), inputs("False", reason));
        says(&status, ParticipantCondition::InputsReady, "False", reason);
        says(&status, ParticipantCondition::Ready, "False", reason);
        assert_eq!(status.phase, Some(Phase::Disrupted), "{reason}");
        assert_eq!(status.last_error.unwrap().code, reason);
    }
    let starting = after(Some(&before), Some(pod()), inputs("False", "Starting"));
    says(&starting, ParticipantCondition::Ready, "False", "Starting");
    assert_eq!(starting.last_error, None, "it is on its way");
}

#[test]
fn a_refusal_is_a_condition_that_names_the_field_as_the_spec_does() {
    let View::Linked(facts) = well() else { unreachable!() };
    let refused = |field_path: &str| {
        let refusal = Refusal {
            part: Part::Session.into(),
            field_path: field_path.into(),
            reason: "no".into(),
            ..Refusal::default()
        };
        let mut facts = facts.clone();
        facts.report.as_mut().unwrap().refusals.push(refusal);
        let status = after(None, Some(pod()), View::Linked(facts));
        let inputs = find(&status.conditions, "InputsReady").unwrap();
        (inputs.reason.clone(), inputs.message.clone())
    };
    let rejected = |message: &str| ("Rejected".to_owned(), message.to_owned());
    assert_eq!(refused("inputs.video.stream.url"), rejected("spec.inputs.video.stream.url: no"));
    assert_eq!(refused("inputs.audio.webRtc"), rejected("spec.inputs.audio.webRTC: no"));
}

#[test]
fn all_conditions_are_there_from_the_first_status_on() {
    assert_eq!(after(None, None, View::Silent).conditions.len(), ParticipantCondition::ALL.len());
}

#[test]
fn a_hand_over_changes_nothing() {
    let before = after(None, Some(pod()), well());
    assert_eq!(after(Some(&before), Some(pod()), expected()), before);
    let just_linked = View::Linked(Facts::default());
    assert_eq!(after(Some(&before), Some(pod()), just_linked), before);
}

#[test]
fn a_runtime_that_is_silent_for_long_is_unknown_and_keeps_its_pod_and_its_endpoints() {
    let before = after(None, Some(pod()), well());
    let status = after(Some(&before), Some(pod()), View::Silent);
    for type_ in
        [ParticipantCondition::RuntimeReady, ParticipantCondition::PageReady, ParticipantCondition::Ready]
    {
        says(&status, type_, "Unknown", "LinkLost");
    }
    assert_eq!((&status.pod, &status.endpoints), (&before.pod, &before.endpoints));
    let later = after(Some(&status), Some(pod()), View::Silent);
    says(&later, ParticipantCondition::RuntimeReady, "Unknown", "LinkLost");
}

#[test]
fn a_stream_that_was_just_lost_says_what_it_said() {
    let before = after(None, Some(pod()), well());
    let View::Linked(facts) = well() else { unreachable!() };
    let facts = Facts { link: LinkState::Down { since: Instant::now() }, ..facts };
    let view = View::Expected { until: Instant::now(), facts: Some(facts) };
    assert_eq!(after(Some(&before), Some(pod()), view), before);
}

#[test]
fn a_container_that_does_not_start_says_why() {
    let trouble = Trouble { reason: "ImagePullBackOff".into(), message: "no such image".into() };
    let stuck = PodFacts { trouble: Some(trouble), ..pod() };
    let status = after(None, Some(stuck), View::Silent);
    says(&status, ParticipantCondition::RuntimeReady, "False", "ImagePullBackOff");
    says(&status, ParticipantCondition::Ready, "False", "ImagePullBackOff");
    assert_eq!(status.phase, Some(ParticipantPhase::Provisioning));
    assert_eq!(status.last_error.unwrap().message, "no such image");
}

#[test]
fn an_error_is_remembered_after_its_repair() {
    let broken = after(None, Some(pod()), linked(told("PageReady", "False", "PageUnreachable")));
    let repaired = after(Some(&broken), Some(pod()), well());
    assert_eq!(repaired.last_error.unwrap().code, "PageUnreachable");
}

#[test]
fn ready_speaks_of_the_spec_that_the_runtime_has_accepted() {
    let before = after(None, Some(pod()), well());
    let mut changed = participant();
    changed.metadata.generation = Some(2);
    let observe = |view| {
        let observed = Observed { pod: Some(pod()), view, ..Observed::new(&changed, Some(before.clone())) };
        let status = report(&observed);
        let ready = find(&status.conditions, "Ready").unwrap().observed_generation;
        (status.observed_generation, ready)
    };
    let View::Linked(facts) = well() else { unreachable!() };
    assert_eq!(observe(View::Linked(Facts { generation: 2, ..facts.clone() })), (Some(2), Some(1)));
    assert_eq!(observe(View::Linked(facts)), (Some(2), Some(2)), "the runtime reports on the newest");
}

#[test]
fn each_livestream_that_is_ready_is_an_endpoint() {
    let status = after(None, Some(pod()), well());
    let urls: Vec<&str> = status.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(urls, ["http://10.0.0.1:10001/view", "http://10.0.0.1:10001/whep/live"]);
}
