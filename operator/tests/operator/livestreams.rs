//! Livestreams come and go with their participant.

use crate::support::{NAMESPACE, World, well};
use crate::{available, condition};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, PostParams};
use serde_json::json;
use understudy_crds::v1alpha1::{EndpointType, Livestream, LivestreamPhase};

#[tokio::test(flavor = "multi_thread")]
async fn livestreams_come_and_go_without_touching_the_pod() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    world.livestream("side", "ada").await;
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    let mut report = well(&desired);
    report.livestreams[0].viewers = 2;
    runtime.say(report);
    let active = |live: &Livestream| {
        live.status.as_ref().is_some_and(|status| status.phase == Some(LivestreamPhase::Active))
    };
    world.until("side", "active", active).await;
    world.api::<Livestream>().delete("side", &DeleteParams::default()).await.unwrap();
    runtime.told_that(|desired| desired.livestreams.is_empty()).await;
    assert_eq!(world.api::<Pod>().get(&pod.name_any()).await.unwrap().uid(), pod.uid());
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_of_nobody_says_whom_it_misses() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    world.livestream("lonely", "nobody").await;
    let lonely = world
        .until("lonely", "reported", |live: &Livestream| {
            live.status.as_ref().is_some_and(|status| status.phase.is_some())
        })
        .await;
    let status = lonely.status.unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Pending));
    assert_eq!(condition(&status.conditions, "Ready").reason, "ParticipantNotFound");
    assert!(condition(&status.conditions, "Ready").message.contains("\"nobody\""));
    operator.end().await;
}

fn ready_because(live: &Livestream, reason: &str) -> bool {
    let status = live.status.as_ref();
    status.is_some_and(|status| {
        status.conditions.iter().any(|said| said.type_ == "Ready" && said.reason == reason)
    })
}

fn secret(type_: &str, hosts: &str) -> Secret {
    serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_,
        "metadata": {"name": "cdn", "namespace": NAMESPACE, "annotations": {"understudy.dev/allowed-hosts": hosts}},
        "stringData": {"url": "rtmp://live.example.org/app/streamkey"}
    }))
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_players_fetch_has_its_addresses_in_the_status() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    world.livestream_by("played", "ada", json!({"rtmp": {}})).await;
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    assert!(desired.livestreams[0].rtmp.is_some());
    runtime.say(well(&desired));
    let live = world.until("played", "ready", |live| ready_because(live, "Serving")).await;
    let endpoints = live.status.unwrap().endpoints;
    let at = |type_| endpoints.iter().find(|one| one.type_ == type_).map(|one| one.url.clone());
    assert!(at(EndpointType::Rtmp).is_some_and(|url| url.ends_with(":1935/live/played")), "{endpoints:?}");
    assert!(at(EndpointType::Rtmps).is_some_and(|url| url.starts_with("rtmps://")), "{endpoints:?}");
    assert!(at(EndpointType::Whep).is_some());
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_secret_that_is_meant_to_be_sent_reaches_the_session_and_stands_nowhere_else() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let secrets = world.api::<Secret>();
    secrets.create(&PostParams::default(), &secret("Opaque", "*.example.org")).await.unwrap();
    world
        .livestream_by("out", "ada", json!({"rtmpPush": {"urlSecretRef": {"name": "cdn", "key": "url"}}}))
        .await;
    let unusable = world.until("out", "unusable", |live| ready_because(live, "SecretUnusable")).await;
    let message = condition(&unusable.status.unwrap().conditions, "Ready").message.clone();
    assert!(
        message.starts_with("spec.output.rtmpPush.urlSecretRef: ")
            && message.contains("understudy.dev/credentials"),
        "{message}"
    );
    secrets.delete("cdn", &DeleteParams::default()).await.unwrap();
    secrets
        .create(&PostParams::default(), &secret("understudy.dev/credentials", "live.example.org"))
        .await
        .unwrap();
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    let url = &desired.livestreams[0].rtmp_push.as_ref().unwrap().url;
    assert_eq!(url, "rtmp://live.example.org/app/streamkey");
    runtime.say(well(&desired));
    let live = world.until("out", "ready", |live| ready_because(live, "Serving")).await;
    assert!(!serde_json::to_string(&live).unwrap().contains("streamkey"));
    runtime.end().await;
    operator.end().await;
}
