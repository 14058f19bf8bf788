//! What one of the livestreams of a source cannot have, and the others do.

use super::{URL, at, delete, holders, named, quick, ready, says, serving};
use crate::A_WHILE;
use crate::support::{RELEASE, Runtime, World, well};
use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::DeserializeGuard;
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;
use understudy_crds::v1alpha1::Livestream;
use understudy_operator::names;

/// Has the operators' right to change pods or take it from them.
async fn may_hold_pods(world: &World, may: bool) {
    let roles = Api::<ClusterRole>::all(world.client.clone());
    let all = roles.list(&ListParams::default()).await.unwrap();
    let is_of_pods = |rule: &PolicyRule| rule.resources.iter().flatten().any(|resource| resource == "pods");
    let ours = |role: &ClusterRole| {
        role.name_any().starts_with(RELEASE) && role.rules.iter().flatten().any(is_of_pods)
    };
    for mut role in all.items.into_iter().filter(ours) {
        for rule in role.rules.iter_mut().flatten().filter(|rule| is_of_pods(rule)) {
            rule.verbs.retain(|verb| verb != "patch");
            rule.verbs.extend(may.then(|| "patch".to_owned()));
        }
        roles.replace(&role.name_any(), &PostParams::default(), &role).await.unwrap();
    }
    tokio::time::sleep(A_WHILE).await; // the API server reads it from a watch
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_a_pod_that_may_not_be_changed_is_told_so_and_served() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_one, pod, mut runtime) = serving(&world, "one").await;
    may_hold_pods(&world, false).await;
    world.livestream_from("two", at(URL)).await;
    let told = tokio::time::timeout(
        Duration::from_secs(20),
        runtime.told_that(|desired| named(desired) == ["one", "two"]),
    )
    .await;
    let desired = told.as_ref().ok();
    desired.iter().for_each(|desired| runtime.say(well(desired)));
    let refused = |live: &Livestream| ready(live) && says(live, "Accepted", "False", "PodRefused");
    let seen = tokio::time::timeout(Duration::from_secs(20), world.until("two", "told so", refused)).await;
    may_hold_pods(&world, true).await;
    assert!(told.is_ok() && seen.is_ok(), "{seen:?}");
    let held = |pod: &Pod| holders(pod) == ["one", "two"];
    world.until(&pod.name_any(), "held by both", held).await;
    world.until("two", "accepted", |live| says(live, "Accepted", "True", "Accepted")).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_somebody_elses_is_told_of_by_its_livestream_and_holds_up_no_other() {
    let world = World::new().await;
    let operator = quick(&world).await;
    let foreign: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two.livestream"}
    }))
    .unwrap();
    world.api::<Secret>().create(&PostParams::default(), &foreign).await.unwrap();
    let two = world.livestream_from("two", at(URL)).await;
    let unusable = |live: &Livestream| says(live, "Accepted", "False", "AccessSecretUnusable");
    world.until("two", "told so", unusable).await;
    let one = world.livestream_from("one", at(URL)).await;
    let pod = world.run_pod(&world.pod_of(&one, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let held = |pod: &Pod| holders(pod) == ["one", "two"];
    world.until(&pod.name_any(), "held by both", held).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    let secret: Secret = world.api().get("one.livestream").await.unwrap();
    assert_eq!(desired.access.clone().unwrap().view.into_bytes(), secret.data.unwrap()["view"].0);
    runtime.say(well(&desired));
    let one = world.until("one", "ready", ready).await;
    assert!(says(&one, "Accepted", "True", "Accepted"), "{:#?}", one.status);
    let status = world.until("two", "told so", unusable).await.status.unwrap();
    assert_eq!(status.access, None);

    world.api::<Secret>().delete("two.livestream", &DeleteParams::default()).await.unwrap();
    let well = |live: &Livestream| says(live, "Accepted", "True", "Accepted");
    let status = world.until("two", "accepted", well).await.status.unwrap();
    assert_eq!(status.access.unwrap().secret_name, names::livestream_secret(&two.name_any()));
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_that_cannot_be_read_holds_its_pod_on() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_one, pod, mut runtime) = serving(&world, "one").await;
    world.livestream_from("two", at(URL)).await;
    let held = |by: &'static [&'static str]| move |pod: &Pod| holders(pod) == by;
    world.until(&pod.name_any(), "held by both", held(&["one", "two"])).await;
    operator.end().await;
    // The definition lets in a number that this version has no room for.
    let patch = Patch::Merge(json!({"status": {"pod": {"attempt": i64::MAX}}}));
    let unread = world.api::<DeserializeGuard<Livestream>>();
    unread.patch_status("one", &PatchParams::default(), &patch).await.unwrap();

    let operator = world.operator("two").await;
    runtime.told_that(|desired| named(desired) == ["two"]).await;
    world.livestream_from("three", at(URL)).await;
    world.until(&pod.name_any(), "held by all", held(&["one", "three", "two"])).await;
    runtime.told_that(|desired| named(desired) == ["three", "two"]).await;
    delete(&world, "three").await;
    runtime.told_that(|desired| named(desired) == ["two"]).await;
    delete(&world, "two").await;
    assert!(runtime.is_left_alone(A_WHILE).await, "one holds it");

    let patch = Patch::Merge(json!({"status": {"pod": {"attempt": 1}}}));
    unread.patch_status("one", &PatchParams::default(), &patch).await.unwrap();
    runtime.told_that(|desired| named(desired) == ["one"]).await;
    runtime.end().await;
    operator.end().await;
}
