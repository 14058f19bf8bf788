//! What is left of an origin when nobody takes it, and somebody does again.

use super::{URL, at, delete, holders, named, phase, says, serving};
use crate::support::{Runtime, World, well};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use understudy_crds::v1alpha1::Livestream;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_told_to_finish_goes_on_for_who_takes_it_again() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_one, pod, mut runtime) = serving(&world, "one").await;
    delete(&world, "one").await;
    runtime.told_that(|desired| desired.drain).await;
    world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| !desired.drain).await;
    assert_eq!(named(&desired), ["two"]);
    let held = |by: &'static [&'static str]| move |pod: &Pod| holders(pod) == by;
    world.until(&pod.name_any(), "handed on", held(&["two"])).await;
    delete(&world, "two").await;
    let last = runtime.told_that(|desired| desired.drain).await;
    runtime.end().await;

    // One that comes when nobody takes it stays linked, and is told on that very link.
    let mut runtime = Runtime::start(&world, &pod).await;
    let finishes = runtime.told().await;
    assert!(finishes.drain && finishes.generation >= last.generation, "{finishes:?}");
    world.livestream_from("three", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["three"] && !desired.drain).await;
    assert!(desired.generation > finishes.generation);
    runtime.say(well(&desired));
    let three = world.until("three", "ready", super::ready).await;
    assert_eq!(three.status.unwrap().pod.unwrap().uid, pod.uid());
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.len(), 1, "nothing else publishes it");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_was_left_behind_goes_on_for_who_takes_its_source_next() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_one, pod, runtime) = serving(&world, "one").await;
    runtime.end().await;
    delete(&world, "one").await;
    // As the garbage collector does for --cascade=orphan.
    let orphan = Patch::Merge(json!({"metadata": {"ownerReferences": null}}));
    world.api::<Pod>().patch(&pod.name_any(), &PatchParams::default(), &orphan).await.unwrap();
    world.api::<Secret>().patch("one.livestream", &PatchParams::default(), &orphan).await.unwrap();
    world.livestream_from("one", at(URL)).await;
    let held = |pod: &Pod| !pod.owner_references().is_empty() && holders(pod) == ["one"];
    world.until(&pod.name_any(), "taken up", held).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one"] && !desired.drain).await;
    runtime.say(well(&desired));
    let one = world.until("one", "ready", super::ready).await;
    assert_eq!(one.status.unwrap().pod.unwrap().uid, pod.uid());
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_of_a_pod_is_not_held_against_who_takes_its_source_later() {
    let world = World::new().await;
    let image = "docker.io/understudy/runtime:dev";
    world.profile("rough", json!({"image": image, "priorityClassName": "nowhere"})).await;
    let operator = world.operator("one").await;
    let of = |url: &str| json!({"url": url, "runtimeProfileName": "rough"});
    world.livestream_from("one", of(URL)).await;
    let refused = |live: &Livestream| says(live, "Accepted", "False", "PodRefused");
    world.until("one", "refused", refused).await;
    delete(&world, "one").await;
    world.profile("rough", json!({"image": image})).await;
    let other = world.livestream_from("other", of("rtsp://camera.example:8554/back")).await;
    world.pod_of(&other, 1).await; // the operator knows of the profile
    world.livestream_from("two", of(URL)).await;
    let first = world.until("two", "reported", |live| phase(live).is_some()).await;
    assert!(says(&first, "Accepted", "True", "Accepted"), "{:#?}", first.status);
    operator.end().await;
}
