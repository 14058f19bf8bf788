//! Sessions whose participant is gone are told to finish.

use crate::available;
use crate::support::{Runtime, World};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;
use understudy_crds::v1alpha1::VirtualParticipant;

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_deleted_participant_is_told_to_finish() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    world.api::<VirtualParticipant>().delete("ada", &DeleteParams::default()).await.unwrap();
    runtime.told_that(|desired| desired.drain).await;
    runtime.end().await;
    operator.end().await;
}

/// What a session is told whose pod or owner is gone, or going.
async fn is_told_to_finish(runtime: &mut Runtime) {
    let desired = runtime.told_that(|desired| desired.drain).await;
    assert_eq!((desired.session, desired.access), (None, None), "and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_pod_that_was_deleted_by_force_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    let now = DeleteParams::default().grace_period(0);
    world.api::<Pod>().delete(&pod.name_any(), &now).await.unwrap();
    is_told_to_finish(&mut runtime).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_pod_that_is_being_deleted_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, runtime) = available(&world, "ada").await;
    runtime.end().await;
    // Nobody plays the kubelet that ends it.
    world.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
    let mut late = Runtime::start(&world, &pod).await;
    is_told_to_finish(&mut late).await;
    late.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_participant_went_unheard_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;
    world.api::<VirtualParticipant>().delete("ada", &DeleteParams::default()).await.unwrap();
    let operator = world.operator("two").await;
    is_told_to_finish(&mut runtime).await;
    runtime.end().await;
    operator.end().await;
}
