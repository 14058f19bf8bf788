//! What is desired, remembered and heard, as tables.

mod evidence;

use super::*;
use crate::control::registry::Facts;
use crate::provide::observe::{Life, PodFacts};
use crate::view::View;
use jiff::Timestamp;
use serde_json::json;
use std::time::{Duration, Instant};
use understudy_crds::v1alpha1::{Invitation, MOST_SETTLED, OnDisruption, VirtualParticipantStatus};
use understudy_proto::v1::{Condition as Told, InvitationReport, InvitationState, Report};

const NOW: i64 = 1000;

/// One moment of a participant whose pod `u1` runs, and whose session is linked and has heard of no invitation.
struct Scene {
    desired: Option<Invitation>,
    on_disruption: OnDisruption,
    status: VirtualParticipantStatus,
    pod: Option<PodFacts>,
    view: View,
    left: Option<InvitationReport>,
    now: Timestamp,
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn invitation(id: &str) -> Invitation {
    let stage = json!({"whip": {"url": "https://stage.example/"}});
    serde_json::from_value(json!({"id": id, "joinBefore": at(2 * NOW), "stage": stage})).unwrap()
}

fn pod(uid: &str) -> PodFacts {
    PodFacts {
        name: "ada-1".into(),
        uid: uid.into(),
        attempt: 1,
        profile_revision: None,
        created: at(0),
        node: None,
        ip: None,
        life: Life::Alive,
        unschedulable: None,
        trouble: None,
        halted: false,
    }
}

fn linked(invitation: Option<InvitationReport>) -> View {
    let report = Report { observed_generation: 1, invitation, ..Report::default() };
    View::Linked(Facts { report: Some(report), generation: 1, ..Facts::default() })
}

fn expected() -> View {
    View::Expected { until: Instant::now(), facts: None }
}

fn said(id: &str, state: InvitationState, outcome: &str) -> InvitationReport {
    InvitationReport {
        id: id.into(),
        state: state.into(),
        outcome: outcome.into(),
        ..InvitationReport::default()
    }
}

fn accepted(id: &str) -> InvitationReport {
    said(id, InvitationState::Accepted, "")
}

fn left(id: &str, outcome: &str) -> InvitationReport {
    said(id, InvitationState::Left, outcome)
}

fn up(mut report: InvitationReport, types: &[&str]) -> InvitationReport {
    let told = |type_: &&str| Told { r#type: (*type_).into(), status: "True".into(), ..Told::default() };
    report.conditions = types.iter().map(told).collect();
    report
}

fn ended(seating: &Seating) -> Option<(&str, &str)> {
    seating.last.as_ref().map(|last| (last.invitation_id.as_str(), last.outcome.as_str()))
}

impl Scene {
    fn of(desired: Option<&str>) -> Self {
        Self {
            desired: desired.map(invitation),
            on_disruption: OnDisruption::Rejoin,
            status: VirtualParticipantStatus::default(),
            pod: Some(pod("u1")),
            view: linked(None),
            left: None,
            now: at(NOW),
        }
    }

    /// The status remembers that this pod's session carries it out.
    fn carried_out(mut self, id: &str, uid: &str) -> Self {
        let scene = Self { pod: Some(pod(uid)), ..Self::of(Some(id)).hearing(accepted(id)) };
        self.status = scene.remembered();
        self
    }

    fn hearing(self, invitation: InvitationReport) -> Self {
        Self { view: linked(Some(invitation)), ..self }
    }

    fn seeing(self, view: View) -> Self {
        Self { view, ..self }
    }

    fn late(self) -> Self {
        Self { now: at(2 * NOW), ..self }
    }

    fn known(&self) -> Known<'_> {
        Known {
            desired: self.desired.as_ref(),
            on_disruption: self.on_disruption,
            status: Some(&self.status),
            pod: self.pod.as_ref(),
            view: &self.view,
            left: self.left.as_ref(),
            now: self.now,
        }
    }

    fn seating(&self) -> Seating {
        seating(&self.known())
    }

    fn asks(&self) -> Option<&str> {
        self.known().ask().map(|invitation| invitation.id.as_str())
    }

    /// What the status says after this moment.
    fn remembered(&self) -> VirtualParticipantStatus {
        let Seating { seat: _, session, last, settled } = self.seating();
        VirtualParticipantStatus {
            session,
            last_session: last,
            settled_invitations: settled,
            ..self.status.clone()
        }
    }
}

fn asked(id: &str) -> Seat {
    Seat::Asked(id.into())
}

fn invited(id: &str) -> Seat {
    Seat::Invited(id.into())
}

fn leaving(id: &str) -> Seat {
    Seat::Leaving(id.into())
}

#[test]
fn where_an_invitation_is_follows_from_what_is_desired_and_what_is_said() {
    use InvitationState::Unspecified;
    let of = Scene::of;
    let held = |desired| of(desired).carried_out("a", "u1");
    let unheard = |desired| Scene { status: of(Some("a")).remembered(), ..of(desired) };
    // What is seen, whether it is told to the session, and what has come to its end.
    let table = [
        (of(None), Seat::Free, None, None),
        (of(Some("a")), asked("a"), Some("a"), None),
        (of(Some("a")).seeing(expected()), asked("a"), Some("a"), None),
        (of(Some("a")).hearing(said("a", Unspecified, "")), asked("a"), Some("a"), None),
        (held(Some("a")).hearing(said("a", Unspecified, "")), asked("a"), Some("a"), None), // another process
        (
            held(Some("a")).hearing(InvitationReport { state: 99, ..accepted("a") }),
            invited("a"),
            Some("a"),
            None,
        ),
        (of(Some("a")).hearing(left("earlier", "Kicked")), asked("a"), Some("a"), None),
        (of(Some("a")).hearing(accepted("a")), invited("a"), Some("a"), None),
        (of(None).hearing(accepted("a")), leaving("a"), None, None),
        (of(Some("b")).hearing(accepted("a")), leaving("a"), None, None),
        (held(Some("a")).hearing(accepted("a")), invited("a"), Some("a"), None),
        (held(Some("a")).seeing(expected()), invited("a"), Some("a"), None),
        (held(Some("a")).seeing(View::Silent), invited("a"), Some("a"), None),
        (held(None).hearing(accepted("a")), leaving("a"), None, None),
        (held(None).seeing(View::Silent), leaving("a"), None, None),
        (held(Some("b")).hearing(accepted("a")), leaving("a"), None, None),
        (held(Some("b")).seeing(expected()), leaving("a"), None, None),
        (held(None).hearing(left("a", "")), Seat::Free, None, Some(("a", "Kicked"))),
        (held(Some("b")).hearing(left("a", "Kicked")), asked("b"), None, Some(("a", "Kicked"))),
        (unheard(None), Seat::Free, None, Some(("a", "Kicked"))),
        (unheard(None).seeing(expected()), leaving("a"), None, None),
        (unheard(Some("b")), asked("b"), None, Some(("a", "Kicked"))),
        (of(None).hearing(left("a", "Kicked")), Seat::Free, None, None),
    ];
    for (number, (scene, seat, asks, over)) in table.into_iter().enumerate() {
        let seating = scene.seating();
        assert_eq!(seating.seat, seat, "row {number}");
        assert_eq!((scene.asks(), ended(&seating)), (asks, over), "row {number}");
    }
}

#[test]
fn an_invitation_that_came_to_its_end_stays_there_under_its_id() {
    for outcome in
        ["Completed", "DeadlineExceeded", "RemovedByStage", "ControlLost", "WordOfALaterVersion", "Kicked"]
    {
        let mut scene = Scene::of(Some("a")).carried_out("a", "u1").hearing(left("a", outcome));
        let first = scene.seating();
        assert!(matches!(&first.seat, Seat::Left { outcome: seen, .. } if seen == outcome), "{outcome}");
        assert_eq!(
            (scene.asks(), ended(&first), first.session.is_none()),
            (None, Some(("a", outcome)), true)
        );
        assert_eq!(first.seat.phase(), ParticipantPhase::Available);
        scene.status = scene.remembered();
        for view in [linked(Some(left("a", outcome))), linked(None), expected(), View::Silent] {
            let later =
                Scene { view, pod: Some(pod("u2")), status: scene.status.clone(), ..Scene::of(Some("a")) };
            assert_eq!((later.asks(), later.seating()), (None, first.clone()), "{outcome}");
        }
        let next = Scene { status: scene.status.clone(), ..Scene::of(Some("b")).hearing(left("a", outcome)) };
        assert_eq!((next.asks(), next.seating().seat), (Some("b"), asked("b")), "{outcome}");
    }
}

#[test]
fn what_a_runtime_calls_an_outcome_is_cleaned() {
    let mut report = left("a", "not camel!");
    (report.message, report.participant_id) = ("x".repeat(5000), "p".repeat(5000));
    let last = Scene::of(Some("a")).hearing(report).seating().last.unwrap();
    assert_eq!((last.outcome.as_str(), last.message.len()), ("Unspecified", 512));
    assert_eq!(last.participant_id.unwrap().len(), 253);
}

#[test]
fn nobody_leads_from_one_stage_to_another_but_the_session_that_left() {
    let mut scene = Scene::of(Some("b")).carried_out("a", "u1").hearing(accepted("a"));
    for _look in 0..3 {
        assert_eq!((scene.asks(), scene.seating().seat), (None, leaving("a")));
        scene.status = scene.remembered();
    }
    scene.view = linked(Some(left("a", "Kicked")));
    assert_eq!(scene.asks(), None, "the status does not say yet what became of it");
    scene.status = scene.remembered();
    assert_eq!((scene.asks(), scene.seating().seat), (Some("b"), asked("b")));
    assert_eq!(ended(&scene.seating()), Some(("a", "Kicked")));
}

#[test]
fn whoever_was_not_there_in_time_does_not_join() {
    let expired = |scene: &Scene| {
        let seating = scene.seating();
        matches!(&seating.seat, Seat::Left { outcome, .. } if outcome == "Expired") && scene.asks().is_none()
    };
    let of = || Scene::of(Some("a"));
    let known = of().carried_out("a", "u1");
    assert_eq!(known.known().expires_in(), Some(Duration::from_secs(1000)), "it is looked at then");
    for scene in [of().late(), Scene { pod: None, ..of().late() }] {
        assert!(expired(&scene));
        assert_eq!(scene.known().expires_in(), None);
    }
    let held = || of().carried_out("a", "u1").late();
    let about_to = held().hearing(accepted("a"));
    assert_eq!((about_to.asks(), about_to.seating().seat), (Some("a"), Seat::Invited("a".into())));
    assert_eq!(about_to.known().expires_in(), Some(Duration::from_secs(5)), "it says so itself until then");
    let taken_back = Scene { now: at(2 * NOW + 5), ..about_to };
    assert_eq!((taken_back.asks(), taken_back.seating().seat), (None, leaving("a")));
    // It may have joined in time, unheard: its own word is waited for.
    let silent = held().seeing(View::Silent);
    assert_eq!((silent.asks(), silent.seating().seat), (Some("a"), Seat::Invited("a".into())));
    let untold = of().late().seeing(expected());
    assert_eq!((untold.asks(), untold.seating().seat), (Some("a"), asked("a")));
    assert!(expired(&held().hearing(left("a", "Kicked"))), "for that");
    assert!(expired(&held().hearing(left("a", "Expired"))));
    assert!(expired(&Scene { pod: Some(pod("u2")), ..held().seeing(expected()) }));
}

#[test]
fn whoever_was_there_comes_back_at_any_time() {
    let connected = up(accepted("a"), &["Connected"]);
    let mut scene = Scene::of(Some("a")).hearing(connected);
    assert!(scene.known().was_connected("a") && scene.known().expires_in().is_none());
    scene.status = scene.remembered();
    let next = Scene { pod: Some(pod("u2")), view: linked(None), ..scene.late() };
    assert_eq!((next.asks(), next.seating().seat), (Some("a"), asked("a")));
    let session = next.seating().session.unwrap();
    assert!(session.connected_at.is_some() && session.pod_uid.is_none(), "{session:?}");
}

#[test]
fn an_invitation_that_expired_and_is_accepted_all_the_same_leaves_without_being_told_twice() {
    let mut scene = Scene::of(Some("a")).late();
    scene.status = scene.remembered();
    scene.view = linked(Some(up(accepted("a"), &["Connected"])));
    let seating = scene.seating();
    assert_eq!((scene.asks(), &seating.seat, &seating.session), (None, &leaving("a"), &None));
    assert_eq!((ended(&seating), seating.settled.len()), (Some(("a", "Expired")), 1));
    let later = Scene { status: scene.remembered(), ..Scene::of(None).hearing(left("a", "Kicked")) };
    assert_eq!((later.seating().seat, later.seating().settled), (Seat::Free, seating.settled));
}

#[test]
fn times_are_those_at_which_something_was_first_seen() {
    let mut scene = Scene::of(Some("a"));
    let steps = [
        linked(None),
        linked(Some(accepted("a"))),
        linked(Some(up(accepted("a"), &["Connected"]))),
        linked(Some(up(accepted("a"), &["Connected", "Published"]))),
        linked(Some(accepted("a"))),
        expected(),
    ];
    for (second, view) in (1..).zip(steps) {
        (scene.now, scene.view) = (at(second), view);
        scene.status = scene.remembered();
    }
    let session = scene.status.session.clone().unwrap();
    let seconds =
        |time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| time.unwrap().0.as_second();
    assert_eq!(session.pod_uid.as_deref(), Some("u1"));
    let expected = [1, 3, 4];
    assert_eq!([Some(session.invited_at), session.connected_at, session.published_at].map(seconds), expected);
    scene = Scene { desired: None, now: at(9), view: linked(Some(left("a", "Kicked"))), ..scene };
    let last = scene.seating().last.unwrap();
    assert_eq!([last.invited_at, last.connected_at, last.published_at].map(seconds), expected);
    assert_eq!(last.ended_at.0, at(9));
}

#[test]
fn only_so_many_are_remembered_and_the_newest_are() {
    let mut scene = Scene::of(None);
    for number in 0..20 {
        let id = format!("show-{number}");
        scene =
            Scene { status: scene.status.clone(), ..Scene::of(Some(&id)).hearing(left(&id, "Completed")) };
        scene.status = scene.remembered();
    }
    let ids: Vec<&str> = scene.status.settled_invitations.iter().map(|settled| settled.id.as_str()).collect();
    assert_eq!((ids.len(), ids[0], ids[MOST_SETTLED - 1]), (MOST_SETTLED, "show-4", "show-19"));
}

#[test]
fn only_an_acknowledged_invitation_is_told_to_be_one() {
    let truth = |seat: Seat| seat.verdicts().map(|(_, verdict)| verdict.truth.as_str());
    assert_eq!(truth(asked("a")), ["False"; 3]);
    assert_eq!(truth(invited("a")), ["True", "False", "False"]);
    assert_eq!((truth(leaving("a")), leaving("a").phase()), (["False"; 3], ParticipantPhase::Leaving));
}
