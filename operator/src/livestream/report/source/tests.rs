//! Facts in, status out, of a livestream with a source.

use crate::apply;
use crate::condition::{Said, Verdict};
use crate::control::registry::Facts;
use crate::credentials::Fault;
use crate::livestream::report::{Fetched, Observed, Of, Told, report};
use crate::provide::observe::{Life, PodFacts};
use crate::provide::problem::Problem;
use crate::view::View;
use jiff::Timestamp;
use serde_json::json;
use std::time::Instant;
use understudy_crds::v1alpha1::{Livestream, LivestreamPhase as Phase, LivestreamStatus};
use understudy_proto::v1::{Condition, LivestreamReport, Report, Severity};

fn livestream() -> Livestream {
    serde_json::from_value(json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream", "metadata": {"name": "live", "generation": 1},
        "spec": {"source": {"url": "rtmp://a.example/live/key"}, "output": {"webRTC": {}}}
    }))
    .unwrap()
}

fn pod(uid: &str) -> PodFacts {
    PodFacts {
        name: "origin-0-1".into(),
        uid: uid.into(),
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

fn fetched(pod: Option<PodFacts>) -> Fetched {
    Fetched { pod, problems: Vec::new(), fault: None }
}

/// The slate is on its way out in any case.
fn saying(inputs: &str, reason: &str) -> View {
    let inputs = Condition {
        r#type: "InputsReady".into(),
        status: inputs.into(),
        reason: reason.into(),
        message: "m".into(),
        severity: Severity::Error.into(),
    };
    let live = LivestreamReport {
        name: "live".into(),
        ready: true,
        reason: "Serving".into(),
        viewers: 1,
        ..LivestreamReport::default()
    };
    let report = Report {
        observed_generation: 1,
        conditions: vec![inputs],
        livestreams: vec![live],
        ..Report::default()
    };
    let capabilities = ["origin", "output.webrtc"].map(String::from).to_vec().into();
    View::Linked(Facts { report: Some(report), generation: 1, capabilities, ..Facts::default() })
}

fn after(previous: Option<&LivestreamStatus>, fetched: Fetched, view: View) -> LivestreamStatus {
    after_told(Told::AsItIs, previous, fetched, view)
}

fn after_told(
    told: Told,
    previous: Option<&LivestreamStatus>,
    fetched: Fetched,
    view: View,
) -> LivestreamStatus {
    report(&Observed {
        livestream: &livestream(),
        pod_ip: fetched.pod.as_ref().and_then(|pod| pod.ip.clone()),
        of: Of::Source(Box::new(fetched)),
        view,
        told,
        fault: None,
        previous: previous.cloned(),
        now: Timestamp::UNIX_EPOCH,
    })
}

fn of(status: &LivestreamStatus, type_: &str) -> Verdict {
    Said { conditions: &status.conditions, failing: &status.failing }.verdict(type_).unwrap()
}

#[test]
fn a_slate_is_not_what_was_asked_for() {
    let refused =
        Fetched { problems: vec![Problem::of_caller("ProfileNotFound", "p".into())], ..fetched(None) };
    let well = after(None, fetched(Some(pod("u1"))), saying("True", "Playing"));
    let unreachable = || saying("False", "SourceUnreachable");
    let table = [
        (None, fetched(None), View::Silent, Phase::Pending, "NoPod"),
        (None, refused.clone(), View::Silent, Phase::Failed, "ProfileNotFound"),
        (None, fetched(Some(pod("u1"))), View::Silent, Phase::Pending, "Starting"),
        (None, fetched(Some(pod("u1"))), unreachable(), Phase::Failed, "SourceUnreachable"),
        (None, fetched(Some(pod("u1"))), saying("True", "Playing"), Phase::Active, "Serving"),
        (Some(&well), fetched(Some(pod("u1"))), unreachable(), Phase::Disrupted, "SourceUnreachable"),
        (Some(&well), fetched(Some(pod("u2"))), View::Silent, Phase::Disrupted, "Starting"),
        (
            Some(&well),
            Fetched { pod: Some(pod("u1")), ..refused },
            saying("True", "P"),
            Phase::Active,
            "Serving",
        ),
    ];
    for (row, (previous, fetched, view, phase, reason)) in table.into_iter().enumerate() {
        let status = after(previous, fetched, view);
        assert_eq!((status.phase, &*of(&status, "Ready").reason), (Some(phase), reason), "row {row}");
    }
    assert!(of(&well, "InputsReady").reason == "Playing" && well.endpoints.len() == 2);
    assert_eq!(well.origin.as_deref(), Some("rtmp://a.example/…"));
}

#[test]
fn a_hand_over_changes_nothing() {
    let before = after(None, fetched(Some(pod("u1"))), saying("True", "Playing"));
    let expected = View::Expected { until: Instant::now(), facts: None };
    assert_eq!(after(Some(&before), fetched(Some(pod("u1"))), expected), before);
    let silent = after(Some(&before), fetched(Some(pod("u1"))), View::Silent);
    assert_eq!(of(&silent, "RuntimeReady").reason, "LinkLost");
}

#[test]
fn what_was_in_the_way_of_ready_is_not_said_to_be_so_still_once_it_is_gone() {
    let ready = |inputs| {
        let before = after(None, fetched(Some(pod("u1"))), saying(inputs, "SourceUnreachable"));
        let next =
            after_told(Told::NotYet, Some(&before), fetched(Some(pod("u1"))), saying("True", "Playing"));
        of(&next, "Ready").reason
    };
    assert_eq!((&*ready("False"), &*ready("True")), ("Starting", "Serving"));
}

#[test]
fn who_has_no_secret_that_can_be_used_is_told_of_none() {
    let secret = || "live.livestream".to_owned();
    for fault in [
        apply::Error::RefusedSecret(secret(), "quota".into()),
        apply::Error::StaleSecret(secret()),
        apply::Error::ForeignSecret(secret()),
    ] {
        let problems = vec![Problem::of(&fault).unwrap()];
        let status = after(None, Fetched { problems, ..fetched(Some(pod("u1"))) }, saying("True", "Playing"));
        assert_eq!(
            (status.access.as_ref(), &*of(&status, "Accepted").reason),
            (None, "AccessSecretUnusable")
        );
    }
    assert!(after(None, fetched(Some(pod("u1"))), View::Silent).access.is_some());
}

#[test]
fn one_too_many_is_told_so_by_what_sums_up_and_by_what_is_in_the_way() {
    let status = after_told(Told::Never, None, fetched(None), View::Silent);
    for type_ in ["Accepted", "Ready"] {
        let Verdict { reason, message, .. } = of(&status, type_);
        assert_eq!(reason, "TooManyLivestreams");
        assert!(message.contains("spec.source: a source has 64 livestreams at most"), "{message}");
    }
    assert_eq!((status.phase, status.observed_generation), (Some(Phase::Failed), Some(1)));
    let one_less = after(Some(&status), fetched(Some(pod("u1"))), saying("True", "Playing"));
    assert_eq!(of(&one_less, "Ready").reason, "Serving");
}

#[test]
fn what_may_not_be_fetched_any_more_is_nowhere_and_what_was_not_read_goes_on() {
    let before = after(None, fetched(Some(pod("u1"))), saying("True", "Playing"));
    let by = |fault: Fault| {
        let fetched = Fetched { fault: Some(fault), ..fetched(Some(pod("u1"))) };
        after(Some(&before), fetched, saying("True", "Playing"))
    };
    let lost = by(Fault::Missing("camera".into()));
    assert_eq!((lost.phase, lost.endpoints.len()), (Some(Phase::Disrupted), 0));
    assert!(of(&lost, "Ready").message.contains("spec.source.urlSecretRef: there is no Secret"));
    assert_eq!(by(Fault::Unread("camera".into())), before);
}
