//! Invited, on stage, kicked, and what becomes of it when something ends on the way.

#[path = "invitations/stage.rs"]
pub mod stage;

use crate::support::{Operator, Recorder, Runtime, World, well};
use crate::{A_WHILE, available, condition, is, phase, ready, reason};
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use stage::{
    SHOWN, TOKEN, UP, good_secret, in_seconds, invited, invited_by, left, on, secret, uninvited, until,
};
use std::time::Duration;
use understudy_crds::v1alpha1::{LastSession, ParticipantPhase, VirtualParticipant};
use understudy_operator::app::Config;
use understudy_proto::v1::Desired;

fn told(desired: &Desired) -> Option<&str> {
    desired.invitation.as_ref().map(|invitation| invitation.id.as_str())
}

async fn told_of(runtime: &mut Runtime, id: &str) -> Desired {
    runtime.told_that(|desired| told(desired) == Some(id)).await
}

async fn told_of_none(runtime: &mut Runtime) -> Desired {
    runtime.told_that(|desired| told(desired).is_none()).await
}

/// It is told of no stage, and before that of none but its own.
async fn told_to_leave(runtime: &mut Runtime) -> Desired {
    let desired = runtime.told_that(|desired| told(desired) != Some("a")).await;
    assert_eq!(told(&desired), None, "it leaves before it is told of another");
    desired
}

async fn until_phase(world: &World, expected: ParticipantPhase) -> VirtualParticipant {
    world.until("ada", &format!("{expected:?}"), |ada| phase(ada) == Some(expected)).await
}

async fn until_accepted(world: &World) -> VirtualParticipant {
    world.until("ada", "accepted", |ada| is(ada, "Invited", "True")).await
}

fn last(ada: &VirtualParticipant) -> Option<LastSession> {
    ada.status.as_ref()?.last_session.clone()
}

async fn until_over(world: &World, id: &str, outcome: &str) -> VirtualParticipant {
    let over = |ada: &VirtualParticipant| {
        last(ada).is_some_and(|last| last.invitation_id == id && last.outcome == outcome)
    };
    world.until("ada", &format!("{outcome} as {id}"), over).await
}

