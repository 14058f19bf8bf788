//! An object that was written for another version of the operator.

use crate::support::{Runtime, Spoken, World, well};
use crate::{A_WHILE, available, ready};
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use serde_json::json;
use understudy_crds::v1alpha1::VirtualParticipant;

/// The definition lets in a number that this version has no room for.
async fn pods_so_far(world: &World, name: &str, attempt: i64) {
    let patch = Patch::Merge(json!({"status": {"pod": {"attempt": attempt}}}));
    let api = world.api::<DeserializeGuard<VirtualParticipant>>();
    api.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_cannot_be_read_keeps_its_session_and_holds_up_nobody() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, runtime) = available(&world, "ada").await;
    operator.end().await;
    runtime.end().await;
    pods_so_far(&world, "ada", i64::MAX).await;

    let operator = world.operator("two").await;
    let bea = world.apply("bea", json!({})).await;
    world.pod(&bea, 1).await;
    world.until_told(&ada, |event| event.reason.as_deref() == Some("Unreadable")).await;
    drop(Spoken::open(&world, &pod).await); // it is welcome
    let mut runtime = Runtime::start(&world, &pod).await;
    assert!(runtime.is_left_alone(A_WHILE).await, "what it was told last still holds");

    pods_so_far(&world, "ada", 1).await;
    let desired = runtime.told().await;
    assert!(!desired.drain);
    runtime.say(well(&desired));
    world.until("ada", "ready", ready).await;
    runtime.end().await;
    operator.end().await;
}
