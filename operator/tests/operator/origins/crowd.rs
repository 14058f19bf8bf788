//! Many livestreams of one source.

use super::{at, holders, named, says, url};
use crate::support::{Runtime, World, well};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;
use tokio::net::TcpListener;
use understudy_crds::v1alpha1::Livestream;
use understudy_operator::store::MOST_LIVESTREAMS;

const URL: &str = "rtsp://camera.example:8554/crowd";
/// Of the webhook, and longer than [`SOON`].
const HANGS_SECONDS: u32 = 30;
const SOON: Duration = Duration::from_secs(15);

/// Pods of origins are judged by this, which never answers.
async fn judge(world: &World, port: u16) -> Api<ValidatingWebhookConfiguration> {
    let api = Api::<ValidatingWebhookConfiguration>::all(world.client.clone());
    let webhook = serde_json::from_value(json!({
        "metadata": {"name": "never-answers"},
        "webhooks": [{
            "name": "never.answers.example", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": {"url": format!("https://127.0.0.1:{port}/")},
            "timeoutSeconds": HANGS_SECONDS, "failurePolicy": "Fail",
            "objectSelector": {"matchExpressions": [{"key": "understudy.dev/origin", "operator": "Exists"}]},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}]
        }]
    }));
    api.create(&PostParams::default(), &webhook.unwrap()).await.unwrap();
    api
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_others_of_the_same_source_keeps_nobody_else_waiting() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let webhooks = judge(&world, listener.local_addr().unwrap().port()).await;
    tokio::time::sleep(crate::A_WHILE).await; // the API server reads it from a watch
    // More than can be looked at at a time.
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.livestream_from(name, at(URL)).await;
    }
    let hangs = tokio::time::timeout(SOON, listener.accept()).await;
    let other = world.livestream("other", "nobody").await;
    let told = |live: &Livestream| says(live, "Ready", "False", "ParticipantNotFound");
    let told = tokio::time::timeout(SOON, world.until(&other.name_any(), "told", told)).await;
    webhooks.delete("never-answers", &DeleteParams::default()).await.unwrap();
    assert!(hangs.is_ok(), "a pod was to be made");
    assert!(told.is_ok(), "nobody looked at it");
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_has_so_many_livestreams_and_one_more_is_told_so_until_another_goes() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let live = world.livestream_from("live-0", at(URL)).await;
    let pod = world.run_pod(&world.pod_of(&live, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    for number in 1..=MOST_LIVESTREAMS {
        world.livestream_from(&format!("live-{number}"), at(URL)).await;
    }
    let desired = runtime.told_that(|desired| named(desired).len() == MOST_LIVESTREAMS).await;
    // The last may have been made within one second with others.
    let told: HashSet<&str> = named(&desired).into_iter().collect();
    let all = world.api::<Livestream>().list(&ListParams::default()).await.unwrap();
    let names: Vec<String> = all.iter().map(ResourceExt::name_any).collect();
    let [surplus] = &names.iter().filter(|name| !told.contains(name.as_str())).collect::<Vec<_>>()[..] else {
        panic!("{names:?} but {told:?}")
    };
    let is_told = |live: &Livestream| {
        says(live, "Ready", "False", "TooManyLivestreams")
            && says(live, "Accepted", "False", "TooManyLivestreams")
            && live.status.as_ref().unwrap().observed_generation == Some(1)
    };
    let status = world.until(surplus, "told so", is_told).await.status.unwrap();
    assert_eq!((status.pod, status.access, status.endpoints.len()), (None, None, 0));
    assert_eq!(url(&desired), Some(URL));

    let gone = names.iter().find(|name| name != surplus).unwrap();
    world.api::<Livestream>().delete(gone, &DeleteParams::default()).await.unwrap();
    let desired = runtime.told_that(|desired| named(desired).contains(&surplus.as_str())).await;
    assert_eq!(named(&desired).len(), MOST_LIVESTREAMS);
    runtime.say(well(&desired));
    world.until(surplus, "ready", super::ready).await;
    let held = |pod: &Pod| holders(pod).contains(surplus) && !holders(pod).contains(gone);
    world.until(&pod.name_any(), "held by it", held).await;
    runtime.end().await;
    operator.end().await;
}
