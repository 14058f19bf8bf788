//! Operators that start again, and those that take over.

use crate::support::{Runtime, SYSTEM, Spoken, World, well};
use crate::{A_WHILE, available, ready};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_operator::app::Config;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_again_finds_its_sessions_and_replaces_nothing() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;

    let operator = world.operator("one").await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    tokio::time::sleep(A_WHILE).await;
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(
        after.resource_version(),
        before.resource_version(),
        "nothing changed, so that nothing is written"
    );
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.iter().map(ResourceExt::uid).collect::<Vec<_>>(), [pod.uid()]);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_cannot_lead_ends_with_the_reason_and_lets_another_lead() {
    let world = World::new().await;
    let config = Config { link_service: "nowhere".into(), ..world.config("one") };
    let error = world.operator_as(config).await.error().await;
    assert!(format!("{error:#}").contains("the Service nowhere cannot be led here"), "{error:#}");
    let operator = world.operator("two").await;
    let ada = world.apply("ada", json!({})).await;
    world.pod(&ada, 1).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_operator_takes_over_with_a_higher_term() {
    let world = World::new().await;
    let first = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), SYSTEM);
    let led = slices.get("understudy-operator-link-ipv4").await.unwrap();
    assert_eq!(led.endpoints[0].addresses, ["10.99.0.7"]);

    let second = world.operator("two").await;
    assert!(runtime.is_left_alone(A_WHILE).await, "a follower serves nobody");
    first.end().await;
    let desired = runtime.told().await;
    let term = desired.leader_term;
    assert_eq!(desired.generation >> 32, term, "generations of a later leader are above all earlier ones");
    runtime.say(well(&desired));
    world.apply("ada", json!({"displayName": "Bea", "page": {"url": "understudy:mirror"}})).await;
    let desired = runtime.told_that(|desired| desired.session.clone().unwrap().display_name == "Bea").await;
    assert_eq!(desired.leader_term, term);
    runtime.say(well(&desired));
    let after = world.until("ada", "ready under the second", ready).await;
    assert_eq!(after.status.unwrap().pod.unwrap().uid, pod.uid());
    assert!(before.metadata.generation < after.metadata.generation);
    runtime.end().await;
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_finds_the_next_leader_by_its_ticket_and_another_process_of_its_pod_does_not() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    runtime.show_no_good_token();
    operator.end().await;
    let operator = world.operator("two").await;
    runtime.told().await;
    let mut thief = Runtime::with_token(&world, &pod, "not a token").await;
    assert!(thief.is_left_alone(A_WHILE).await);
    assert!(runtime.is_left_alone(A_WHILE).await, "it was not displaced");
    thief.end().await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_tells_its_sessions_that_another_leads() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let stream = Spoken::open(&world, &pod).await;
    operator.end().await;
    let last = stream.last_word().await;
    assert_eq!(last.code(), tonic::Code::Unavailable, "{last:?}");
    assert!(last.message().contains("another leads"), "{last:?}");
}
