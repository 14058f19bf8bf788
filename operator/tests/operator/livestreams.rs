//! Livestreams come and go with their participant.

use crate::support::{World, well};
use crate::{available, condition};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::DeleteParams;
use understudy_crds::v1alpha1::{Livestream, LivestreamPhase};

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
