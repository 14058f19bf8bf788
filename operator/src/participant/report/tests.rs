//! Facts in, status out, as tables.

mod invited;
mod problems;
mod resting;

use super::*;
use crate::control::registry::{Facts, LinkState};
use crate::provide::observe::{Life, Trouble};
use crate::provide::problem::Blame;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::ParticipantPhase;
use understudy_proto::v1::{
    Condition as Told, InvitationReport, InvitationState, LivestreamReport, Part, Refusal, Report, Severity,
};

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
        profile_revision: None,
        created: Timestamp::UNIX_EPOCH,
        node: Some("node-1".into()),
        ip: Some("10.0.0.1".into()),
        life: Life::Alive,
        unschedulable: None,
        trouble: None,
        halted: false,
    }
}

/// What is not true is wrong, but for what only starts.
fn told(type_: &str, status: &str, reason: &str) -> Told {
    let severity = if ["Starting", "Loading"].contains(&reason) { Severity::Info } else { Severity::Error };
    Told {
        r#type: type_.into(),
        status: status.into(),
        reason: reason.into(),
        message: "m".into(),
        severity: severity.into(),
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
    let capabilities = Arc::from(["input.stream".to_owned()]);
    View::Linked(Facts { report: Some(report), generation: 1, capabilities, ..Facts::default() })
}

/// The session of a pod that has just started: it idles, and was told nothing or has not answered yet.
fn idle() -> View {
    let well = ["DevicesReady", "PageReady", "InputsReady"].map(|type_| told(type_, "True", "NotWanted"));
    let report = Report { conditions: well.into(), ..Report::default() };
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
    report(&Observed {
        pod,
        view,
        livestreams: vec!["live".into()],
        ..Observed::new(&participant, previous.cloned())
    })
}

fn verdict(status: &VirtualParticipantStatus, type_: ParticipantCondition) -> (String, String) {
    let condition = said(status).find(type_.as_str()).unwrap();
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
        (None, Some(pod()), idle(), Phase::Provisioning),
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
    let fine = ["NotWanted", "Playing", "Resting", "Waiting", "Paused", "Ended"];
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
        let inputs = said(&status).find("InputsReady").unwrap();
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
fn what_a_session_says_before_it_was_told_what_to_be_counts_for_nothing() {
    let status = after(None, Some(pod()), idle());
    for type_ in [Type::DevicesReady, Type::PageReady, Type::InputsReady] {
        says(&status, type_, "Unknown", "Starting");
    }
    says(&status, Type::RuntimeReady, "True", "Linked");
    says(&status, Type::Ready, "False", "Starting");
    assert_eq!(status.observed_generation, None, "the spec was not answered");
    assert_eq!((status.media, status.endpoints.len()), (None, 0));
}

#[test]
fn what_a_session_said_of_an_older_spec_is_about_that_one_until_it_answers() {
    let before = after(None, Some(pod()), well());
    assert_eq!(before.observed_generation, Some(1));
    let mut changed = participant();
    changed.metadata.generation = Some(2);
    let observe = |view| {
        let observed = Observed { pod: Some(pod()), view, ..Observed::new(&changed, Some(before.clone())) };
        let status = report(&observed);
        let about = |type_| said(&status).find(type_).unwrap().observed_generation;
        (status.observed_generation, about("Ready"), about("PageReady"), status.phase)
    };
    let View::Linked(facts) = linked(told("PageReady", "False", "PageUnreachable")) else { unreachable!() };
    let asked = View::Linked(Facts { generation: 2, ..facts.clone() });
    assert_eq!(observe(asked), (Some(1), Some(1), Some(1), Some(ParticipantPhase::Available)));
    let answered = View::Linked(facts);
    assert_eq!(observe(answered), (Some(2), Some(2), Some(2), Some(ParticipantPhase::Failed)));
}

#[test]
fn a_participant_that_is_being_deleted_is_not_ready_though_its_session_idles_well() {
    let mut going = participant();
    going.metadata =
        serde_json::from_value(json!({"name": "ada", "deletionTimestamp": "2026-01-01T00:00:00Z"})).unwrap();
    let status = report(&Observed { pod: Some(pod()), view: well(), ..Observed::new(&going, None) });
    says(&status, Type::Ready, "False", "Terminating");
    assert_eq!(status.phase, Some(ParticipantPhase::Terminating));
    assert_eq!(status.pod.unwrap().name, "ada-1");
}

#[test]
fn nothing_that_an_earlier_pod_said_holds_for_its_successor() {
    let before = after(None, Some(pod()), well());
    let next = PodFacts { name: "ada-2".into(), uid: "u2".into(), attempt: 2, ..pod() };
    let status = after(Some(&before), Some(next), expected());
    says(&status, Type::PageReady, "Unknown", "Starting");
    assert_eq!((status.phase, status.media), (Some(ParticipantPhase::Disrupted), None));
    assert!(status.endpoints.is_empty());
}

#[test]
fn a_runtime_that_does_not_answer_for_long_is_named() {
    let before = after(None, Some(pod()), well());
    let status = after(Some(&before), Some(pod()), View::Mute(Facts::default()));
    says(&status, Type::RuntimeReady, "False", "NotAnswering");
    says(&status, Type::PageReady, "Unknown", "Starting");
    says(&status, Type::Ready, "False", "NotAnswering");
}

#[test]
fn a_word_of_a_runtime_that_says_no_severity_is_no_failure() {
    let mut unheard = told("PageReady", "False", "WarmingUp");
    unheard.severity = 0;
    let status = after(None, Some(pod()), linked(unheard));
    says(&status, Type::Ready, "False", "WarmingUp");
    says(&status, Type::Reconciling, "True", "WarmingUp");
    assert_eq!((status.phase, status.last_error), (Some(ParticipantPhase::Provisioning), None));
}

#[test]
fn an_input_that_the_runtime_did_not_announce_is_a_condition_whatever_it_says() {
    let mut asking = participant();
    asking.spec = serde_json::from_value(json!({"inputs": {"video": {"socket": {}}}})).unwrap();
    let status = report(&Observed { pod: Some(pod()), view: well(), ..Observed::new(&asking, None) });
    says(&status, Type::InputsReady, "False", "Unsupported");
    assert_eq!(status.phase, Some(ParticipantPhase::Failed));
}

#[test]
fn sharing_that_the_runtime_did_not_announce_is_a_condition_whatever_it_says() {
    let mut asking = participant();
    asking.spec = serde_json::from_value(json!({"sharing": {"mode": "Host"}})).unwrap();
    let shared = |capabilities: &[&str]| {
        let View::Linked(mut facts) = well() else { unreachable!() };
        facts.capabilities = capabilities.iter().map(ToString::to_string).collect();
        report(&Observed { pod: Some(pod()), view: View::Linked(facts), ..Observed::new(&asking, None) })
    };
    let status = shared(&["input.stream"]);
    says(&status, Type::PageReady, "False", "Unsupported");
    assert!(status.last_error.unwrap().message.contains("does not know sharing; upgrade the runtime image"));
    says(&shared(&["sharing"]), Type::Ready, "True", "AllReady");
}

#[test]
fn sharing_that_the_runtime_refuses_is_told_by_its_field() {
    let mut asking = participant();
    asking.spec = serde_json::from_value(json!({"sharing": {}})).unwrap();
    let View::Linked(mut facts) = well() else { unreachable!() };
    facts.capabilities = Arc::from(["sharing".to_owned()]);
    facts.report.as_mut().unwrap().refusals = vec![Refusal {
        part: Part::Session.into(),
        field_path: "sharing.pages[1].url".into(),
        reason: "must be another".into(),
        ..Refusal::default()
    }];
    let view = View::Linked(facts);
    let status = report(&Observed { pod: Some(pod()), view, ..Observed::new(&asking, None) });
    says(&status, Type::PageReady, "False", "Rejected");
    assert_eq!(status.last_error.unwrap().message, "spec.sharing.pages[1].url: must be another");
}

#[test]
fn a_session_on_a_stage_that_nobody_wants_it_on_is_leaving() {
    let View::Linked(mut facts) = well() else { unreachable!() };
    facts.report.as_mut().unwrap().invitation = Some(InvitationReport {
        id: "show-42".into(),
        state: InvitationState::Accepted.into(),
        ..InvitationReport::default()
    });
    let status = after(None, Some(pod()), View::Linked(facts));
    says(&status, Type::Invited, "False", "Leaving");
    assert_eq!(status.phase, Some(ParticipantPhase::Leaving));
}

#[test]
fn a_session_cannot_spoil_its_status_with_names() {
    let View::Linked(mut facts) = well() else { unreachable!() };
    let report = facts.report.as_mut().unwrap();
    let twice = report.livestreams[0].clone();
    let nobodys = LivestreamReport { name: "nobodys".into(), ..twice.clone() };
    report.livestreams.extend([twice, nobodys]);
    let status = after(None, Some(pod()), View::Linked(facts));
    let names: Vec<&str> = status.endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
    assert_eq!(names, ["View", "live"]);
}

#[test]
fn each_livestream_that_is_ready_is_an_endpoint() {
    let status = after(None, Some(pod()), well());
    let urls: Vec<&str> = status.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(urls, ["http://10.0.0.1:10001/view", "http://10.0.0.1:10001/whep/live"]);
}
