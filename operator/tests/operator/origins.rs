//! Livestreams with a source: a pod of its own, one for all that take the same.

#[path = "origins/again.rs"]
mod again;
#[path = "origins/crowd.rs"]
mod crowd;
#[path = "origins/secrets.rs"]
mod secrets;
#[path = "origins/unprovided.rs"]
mod unprovided;

use crate::support::{Operator, Runtime, World, refused, said, well};
use crate::{A_WHILE, condition};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::time::Duration;
use understudy_crds::v1alpha1::{EndpointType, Livestream, LivestreamPhase};
use understudy_operator::app::Config;
use understudy_operator::names;
use understudy_proto::v1::{Desired, Report};

const URL: &str = "rtsp://camera.example:8554/front";

fn at(url: &str) -> Value {
    json!({"url": url})
}

fn says(live: &Livestream, type_: &str, status: &str, reason: &str) -> bool {
    let conditions = live.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.type_ == type_)
        .any(|condition| condition.status == status && condition.reason == reason)
}

fn phase(live: &Livestream) -> Option<LivestreamPhase> {
    live.status.as_ref()?.phase
}

fn ready(live: &Livestream) -> bool {
    says(live, "Ready", "True", "Serving")
}

fn url(desired: &Desired) -> Option<&str> {
    desired.session.as_ref()?.origin.as_ref().map(|origin| origin.url.as_str())
}

fn named(desired: &Desired) -> Vec<&str> {
    desired.livestreams.iter().map(|livestream| livestream.name.as_str()).collect()
}

/// A session that is well but for what it fetches.
fn fetches(desired: &Desired, status: &str, reason: &str, message: &str) -> Report {
    let mut report = well(desired);
    report.conditions[2] = said("InputsReady", status, reason, message);
    report
}

/// Whose objects hold the pod, by their names: of those that were made in one second any may be the oldest.
fn holders(pod: &Pod) -> Vec<String> {
    let owners = pod.owner_references();
    assert_eq!(owners.iter().filter(|owner| owner.controller == Some(true)).count(), 1, "{owners:?}");
    let mut names: Vec<String> = owners.iter().map(|owner| owner.name.clone()).collect();
    names.sort();
    names
}

/// From nothing to a livestream that is ready, or one more of a pod that runs.
async fn serving(world: &World, name: &str) -> (Livestream, Pod, Runtime) {
    let live = world.livestream_from(name, at(URL)).await;
    let pod = world.run_pod(&world.pod_of(&live, 1).await).await;
    let mut runtime = Runtime::start(world, &pod).await;
    let desired = runtime.told_that(|desired| !desired.livestreams.is_empty()).await;
    assert_eq!(url(&desired), Some(URL));
    runtime.say(well(&desired));
    (world.until(name, "ready", ready).await, pod, runtime)
}

async fn delete(world: &World, name: &str) {
    world.api::<Livestream>().delete(name, &DeleteParams::default()).await.unwrap();
}

