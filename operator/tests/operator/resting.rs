//! Pods of participants that nobody has a use for, and what brings them back.

use crate::invitations::stage::{UP, good_secret, invited, left, on};
use crate::support::{Caller, NAMESPACE, Operator, Recorder, Runtime, World, well};
use crate::{A_WHILE, is, phase, ready, reason};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};
use std::time::Duration;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant, VirtualParticipantStatus};
use understudy_operator::status::{Published, Publisher};
use understudy_proto::participants::v1::InviteRequest;

const SHOWN: &[&str] = &["RuntimeReady", "Published"];
/// Long enough for a hand-over and a look around.
const LIMIT: i32 = 4;

fn limited(limits: &Value) -> Value {
    json!({"page": {"url": "understudy:mirror"}, "limits": limits})
}

/// The pod runs, and its session carries out what it is told.
async fn runs(world: &World, ada: &VirtualParticipant, attempt: i32) -> (Pod, Runtime) {
    let pod = world.run_pod(&world.pod(ada, attempt).await).await;
    let mut runtime = Runtime::start(world, &pod).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    (pod, runtime)
}

async fn until(world: &World, expected: ParticipantPhase) -> VirtualParticipant {
    world.until("ada", &format!("{expected:?}"), |ada| phase(ada) == Some(expected)).await
}

/// Waits until the pod is asked to end, which is after it was told why, and plays the kubelet that ends it.
async fn ended(world: &World, told: &VirtualParticipant, pod: &Pod, runtime: Runtime) {
    let asked = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let asked = world.until(&pod.name_any(), "asked to end", asked).await;
    assert!(version(told) < version(&asked), "told at {}, asked at {}", version(told), version(&asked));
    runtime.end().await;
    world.pod_status(&pod.name_any(), json!({"phase": "Succeeded"})).await;
    let now = DeleteParams::default().grace_period(0);
    let _ = world.api::<Pod>().delete(&pod.name_any(), &now).await; // the operator may have been faster
    world.gone::<Pod>(&pod.name_any()).await;
}

/// Those of one API server rise, whatever they are of.
fn version(object: &impl ResourceExt) -> u64 {
    object.resource_version().unwrap().parse().unwrap()
}

async fn pods(world: &World) -> usize {
    world.api::<Pod>().list(&ListParams::default()).await.unwrap().items.len()
}

fn since(ada: &VirtualParticipant) -> jiff::Timestamp {
    ada.status.as_ref().unwrap().rest.as_ref().unwrap().since.0
}

