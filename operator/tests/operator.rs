//! The operator against a real API server, with runtimes that speak the real control link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests as well")]

#[path = "operator/api.rs"]
mod api;
#[path = "operator/chart.rs"]
mod chart;
#[path = "operator/endings.rs"]
mod endings;
#[path = "operator/events.rs"]
mod events;
#[path = "operator/identity.rs"]
mod identity;
#[path = "operator/invitations.rs"]
mod invitations;
#[path = "operator/killed.rs"]
mod killed;
#[path = "operator/leaders.rs"]
mod leaders;
#[path = "operator/livestreams.rs"]
mod livestreams;
#[path = "operator/origins.rs"]
mod origins;
#[path = "operator/pages.rs"]
mod pages;
#[path = "operator/pods.rs"]
mod pods;
#[path = "operator/problems.rs"]
mod problems;
#[path = "operator/profiles.rs"]
mod profiles;
#[path = "operator/real.rs"]
mod real;
#[path = "operator/resting.rs"]
mod resting;
#[path = "operator/rights.rs"]
mod rights;
#[path = "operator/sequences.rs"]
mod sequences;
#[path = "operator/sharing.rs"]
mod sharing;
#[path = "operator/sources.rs"]
mod sources;
mod support;
#[path = "operator/traces.rs"]
mod traces;
#[path = "operator/unread.rs"]
mod unread;

use k8s_openapi::api::core::v1::{Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use std::time::Duration;
use support::{Runtime, World, said, well};
use understudy_crds::v1alpha1::{
    EndpointType, Livestream, LivestreamPhase, ParticipantPhase, VirtualParticipant,
};
use understudy_proto::v1::{Desired, Report};

/// Time for something that must not happen to happen.
const A_WHILE: Duration = Duration::from_millis(1500);
/// How long a flapping source is so or so: long enough for a report of its own, which the operator looks at.
const FLAP: Duration = Duration::from_millis(80);

fn condition<'a>(conditions: &'a [Condition], type_: &str) -> &'a Condition {
    conditions.iter().find(|condition| condition.type_ == type_).unwrap()
}

fn is(participant: &VirtualParticipant, type_: &str, status: &str) -> bool {
    let conditions = participant.status.iter().flat_map(|status| &status.conditions);
    conditions.filter(|condition| condition.type_ == type_).any(|condition| condition.status == status)
}

fn ready(participant: &VirtualParticipant) -> bool {
    let generation = participant.metadata.generation;
    is(participant, "Ready", "True")
        && participant
            .status
            .iter()
            .flat_map(|status| &status.conditions)
            .all(|condition| condition.type_ != "Ready" || condition.observed_generation == generation)
}

fn phase(participant: &VirtualParticipant) -> Option<ParticipantPhase> {
    participant.status.as_ref()?.phase
}

/// From nothing to a participant that is available.
async fn available(world: &World, name: &str) -> (VirtualParticipant, Pod, Runtime) {
    let participant = world.apply(name, json!({"page": {"url": "understudy:mirror"}})).await;
    let pod = world.pod(&participant, 1).await;
    let pod = world.run_pod(&pod).await;
    let mut runtime = Runtime::start(world, &pod).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    let participant = world.until(name, "ready", ready).await;
    (participant, pod, runtime)
}

/// A participant that is available, with a stream for its camera.
async fn streaming(world: &World) -> (VirtualParticipant, Desired, Runtime) {
    let (_ada, _pod, mut runtime) = available(world, "ada").await;
    let video = json!({"stream": {"url": "rtsp://camera.example/1"}});
    world.apply("ada", json!({"page": {"url": "understudy:mirror"}, "inputs": {"video": video}})).await;
    let desired = runtime.told_that(|desired| desired.session.as_ref().unwrap().inputs.is_some()).await;
    runtime.say(inputs(&desired, "True", "Playing", "all sources play"));
    let ada = world.until("ada", "ready", |ada| ready(ada) && reason(ada, "InputsReady") == "Playing").await;
    (ada, desired, runtime)
}

/// A session that is well but for what it says of its inputs.
fn inputs(desired: &Desired, status: &str, reason: &str, message: &str) -> Report {
    let mut report = well(desired);
    report.conditions[2] = said("InputsReady", status, reason, message);
    report
}