/// From nothing to a participant whose media arrives on its stage.
async fn published(world: &World, spec: Value) -> (VirtualParticipant, Pod, Runtime) {
    good_secret(world).await;
    let (_ada, pod, mut runtime) = available(world, "ada").await;
    world.apply("ada", spec).await;
    let desired = told_of(&mut runtime, "a").await;
    runtime.say(on(&desired, "a", &UP));
    (until_phase(world, ParticipantPhase::Published).await, pod, runtime)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_participant_is_published_kicked_and_invited_again() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    good_secret(&world).await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    let recorder = Recorder::start(&world, "ada", SHOWN).await;
    world.apply("ada", invited("a")).await;
    let desired = told_of(&mut runtime, "a").await;
    let whip = desired.invitation.clone().unwrap().stage.unwrap().whip.unwrap();
    assert_eq!((whip.url.as_str(), whip.token.as_str()), ("https://stage.example.org/whip", TOKEN));
    runtime.say(on(&desired, "a", &[]));
    until_accepted(&world).await;
    runtime.say(on(&desired, "a", &UP[..1]));
    until_phase(&world, ParticipantPhase::Connected).await;
    runtime.say(on(&desired, "a", &UP));
    let there = until_phase(&world, ParticipantPhase::Published).await;
    let writes = world.statuses_since(&ada.resource_version().unwrap()).await;
    assert!(writes.len() <= 5, "the spec and four steps: {writes:?}");
    let session = there.status.unwrap().session.unwrap();
    assert_eq!((session.invitation_id.as_str(), session.participant_id.as_deref()), ("a", Some("p-1")));
    assert!(session.connected_at.is_some() && session.published_at.is_some());

    world.apply("ada", uninvited()).await;
    let desired = told_of_none(&mut runtime).await;
    let leaving = until_phase(&world, ParticipantPhase::Leaving).await;
    assert_eq!(last(&leaving), None, "it has not left yet");
    runtime.say(left(&desired, "a", "Kicked"));
    let kicked = until_over(&world, "a", "Kicked").await;
    let outcome = last(&kicked).unwrap();
    assert_eq!((outcome.published_at, outcome.message.as_str()), (session.published_at, "it was Kicked"));
    assert_eq!(kicked.status.unwrap().settled_invitations[0].id, "a");
    let event =
        |event: &Event| event.reason.as_deref() == Some("Kicked") && event.type_.as_deref() == Some("Normal");
    let events = world.until_told(&ada, event).await;

    world.apply("ada", invited("b")).await;
    let desired = told_of(&mut runtime, "b").await;
    runtime.say(on(&desired, "b", &[]));
    let again = until_accepted(&world).await;
    runtime.end().await;
    operator.end().await;
    for text in [serde_json::to_string(&again).unwrap(), serde_json::to_string(&events).unwrap()] {
        assert!(!text.contains(TOKEN), "{text}");
    }
    let seen = recorder.until(&again).await;
    let expected = "\
2/1 Available Ready=True/AllReady Invited=False/NotInvited Connected=False/NotInvited Published=False/NotInvited
2/1 Invited Ready=True/AllReady Invited=False/Asked Connected=False/Asked Published=False/Asked
2/2 Invited Ready=True/AllReady Invited=True/Accepted Connected=False/Joining Published=False/Joining
2/2 Connected Ready=True/AllReady Invited=True/Accepted Connected=True/Up Published=False/Joining
2/2 Published Ready=True/AllReady Invited=True/Accepted Connected=True/Up Published=True/Up
3/2 Published Ready=True/AllReady Invited=True/Accepted Connected=True/Up Published=True/Up
3/2 Leaving Ready=True/AllReady Invited=False/Leaving Connected=False/Leaving Published=False/Leaving
3/3 Available Ready=True/AllReady Invited=False/NotInvited Connected=False/NotInvited Published=False/NotInvited
4/3 Available Ready=True/AllReady Invited=False/NotInvited Connected=False/NotInvited Published=False/NotInvited
4/3 Invited Ready=True/AllReady Invited=False/Asked Connected=False/Asked Published=False/Asked
4/4 Invited Ready=True/AllReady Invited=True/Accepted Connected=False/Joining Published=False/Joining";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_invited_from_the_start_costs_few_writes_up_to_its_stage() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    good_secret(&world).await;
    let participants = world.api::<VirtualParticipant>();
    let version = participants.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let ada = world.apply("ada", invited("a")).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = told_of(&mut runtime, "a").await;
    runtime.say(on(&desired, "a", &UP));
    until_phase(&world, ParticipantPhase::Published).await;
    tokio::time::sleep(A_WHILE).await;
    runtime.end().await;
    operator.end().await;
    let writes = world.statuses_since(&version).await;
    assert!(writes.len() <= 3, "{writes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_of_another_stage_once_it_has_left_its_own() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = published(&world, invited("a")).await;
    world.apply("ada", invited("b")).await;
    let desired = told_to_leave(&mut runtime).await;
    runtime.say(on(&desired, "a", &UP));
    until_phase(&world, ParticipantPhase::Leaving).await;
    assert!(runtime.is_left_alone(A_WHILE).await);
    runtime.say(left(&desired, "a", "Kicked"));
    let desired = runtime.told().await;
    assert_eq!(told(&desired), Some("b"));
    let settled = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(last(&settled).unwrap().invitation_id, "a", "it was written down before");
    runtime.say(on(&desired, "b", &[]));
    until_accepted(&world).await;
    runtime.end().await;
    operator.end().await;
}

/// Another operator, in the place of this one.
async fn hand_over(world: &World, operator: Operator, name: &str) -> Operator {
    operator.end().await;
    world.operator(name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_takes_over_at_any_step_goes_on_from_there() {
    let world = World::new().await;
    good_secret(&world).await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let recorder = Recorder::start(&world, "ada", SHOWN).await;
    operator.end().await;
    world.apply("ada", invited("a")).await;

    let operator = world.operator("two").await;
    let desired = told_of(&mut runtime, "a").await;
    let operator = hand_over(&world, operator, "three").await;
    let again = runtime.told().await;
    assert_eq!((told(&again), again.invitation.clone()), (Some("a"), desired.invitation));
    runtime.say(on(&again, "a", &[]));
    until_accepted(&world).await;
    let operator = hand_over(&world, operator, "four").await;
    let desired = runtime.told().await;
    assert_eq!(told(&desired), Some("a"), "nobody is kicked by a hand-over");
    runtime.say(on(&desired, "a", &UP));
    until_phase(&world, ParticipantPhase::Published).await;
    operator.end().await;
    world.apply("ada", invited("b")).await;

    let operator = world.operator("five").await;
    let desired = told_to_leave(&mut runtime).await;
    runtime.say(on(&desired, "a", &UP));
    world.until("ada", "answered", |ada| ready(ada) && phase(ada) == Some(ParticipantPhase::Leaving)).await;
    operator.end().await;
    runtime.say(left(&desired, "a", "Kicked"));
    let operator = world.operator("six").await;
    until_over(&world, "a", "Kicked").await;
    let operator = hand_over(&world, operator, "seven").await;
    let desired = told_of(&mut runtime, "b").await;
    runtime.say(on(&desired, "b", &[]));
    let ada = until_accepted(&world).await;
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
2/1 Available Ready=True/AllReady Invited=False/NotInvited Connected=False/NotInvited Published=False/NotInvited
2/1 Invited Ready=True/AllReady Invited=False/Asked Connected=False/Asked Published=False/Asked
2/2 Invited Ready=True/AllReady Invited=True/Accepted Connected=False/Joining Published=False/Joining
2/2 Published Ready=True/AllReady Invited=True/Accepted Connected=True/Up Published=True/Up
3/2 Published Ready=True/AllReady Invited=True/Accepted Connected=True/Up Published=True/Up
3/2 Leaving Ready=True/AllReady Invited=False/Leaving Connected=False/Leaving Published=False/Leaving
3/3 Leaving Ready=True/AllReady Invited=False/Leaving Connected=False/Leaving Published=False/Leaving
3/3 Invited Ready=True/AllReady Invited=False/Asked Connected=False/Asked Published=False/Asked
3/3 Invited Ready=True/AllReady Invited=True/Accepted Connected=False/Joining Published=False/Joining";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_had_is_told_and_its_repair_is_noticed() {
    let world = World::new().await;
    let often = Duration::from_millis(500);
    let operator = world.operator_as(Config { recheck: often, ..world.config("one") }).await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    let hinders = async |name: &str, expected: &str| {
        let told =
            |ada: &VirtualParticipant| is(ada, "Invited", "False") && reason(ada, "Invited") == expected;
        let ada = world.until(name, expected, told).await;
        condition(&ada.status.unwrap().conditions, "Invited").message.clone()
    };
    // One each, so that none waits for what is remembered of another.
    secret(&world, "Opaque", "*.example.org").await;
    world.apply("bea", invited("a")).await;
    hinders("bea", "SecretUnusable").await;
    secret(&world, "understudy.dev/credentials", "other.example").await;
    world.apply("cyd", invited_by("other", "a")).await;
    let message = hinders("cyd", "SecretNotFound").await;
    assert!(
        message.starts_with("spec.invitation.stage.whip.tokenSecretRef: there is no Secret"),
        "{message}"
    );
    tokio::time::sleep(Duration::from_secs(2)).await; // so long nobody asks again for one that was unusable
    world.apply("ada", invited("a")).await;
    let message = hinders("ada", "HostNotAllowed").await;
    assert!(!message.contains(TOKEN), "{message}");
    good_secret(&world).await;
    let desired = told_of(&mut runtime, "a").await;
    runtime.say(on(&desired, "a", &UP));
    let there = until_phase(&world, ParticipantPhase::Published).await;
    assert!(is(&there, "Invited", "True"), "{there:#?}");
    world.until_told(&ada, |event| event.reason.as_deref() == Some("HostNotAllowed")).await;

    // What was told goes on without the Secret.
    world.api::<Secret>().delete("stage", &DeleteParams::default()).await.unwrap();
    hinders("ada", "SecretNotFound").await;
    let there = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(phase(&there), Some(ParticipantPhase::Published));
    assert!(runtime.is_left_alone(A_WHILE).await);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_not_there_in_time_does_not_join() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    good_secret(&world).await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", until(&in_seconds(-60), "late")).await;
    let expired = until_over(&world, "late", "Expired").await;
    assert_eq!(reason(&expired, "Invited"), "Expired");
    let expired = |event: &Event| {
        event.reason.as_deref() == Some("Expired") && event.type_.as_deref() == Some("Warning")
    };
    world.until_told(&ada, expired).await;
    assert!(runtime.is_left_alone(A_WHILE).await, "the session was not told");

    world.apply("ada", invited("slow")).await;
    let desired = told_of(&mut runtime, "slow").await;
    runtime.say(on(&desired, "slow", &[]));
    until_accepted(&world).await;
    world.apply("ada", until(&in_seconds(1), "slow")).await;
    let desired = told_of_none(&mut runtime).await; // by itself
    until_phase(&world, ParticipantPhase::Leaving).await;
    runtime.say(left(&desired, "slow", "Kicked"));
    let ada = until_over(&world, "slow", "Expired").await;
    assert_eq!(phase(&ada), Some(ParticipantPhase::Available));
    runtime.end().await;
    operator.end().await;
}

/// The pod ends, and the next runs.
async fn replaced(world: &World, ada: &VirtualParticipant, pod: &Pod, runtime: Runtime) -> Runtime {
    runtime.end().await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    let next = world.run_pod(&world.pod(ada, 2).await).await;
    Runtime::start(world, &next).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_pod_rejoins_the_stage() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, mut runtime) = published(&world, invited("a")).await;
    world.apply("ada", until(&in_seconds(-60), "a")).await;
    assert!(runtime.is_left_alone(A_WHILE).await, "it is there");
    let mut runtime = replaced(&world, &ada, &pod, runtime).await;
    let asked = |ada: &VirtualParticipant| is(ada, "Published", "False") && reason(ada, "Invited") == "Asked";
    world.until("ada", "asked again", asked).await;
    let desired = told_of(&mut runtime, "a").await;
    let join_before = desired.invitation.as_ref().unwrap().join_before_unix_seconds;
    assert_eq!(join_before, 0, "it was there before, and may come back at any time");
    runtime.say(on(&desired, "a", &UP));
    let again = until_phase(&world, ParticipantPhase::Published).await;
    let times = |ada: VirtualParticipant| {
        let session = ada.status.unwrap().session.unwrap();
        (session.invited_at, session.connected_at, session.published_at)
    };
    assert_eq!((last(&again), times(again)), (None, times(ada)));
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_fails_with_its_pod_stays_settled() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let mut spec = invited("a");
    spec["onDisruption"] = json!("Fail");
    let (ada, pod, runtime) = published(&world, spec).await;
    let mut runtime = replaced(&world, &ada, &pod, runtime).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    let ada = until_over(&world, "a", "Disrupted").await;
    world.until_told(&ada, |event| event.reason.as_deref() == Some("Disrupted")).await;
    let ada = world.until("ada", "ready", ready).await;
    assert_eq!((told(&desired), phase(&ada)), (None, Some(ParticipantPhase::Available)));
    assert!(runtime.is_left_alone(A_WHILE).await, "it is not asked again");
    runtime.end().await;
    operator.end().await;
}
