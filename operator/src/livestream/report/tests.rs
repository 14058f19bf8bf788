use super::*;
use crate::control::registry::Facts;
use serde_json::json;
use std::time::Instant;
use understudy_crds::v1alpha1::LivestreamPhase;
use understudy_proto::v1::Severity;

fn livestream() -> Livestream {
    serde_json::from_value(json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream", "metadata": {"name": "live", "generation": 1},
        "spec": {"participantRef": {"name": "ada"}, "output": {"webRTC": {}}}
    }))
    .unwrap()
}

fn participant() -> VirtualParticipant {
    serde_json::from_value(json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant", "metadata": {"name": "ada"}, "spec": {},
        "status": {"conditions": [{"type": "RuntimeReady", "status": "True", "reason": "Linked", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
    }))
    .unwrap()
}

fn serving(told: LivestreamReport) -> View {
    answering(Report { livestreams: vec![told], ..Report::default() })
}

fn answering(report: Report) -> View {
    let report = Some(Report { observed_generation: 1, ..report });
    View::Linked(Facts { report, generation: 1, capabilities: able(), ..Facts::default() })
}

fn able() -> std::sync::Arc<[String]> {
    ["output.webrtc".to_owned()].into()
}

/// A session that was told, and has not answered.
fn asked() -> View {
    View::Linked(Facts { generation: 1, capabilities: able(), ..Facts::default() })
}

fn told(reason: &str) -> LivestreamReport {
    let (ready, waiting) = (reason == "Serving", reason == "WaitingForPicture");
    let severity = if waiting { Severity::Info } else { Severity::Error };
    LivestreamReport {
        name: "live".into(),
        ready,
        reason: reason.into(),
        severity: severity.into(),
        ..LivestreamReport::default()
    }
}

fn after(previous: Option<&LivestreamStatus>, view: View) -> LivestreamStatus {
    after_told(Told::AsItIs, previous, view)
}

fn after_told(told: Told, previous: Option<&LivestreamStatus>, view: View) -> LivestreamStatus {
    let (livestream, participant) = (livestream(), participant());
    report(&Observed {
        livestream: &livestream,
        of: Of::Participant(Some(&participant)),
        pod_ip: Some("10.0.0.1".into()),
        view,
        told,
        fault: None,
        previous: previous.cloned(),
        now: Timestamp::UNIX_EPOCH,
    })
}

#[test]
fn one_that_is_too_many_is_told_so_and_taken_for_nothing_that_is_said_of_it() {
    let before = after(None, serving(told("Serving")));
    let status = after_told(Told::Never, Some(&before), serving(told("Serving")));
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((&*ready.status, &*ready.reason), ("False", "TooManyLivestreams"));
    assert!(ready.message.starts_with("spec.participantRef.name: a participant has 64"), "{}", ready.message);
    assert!(status.endpoints.is_empty() && !before.endpoints.is_empty());
    assert_eq!(status.observed_generation, Some(1));
}

#[test]
fn phases_follow_from_what_the_session_reports() {
    use LivestreamPhase as Phase;
    let ready = after(None, serving(told("Serving")));
    let watched = LivestreamReport { viewers: 3, ..told("Serving") };
    let table = [
        (None, View::Silent, Phase::Pending),
        (None, serving(told("WaitingForPicture")), Phase::Pending),
        (None, serving(told("CaptureFailed")), Phase::Failed),
        (None, serving(told("Serving")), Phase::Ready),
        (None, serving(watched), Phase::Active),
        (Some(&ready), serving(told("CaptureFailed")), Phase::Disrupted),
        (Some(&ready), View::Silent, Phase::Disrupted),
    ];
    for (number, (previous, view, phase)) in table.into_iter().enumerate() {
        assert_eq!(after(previous, view).phase, Some(phase), "row {number}");
    }
}

#[test]
fn a_hand_over_changes_nothing() {
    let before = after(None, serving(told("Serving")));
    let phase = |view| {
        let status = after(Some(&before), view);
        (status.phase, status.endpoints)
    };
    let expected = View::Expected { until: Instant::now(), facts: None };
    assert_eq!(phase(expected), (before.phase, before.endpoints.clone()));
    assert_eq!(phase(asked()), (before.phase, before.endpoints.clone()));
}

fn ready_of(status: &LivestreamStatus) -> (String, Option<i64>) {
    let said = Said { conditions: &status.conditions, failing: &status.failing };
    let ready = said.find("Ready").unwrap();
    (ready.reason.clone(), ready.observed_generation)
}

#[test]
fn what_was_said_of_an_older_description_is_about_that_one() {
    let before = after(None, serving(told("Serving")));
    let (mut changed, participant) = (livestream(), participant());
    changed.metadata.generation = Some(2);
    let observe = |told_of| {
        let status = report(&Observed {
            livestream: &changed,
            of: Of::Participant(Some(&participant)),
            pod_ip: Some("10.0.0.1".into()),
            view: serving(told("CaptureFailed")),
            told: told_of,
            fault: None,
            previous: Some(before.clone()),
            now: Timestamp::UNIX_EPOCH,
        });
        (status.observed_generation, ready_of(&status))
    };
    assert_eq!(observe(Told::NotYet), (Some(1), ("Serving".into(), Some(1))));
    assert_eq!(observe(Told::AsItIs), (Some(2), ("CaptureFailed".into(), Some(2))));
}

#[test]
fn a_livestream_that_the_session_refuses_says_which_field_and_why() {
    let refusal = Refusal {
        part: Part::Livestream.into(),
        name: "live".into(),
        field_path: "webRtc".into(),
        reason: "no".into(),
    };
    let status = after(None, answering(Report { refusals: vec![refusal], ..Report::default() }));
    assert_eq!((status.phase, ready_of(&status).0), (Some(LivestreamPhase::Failed), "Rejected".into()));
}

#[test]
fn what_is_sent_no_more_for_want_of_its_secret_is_neither_active_nor_anywhere() {
    let watched = LivestreamReport { viewers: 1, ..told("Serving") };
    let before = after(None, serving(watched.clone()));
    assert_eq!(before.phase, Some(LivestreamPhase::Active));
    let (livestream, participant) = (livestream(), participant());
    let status = report(&Observed {
        livestream: &livestream,
        of: Of::Participant(Some(&participant)),
        pod_ip: Some("10.0.0.1".into()),
        view: serving(watched),
        told: Told::NotYet,
        fault: Some(Fault::Missing("cdn".into())),
        previous: Some(before),
        now: Timestamp::UNIX_EPOCH,
    });
    assert_eq!(ready_of(&status).0, "SecretNotFound");
    let said = Said { conditions: &status.conditions, failing: &status.failing };
    assert_eq!(said.find("Active").unwrap().status, "False");
    assert!(status.endpoints.is_empty());
}

#[test]
fn an_output_that_the_runtime_did_not_announce_is_never_ready() {
    let View::Linked(facts) = serving(told("Serving")) else { unreachable!() };
    let older = View::Linked(Facts { capabilities: Vec::new().into(), ..facts });
    let status = after(None, older);
    assert_eq!((status.phase, ready_of(&status).0), (Some(LivestreamPhase::Failed), "Unsupported".into()));
}

#[test]
fn what_a_session_said_before_it_was_told_is_not_taken() {
    let View::Linked(facts) = serving(told("Serving")) else { unreachable!() };
    let early = View::Linked(Facts { generation: 2, ..facts });
    assert_eq!(after(None, early).phase, Some(LivestreamPhase::Pending));
}

#[test]
fn a_file_is_told_of_and_can_be_fetched_though_its_disk_is_full() {
    let mut recorded = livestream();
    recorded.spec.output = serde_json::from_value(json!({"recording": {}})).unwrap();
    let file = Recorded { started_unix_seconds: 60, ended_unix_seconds: 90, bytes: 5 };
    let told = LivestreamReport { recorded: Some(file), ..told("DiskFull") };
    let able = ["output.recording".to_owned()].into();
    let View::Linked(facts) = serving(told) else { unreachable!() };
    let participant = participant();
    let status = report(&Observed {
        livestream: &recorded,
        of: Of::Participant(Some(&participant)),
        pod_ip: Some("10.0.0.1".into()),
        view: View::Linked(Facts { capabilities: able, ..facts }),
        told: Told::AsItIs,
        fault: None,
        previous: None,
        now: Timestamp::UNIX_EPOCH,
    });
    let urls: Vec<_> = status.endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    assert_eq!(urls, ["http://10.0.0.1:10001/recording/download?id=live"]);
    assert_eq!(status.recording.unwrap().bytes, Some(5));
    let said = Said { conditions: &status.conditions, failing: &status.failing };
    assert_eq!((said.find("Ready").unwrap().reason.as_str(), said.fails("Ready")), ("DiskFull", true));
    assert_eq!(said.find("Active").unwrap().reason, "NotWritten");
}

#[test]
fn what_a_picture_is_encoded_as_stands_in_the_status() {
    let encoded = Encoded { width: 640, height: 360, frame_rate: 15, video_bitrate_bps: 500_000 };
    let status = after(None, serving(LivestreamReport { encoded: Some(encoded), ..told("Serving") }));
    let rendition = status.rendition.unwrap();
    assert_eq!((rendition.width, rendition.frame_rate), (640, 15));
    assert_eq!(after(Some(&status), asked()).rendition, Some(rendition), "until it is answered");
}