fn reason(participant: &VirtualParticipant, type_: &str) -> String {
    let conditions = &participant.status.as_ref().unwrap().conditions;
    condition(conditions, type_).reason.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_reports_becomes_status() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"displayName": "Ada", "page": {"url": "understudy:mirror"}})).await;
    world.livestream("ada-live", "ada").await;
    let pod = world.pod(&ada, 1).await;
    let pod = world.run_pod(&pod).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| !desired.livestreams.is_empty()).await;
    let session = desired.session.clone().unwrap();
    assert_eq!(session.display_name, "Ada");
    assert_eq!(session.page.unwrap().url, "understudy:mirror");
    assert_eq!(desired.livestreams[0].name, "ada-live");
    let secret: Secret = world.api().get("ada-access").await.unwrap();
    assert_eq!(desired.access.clone().unwrap().view.into_bytes(), secret.data.unwrap()["view"].0);

    runtime.say(well(&desired));
    let status = world.until("ada", "ready", ready).await.status.unwrap();
    assert_eq!(status.phase, Some(ParticipantPhase::Available), "nobody has invited it");
    assert_eq!(status.media.unwrap().camera.as_deref(), Some("pipewire"));
    assert_eq!(status.pod.unwrap().node.as_deref(), Some("node-1"));
    let view = status.endpoints.iter().find(|endpoint| endpoint.type_ == EndpointType::View).unwrap();
    assert_eq!(view.url, "http://10.244.0.9:10001/view");

    let is_ready = |live: &Livestream| {
        live.status.as_ref().is_some_and(|status| status.phase == Some(LivestreamPhase::Ready))
    };
    let live = world.until("ada-live", "ready", is_ready).await;
    let endpoints = live.status.unwrap().endpoints;
    let whep = endpoints.iter().find(|endpoint| endpoint.type_ == EndpointType::Whep).unwrap();
    assert_eq!(whep.url, "http://10.244.0.9:10001/whep/ada-live");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_costs_few_writes_and_a_quiet_participant_none() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let api = world.api::<VirtualParticipant>();
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let (ada, pod, runtime) = available(&world, "ada").await;
    tokio::time::sleep(2 * A_WHILE).await;
    runtime.end().await;
    operator.end().await;

    let versions = world.statuses_since(&version).await;
    assert!(versions.len() <= 3, "status was written {} times: {versions:?}", versions.len());
    let writers = |pod: &Pod| {
        pod.metadata.managed_fields.iter().flatten().filter_map(|field| field.manager.clone()).count()
    };
    let now = world.api::<Pod>().get(&pod.name_any()).await.unwrap();
    assert_eq!(writers(&now), writers(&pod), "the pod was created and never written again");
    assert_eq!(phase(&ada), Some(ParticipantPhase::Available));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_is_a_condition_and_an_event_and_can_be_repaired() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", json!({"page": {"url": "https://nowhere.example/"}})).await;
    let url = |desired: &Desired| desired.session.clone().unwrap().page.unwrap().url;
    let desired = runtime.told_that(|desired| url(desired) == "https://nowhere.example/").await;
    let mut report = well(&desired);
    report.conditions[1] = said("PageReady", "False", "PageUnreachable", "net::ERR_NAME_NOT_RESOLVED");
    runtime.say(report);
    let broken = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    let status = broken.status.unwrap();
    assert_eq!(condition(&status.conditions, "PageReady").reason, "PageUnreachable");
    assert_eq!(condition(&status.conditions, "PageReady").observed_generation, Some(2));
    assert_eq!(status.last_error.unwrap().code, "PageUnreachable");
    let unreachable = |event: &Event| event.reason.as_deref() == Some("PageUnreachable");
    let events = world.until_told(&ada, unreachable).await; // the status comes first
    let event = events.iter().find(|event| unreachable(event)).unwrap();
    assert_eq!(event.type_.as_deref(), Some("Warning"));

    world.apply("ada", json!({"page": {"url": "understudy:mirror"}})).await;
    let desired = runtime.told_that(|desired| url(desired) == "understudy:mirror").await;
    runtime.say(well(&desired));
    let repaired = world.until("ada", "ready again", ready).await;
    assert_eq!(repaired.status.unwrap().pod.unwrap().uid, pod.uid(), "no pod was replaced for it");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_profile_is_told_with_those_that_are_known() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    world.apply("ada", json!({"runtimeProfileName": "huge"})).await;
    let ada = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    let conditions = ada.status.unwrap().conditions;
    assert_eq!(condition(&conditions, "Ready").reason, "ProfileNotFound");
    assert!(condition(&conditions, "Ready").message.contains("there are: default"));
    operator.end().await;
}