async fn handed_over(world: &World, operator: Operator) -> Operator {
    operator.end().await;
    world.operator("two").await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nobody_uses_loses_its_pod_in_time_also_over_a_hand_over_and_a_livestream_brings_it_back() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", SHOWN).await;
    let participants = world.api::<VirtualParticipant>();
    let version = participants.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let ada = world.apply("ada", limited(&json!({"idleTimeoutSeconds": LIMIT}))).await;
    let (pod, runtime) = runs(&world, &ada, 1).await;
    let begun = until(&world, ParticipantPhase::Available).await;
    let operator = handed_over(&world, operator).await;
    let rested = until(&world, ParticipantPhase::Idle).await;
    assert_eq!(since(&rested), since(&begun), "another operator does not begin anew");
    let late = jiff::Timestamp::now().duration_since(since(&begun)).as_secs_f64() - f64::from(LIMIT);
    assert!((0.0..3.0).contains(&late), "{late} s late");
    ended(&world, &rested, &pod, runtime).await;
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(pods(&world).await, 0);
    let rested = participants.get("ada").await.unwrap();
    assert!(is(&rested, "Stalled", "False") && is(&rested, "Reconciling", "False"), "{rested:#?}");
    let writes = world.statuses_since(&version).await;
    assert!(writes.len() <= 4, "up to Available, and one: {writes:?}");

    world.livestream("ada-live", "ada").await;
    let (_pod, runtime) = runs(&world, &ada, 2).await;
    let back = world.until("ada", "back", ready).await;
    assert_eq!(back.status.as_ref().unwrap().rest, None, "a livestream is a use");
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&back).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting RuntimeReady=False/Starting Published=False/NotInvited Reconciling
1/1 Available Ready=True/AllReady RuntimeReady=True/Linked Published=False/NotInvited
1/1 Idle Ready=False/Idle RuntimeReady=False/Idle Published=False/NotInvited
1/1 Provisioning Ready=False/Starting RuntimeReady=False/Starting Published=False/NotInvited Reconciling
1/1 Available Ready=True/AllReady RuntimeReady=True/Linked Published=False/NotInvited";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_whose_invitation_has_ended_loses_its_pod_and_an_invitation_by_labels_brings_it_back() {
    let world = World::new().await;
    good_secret(&world).await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", SHOWN).await;
    let spec = |mut spec: Value| {
        spec["limits"] = json!({"ttlAfterFinishedSeconds": 1});
        spec
    };
    let ada = world.apply("ada", spec(invited("a"))).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| desired.invitation.is_some()).await;
    runtime.say(on(&desired, "a", &UP));
    until(&world, ParticipantPhase::Published).await;
    tokio::time::sleep(A_WHILE).await;
    runtime.say(left(&desired, "a", "Completed"));
    let completed = until(&world, ParticipantPhase::Completed).await;
    assert_eq!(reason(&completed, "Ready"), "Finished");
    let last = completed.status.as_ref().unwrap().last_session.clone().unwrap();
    assert_eq!(last.ended_at.0, since(&completed));
    ended(&world, &completed, &pod, runtime).await;

    // What came to its end asks for nothing, whether it is taken away or not.
    let uninvited = world.apply("ada", spec(json!({"page": {"url": "understudy:mirror"}}))).await;
    let answered = |ada: &VirtualParticipant| {
        ada.status.as_ref().is_some_and(|status| status.observed_generation == uninvited.metadata.generation)
    };
    world.until("ada", "answered", answered).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(pods(&world).await, 0);

    let mut backend =
        Caller::new(&world, "backend", &["get", "list", "watch", "patch"]).await.participants().await;
    let stage = json!({"whip": {"url": "https://stage.example.org/whip"}});
    let request: InviteRequest = serde_json::from_value(
        json!({"namespace": NAMESPACE, "selector": "", "invitation": {"id": "b", "stage": stage}}),
    )
    .unwrap();
    assert_eq!(backend.invite(request).await.unwrap().into_inner().name, "ada");
    let pod = world.run_pod(&world.pod(&ada, 2).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| desired.invitation.is_some()).await;
    runtime.say(on(&desired, "b", &UP));
    let again = until(&world, ParticipantPhase::Published).await;
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&again).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting RuntimeReady=False/Starting Published=False/Asked Reconciling
1/1 Published Ready=True/AllReady RuntimeReady=True/Linked Published=True/Up
1/1 Available Ready=True/AllReady RuntimeReady=True/Linked Published=False/Completed
1/1 Completed Ready=False/Finished RuntimeReady=False/Finished Published=False/Completed
2/1 Completed Ready=False/Finished RuntimeReady=False/Finished Published=False/Completed
2/2 Completed Ready=False/Finished RuntimeReady=False/Finished Published=False/NotInvited
3/2 Completed Ready=False/Finished RuntimeReady=False/Finished Published=False/NotInvited
3/2 Provisioning Ready=False/Starting RuntimeReady=False/Starting Published=False/Asked Reconciling
3/3 Published Ready=True/AllReady RuntimeReady=True/Linked Published=True/Up";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn that_it_rests_is_told_only_if_nobody_has_written_anything_else_meanwhile() {
    let world = World::new().await;
    let seen = world.apply("ada", limited(&json!({"idleTimeoutSeconds": LIMIT}))).await;
    let invited = world.apply("ada", invited("a")).await;
    let rests = json!({"conditions": [], "phase": "Idle",
        "rest": {"since": "2026-01-01T00:00:00Z", "demandDigest": "", "reason": "Idle"}});
    let rests: VirtualParticipantStatus = serde_json::from_value(rests).unwrap();
    let publisher = Publisher::<VirtualParticipant>::new(world.client.clone());
    let held = publisher.publish(&seen, rests.clone()).await.unwrap();
    assert!(matches!(held, Published::Later(_)), "{held:?}");
    let ada = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert!(ada.status.is_none_or(|status| status.rest.is_none()), "it is invited");
    assert_eq!(publisher.publish(&invited, rests).await.unwrap(), Published::Done);
    until(&world, ParticipantPhase::Idle).await;
}
