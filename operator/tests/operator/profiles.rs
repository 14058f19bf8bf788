//! Runtime profiles that come, change and go while the operator runs.

use crate::condition;
use crate::support::{NAMESPACE, World};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use serde_json::json;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_operator::names;

fn tells(participant: &VirtualParticipant, reason: &str) -> bool {
    participant
        .status
        .iter()
        .flat_map(|status| &status.conditions)
        .any(|condition| condition.reason == reason)
}

fn revision(pod: &Pod) -> String {
    pod.labels()[names::PROFILE_REVISION_LABEL].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_comes_later_brings_the_pod() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"runtimeProfileName": "late"})).await;
    world.until("ada", "without a profile", |ada| tells(ada, "ProfileNotFound")).await;
    world.profile("late", json!({"image": "late:1", "labels": {"team": "stage"}})).await;
    let pod = world.pod(&ada, 1).await;
    assert_eq!(pod.labels()[names::PROFILE_LABEL], "late");
    assert_eq!(pod.labels()["team"], "stage");
    assert_eq!(pod.spec.as_ref().unwrap().containers[0].image.as_deref(), Some("late:1"));
    let told = world
        .until("ada", "told its revision", |ada: &VirtualParticipant| {
            ada.status.as_ref().is_some_and(|status| status.runtime_profile_revision.is_some())
        })
        .await;
    assert_eq!(told.status.unwrap().runtime_profile_revision, Some(revision(&pod)));
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_profile_is_for_the_next_pod() {
    let world = World::new().await;
    world.profile("changing", json!({"image": "changing:1"})).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"runtimeProfileName": "changing"})).await;
    let first = world.pod(&ada, 1).await;
    world.profile("changing", json!({"image": "changing:2"})).await;
    // Proof that the operator has heard of the change: somebody else's pod is built from it.
    let bea = world.apply("bea", json!({"runtimeProfileName": "changing"})).await;
    let other = world.pod(&bea, 1).await;
    assert_ne!(revision(&first), revision(&other));
    let same: Pod = Api::namespaced(world.client.clone(), NAMESPACE).get(&first.name_any()).await.unwrap();
    assert_eq!(same.uid(), first.uid(), "a session that runs keeps what it was started with");
    world.pod_status(&first.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    assert_eq!(revision(&world.pod(&ada, 2).await), revision(&other));
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_refused_from_the_moment_the_profile_forbids_it() {
    let world = World::new().await;
    world.profile("blind", json!({"image": "blind:1"})).await;
    let operator = world.operator("one").await;
    let spec = json!({"runtimeProfileName": "blind", "page": {"url": "understudy:mirror"}});
    let ada = world.apply("ada", spec).await;
    world.pod(&ada, 1).await;
    world.profile("blind", json!({"image": "blind:1", "browser": "Forbidden"})).await;
    world.until("ada", "refused", |ada| tells(ada, "ProfileWithoutBrowser")).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_gone_leaves_its_pods_alone() {
    let world = World::new().await;
    world.profile("leaving", json!({"image": "leaving:1"})).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"runtimeProfileName": "leaving"})).await;
    let pod = world.pod(&ada, 1).await;
    world.remove_profile("leaving").await;
    world.apply("bea", json!({"runtimeProfileName": "leaving"})).await;
    let bea = world.until("bea", "without a profile", |bea| tells(bea, "ProfileNotFound")).await;
    assert!(condition(&bea.status.unwrap().conditions, "Accepted").message.contains("there are: default"));
    let same: Pod = Api::namespaced(world.client.clone(), NAMESPACE).get(&pod.name_any()).await.unwrap();
    assert_eq!((same.uid(), same.metadata.deletion_timestamp), (pod.uid(), None));
    operator.end().await;
}