/// One that looks at Secrets often.
async fn quick(world: &World) -> Operator {
    world.operator_as(Config { recheck: Duration::from_secs(1), ..world.config("one") }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_with_a_source_is_ready_once_what_its_own_pod_fetches_arrives() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let live = world.livestream_from("camera", at(URL)).await;
    let pod = world.pod_of(&live, 1).await;
    assert_eq!(pod.owner_references()[0].uid, live.uid().unwrap());
    assert_eq!(pod.labels()[names::PROFILE_LABEL], "default");
    let first = world.until("camera", "reported", |live| phase(live).is_some()).await;
    let status = first.status.unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Pending));
    assert_eq!(status.conditions.len(), 8, "{:#?}", status.conditions);

    let mut runtime = Runtime::start(&world, &world.run_pod(&pod).await).await;
    let desired = runtime.told_that(|desired| !desired.livestreams.is_empty()).await;
    let session = desired.session.clone().unwrap();
    assert_eq!((url(&desired), session.page, session.inputs), (Some(URL), None, None));
    let secret: Secret = world.api().get("camera.livestream").await.unwrap();
    assert_eq!(desired.access.clone().unwrap().view.into_bytes(), secret.data.unwrap()["view"].0);

    // The slate is on its way out, and it is not what was asked for.
    runtime.say(fetches(&desired, "False", "SourceUnreachable", "video: nobody answers"));
    let unreachable = |live: &Livestream| says(live, "Ready", "False", "SourceUnreachable");
    let failed = world.until("camera", "unreachable", unreachable).await;
    let status = failed.status.clone().unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Failed));
    assert!(condition(&status.conditions, "Ready").message.contains("InputsReady: video: nobody answers"));
    let is_that =
        |event: &k8s_openapi::api::events::v1::Event| event.reason.as_deref() == Some("SourceUnreachable");
    let events = world.until_told(&failed, is_that).await;
    assert_eq!(
        events.iter().filter(|event| is_that(event)).count(),
        1,
        "one cause is told once: {events:#?}"
    );

    runtime.say(well(&desired));
    let live = world.until("camera", "ready", ready).await;
    let status = live.status.unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Ready));
    assert_eq!(status.pod.unwrap().uid, pod.uid());
    assert_eq!(status.access.unwrap().secret_name, "camera.livestream");
    assert_eq!(status.origin.as_deref(), Some("rtsp://camera.example:8554/…"));
    let whep = status.endpoints.iter().find(|endpoint| endpoint.type_ == EndpointType::Whep).unwrap();
    assert_eq!(whep.url, "http://10.244.0.9:10001/whep/camera");
    let mut watched = well(&desired);
    watched.livestreams[0].viewers = 1;
    runtime.say(watched);
    world.until("camera", "active", |live| phase(live) == Some(LivestreamPhase::Active)).await;
    runtime.say(fetches(&desired, "False", "SourceLost", "video: nothing arrives"));
    world.until("camera", "disrupted", |live| phase(live) == Some(LivestreamPhase::Disrupted)).await;
    runtime.say(refused(&desired, "origin.url", "no"));
    let rejected = |live: &Livestream| says(live, "Ready", "False", "Rejected");
    let rejected = world.until("camera", "rejected", rejected).await.status.unwrap();
    let message = &condition(&rejected.conditions, "InputsReady").message;
    assert_eq!(message, "spec.source.url: no");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn livestreams_of_one_source_share_a_pod_that_stays_as_long_as_one_of_them_does() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_one, pod, mut runtime) = serving(&world, "one").await;
    world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    runtime.say(well(&desired));
    world.until("two", "ready", ready).await;
    let held = |by: &'static [&'static str]| move |pod: &Pod| holders(pod) == by;
    world.until(&pod.name_any(), "held by both", held(&["one", "two"])).await;
    let token = async |name: &str| {
        let secret: Secret = world.api().get(&names::livestream_secret(name)).await.unwrap();
        secret.data.unwrap()["view"].0.clone()
    };
    assert_eq!(token("one").await, token("two").await, "one pod lets the same in");
    let view = token("two").await;

    // Another operator goes on where this one was.
    operator.end().await;
    let operator = world.operator("two").await;
    delete(&world, "one").await;
    let desired = runtime.told_that(|desired| named(desired) == ["two"]).await;
    runtime.say(well(&desired));
    world.until(&pod.name_any(), "handed on", held(&["two"])).await;
    world.livestream_from("three", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["three", "two"]).await;
    runtime.say(well(&desired));
    let three = world.until("three", "ready", ready).await;
    assert_eq!(three.status.unwrap().pod.unwrap().uid, pod.uid(), "it was never restarted");
    assert_eq!((token("three").await, desired.access.unwrap().view.into_bytes()), (view.clone(), view));

    delete(&world, "two").await;
    runtime.told_that(|desired| named(desired) == ["three"]).await;
    delete(&world, "three").await;
    let last = runtime.told_that(|desired| desired.drain).await;
    assert_eq!(named(&last), ["three"], "what ends is let finish");
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.len(), 1);
    assert_eq!(holders(&pods.items[0]), ["three"], "it goes with that one");
    runtime.end().await;

    // Nobody takes anything by it any more: whoever comes back is to finish.
    let mut back = Runtime::start(&world, &pods.items[0]).await;
    back.told_that(|desired| desired.drain).await;
    back.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somewhere_else_or_of_another_shape_has_another_pod() {
    let world = World::new().await;
    world.profile("wide", json!({"image": "docker.io/understudy/runtime:dev"})).await;
    let operator = world.operator("one").await;
    let front = world.livestream_from("front", at(URL)).await;
    let back = world.livestream_from("back", at("rtsp://camera.example:8554/back")).await;
    let wide = world.livestream_from("wide", json!({"url": URL, "runtimeProfileName": "wide"})).await;
    let mut uids = Vec::new();
    for live in [&front, &back, &wide] {
        let pod = world.pod_of(live, 1).await;
        assert_eq!(holders(&pod), [live.name_any()]);
        uids.push(pod.uid());
    }
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), 3);
    let nowhere = json!({"url": URL, "runtimeProfileName": "nowhere"});
    world.livestream_from("nowhere", nowhere).await;
    let told = |live: &Livestream| says(live, "Accepted", "False", "ProfileNotFound");
    let status = world.until("nowhere", "told so", told).await.status.unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Failed));
    world.profile("nowhere", json!({"image": "docker.io/understudy/runtime:dev"})).await;
    world.until("nowhere", "accepted", |live| says(live, "Accepted", "True", "Accepted")).await;
    world.remove_profile("nowhere").await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_lost_is_followed_by_the_next_for_all_that_take_from_it() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (one, pod, mut runtime) = serving(&world, "one").await;
    world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    runtime.say(well(&desired));
    world.until("two", "ready", ready).await;
    runtime.end().await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    let next = world.pod_of(&one, 2).await;
    assert_eq!(holders(&next), ["one", "two"]);
    for name in ["one", "two"] {
        let disrupted = |live: &Livestream| {
            let status = live.status.as_ref().unwrap();
            phase(live) == Some(LivestreamPhase::Disrupted)
                && status.pod.as_ref().is_some_and(|pod| pod.attempt == 2)
        };
        world.until(name, "disrupted", disrupted).await;
    }
    let mut runtime = Runtime::start(&world, &world.run_pod(&next).await).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    runtime.say(well(&desired));
    for name in ["one", "two"] {
        world.until(name, "ready again", ready).await;
    }
    tokio::time::sleep(A_WHILE).await;
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.len(), 1, "one after the other");
    runtime.end().await;
    operator.end().await;
}

async fn secret(world: &World, type_: &str, url: &str) {
    let secrets = world.api::<Secret>();
    let _ = secrets.delete("camera", &DeleteParams::default()).await; // if there is one
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_, "stringData": {"url": url},
        "metadata": {"name": "camera", "annotations": {"understudy.dev/allowed-hosts": "*.example"}}
    }))
    .unwrap();
    secrets.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_a_secret_reaches_the_session_alone_and_is_taken_back_with_it() {
    const KIND: &str = "understudy.dev/credentials";
    let world = World::new().await;
    let operator = quick(&world).await;
    let live = world.livestream_from("live", json!({"urlSecretRef": {"name": "camera", "key": "url"}})).await;
    let until = async |reason: &str| {
        world.until("live", reason, |live| says(live, "Ready", "False", reason)).await.status.unwrap()
    };
    let missing = until("SecretNotFound").await;
    assert_eq!(missing.phase, Some(LivestreamPhase::Failed));
    assert!(condition(&missing.conditions, "Accepted").message.starts_with("spec.source.urlSecretRef: "));
    assert_eq!(world.api::<Pod>().list(&ListParams::default()).await.unwrap().items.len(), 0);
    secret(&world, "Opaque", "rtsp://me:s3cret@camera.example/1").await;
    until("SecretUnusable").await;
    secret(&world, KIND, "rtsp://me:s3cret@elsewhere.test/1").await;
    until("HostNotAllowed").await;

    secret(&world, KIND, "rtsp://me:s3cret@camera.example/1").await;
    let pod = world.run_pod(&world.pod_of(&live, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let first = runtime.told_that(|desired| url(desired).is_some()).await;
    assert_eq!(url(&first), Some("rtsp://me:s3cret@camera.example/1"));
    runtime.say(well(&first));
    let live = world.until("live", "ready", ready).await;
    assert_eq!(live.status.as_ref().unwrap().origin.as_deref(), Some("Secret camera"));

    secret(&world, KIND, "rtsp://me:s3cret2@camera.example/2").await;
    let changed = runtime.told_that(|desired| url(desired) != url(&first)).await;
    assert_eq!(url(&changed), Some("rtsp://me:s3cret2@camera.example/2"));
    runtime.say(well(&changed));
    world.api::<Secret>().delete("camera", &DeleteParams::default()).await.unwrap();
    let taken = runtime.told_that(|desired| url(desired).is_none()).await;
    runtime.say(well(&taken));
    let lost = until("SecretNotFound").await;
    assert_eq!((lost.phase, lost.endpoints.len()), (Some(LivestreamPhase::Disrupted), 0));
    assert_eq!(lost.pod.unwrap().uid, pod.uid(), "the pod stays");
    let told = (
        world.api::<Livestream>().get("live").await.unwrap(),
        world.events(&live).await,
        world.api::<Pod>().get(&pod.name_any()).await.unwrap(),
    );
    assert!(!serde_json::to_string(&told).unwrap().contains("s3cret"), "{told:#?}");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_cannot_carry_out_a_source_is_told_of_and_never_ready() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let live = world.livestream_from("live", at(URL)).await;
    let pod = world.run_pod(&world.pod_of(&live, 1).await).await;
    let mut runtime = Runtime::able(&world, &pod, &["output.webrtc"]).await;
    let desired = runtime.told_that(|desired| url(desired).is_some()).await;
    assert_eq!(named(&desired), [""; 0], "it would send out something else");
    runtime.say(well(&desired));
    let unsupported = |live: &Livestream| says(live, "Ready", "False", "Unsupported");
    let status = world.until("live", "unsupported", unsupported).await.status.unwrap();
    assert!(condition(&status.conditions, "Ready").message.contains("origin"));
    assert_eq!(status.observed_generation, Some(1));
    assert!(runtime.is_left_alone(A_WHILE).await);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_were_changed_are_again_what_the_oldest_says() {
    let world = World::new().await;
    let operator = quick(&world).await;
    let (one, _pod, mut runtime) = serving(&world, "one").await;
    let two = world.livestream_from("two", at(URL)).await;
    let desired = runtime.told_that(|desired| named(desired) == ["one", "two"]).await;
    let view = desired.access.unwrap().view;
    // Both may have been made within one second.
    let age = |live: &Livestream| (live.creation_timestamp().map(|made| made.0), live.uid());
    let younger = if age(&one) < age(&two) { two } else { one };
    let name = names::livestream_secret(&younger.name_any());
    world.until(&name, "there", |_secret: &Secret| true).await;
    let secrets = world.api::<Secret>();
    let made = secrets.get(&name).await.unwrap();
    let others = Patch::Merge(json!({"data": {"view": "b3RoZXI="}}));
    secrets.patch(&name, &PatchParams::default(), &others).await.unwrap();
    let same = move |secret: &Secret| {
        secret.uid() != made.uid() && secret.data.as_ref().unwrap()["view"].0 == view.as_bytes()
    };
    world.until(&name, "as the oldest says", same).await;
    runtime.end().await;
    operator.end().await;
}
