//! Who may speak for whom, and the secrets that say so.

use crate::support::{NAMESPACE, Runtime, Silent, World, well};
use crate::{A_WHILE, available, condition, phase};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_operator::app::Config;
use understudy_operator::authority::Times;
use understudy_operator::names;
use understudy_proto::v1::Desired;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_audience_lets_nobody_in() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let token = world.token(&pod, "https://kubernetes.default.svc.cluster.local").await;
    let mut intruder = Runtime::with_token(&world, &pod, &token).await;
    assert!(intruder.is_left_alone(A_WHILE).await);
    let mut runtime = Runtime::start(&world, &pod).await;
    runtime.told().await;
    intruder.end().await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_cannot_speak_for_another_one() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, bea) = (world.apply("ada", json!({})).await, world.apply("bea", json!({})).await);
    let adas = world.run_pod(&world.pod(&ada, 1).await).await;
    let beas = world.run_pod(&world.pod(&bea, 1).await).await;
    let token = world.token(&adas, names::SESSION_AUDIENCE).await;
    let mut intruder = Runtime::with_token(&world, &beas, &token).await;
    assert!(intruder.is_left_alone(A_WHILE).await, "what is Bea's was told to Ada's pod");
    intruder.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_say_nothing_keep_nobody_out() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let silent = Silent::open(&world, 100).await;
    tokio::time::sleep(A_WHILE).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let told = tokio::time::timeout(Duration::from_secs(5), runtime.told()).await;
    assert!(told.is_ok(), "a session waits until the silent ones are turned away");
    drop(silent);
    runtime.end().await;
    operator.end().await;
}

fn roots(published: &ConfigMap) -> usize {
    published.data.as_ref().unwrap()[names::CA_KEY].matches("BEGIN CERTIFICATE").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_linked_while_one_root_follows_another() {
    const OVERLAP: Duration = Duration::from_secs(3);
    let world = World::new().await;
    let rotation = Times {
        publish_for: OVERLAP,
        keep_for: OVERLAP,
        check_every: Duration::from_millis(200),
        ..Times::default()
    };
    let quick = |config: Config| Config { rotation, ..config };
    let operator = world.operator("one").await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;
    world.age_authority().await;
    let operator = world.operator_as(quick(world.config("two"))).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));

    let both = world.until(names::CA_CONFIG_MAP, "both roots", |map: &ConfigMap| roots(map) == 2).await;
    runtime.trust(&both);
    let again = runtime.told().await;
    assert_eq!(again.generation, desired.generation, "it dialled again, since another root signs");
    let new = world.until(names::CA_CONFIG_MAP, "the new root", |map: &ConfigMap| roots(map) == 1).await;
    runtime.trust(&new);
    assert!(both.data.unwrap()[names::CA_KEY].contains(&new.data.unwrap()[names::CA_KEY]));
    operator.end().await;

    let operator = world.operator("three").await;
    runtime.told().await;
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(after.resource_version(), ada.resource_version(), "nobody saw anything of it");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_were_changed_or_deleted_are_noticed_by_themselves() {
    let world = World::new().await;
    let config = Config { recheck: Duration::from_secs(1), ..world.config("one") };
    let operator = world.operator_as(config).await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let secrets = world.api::<Secret>();
    let changed = Patch::Merge(json!({"stringData": {"view": "changed"}}));
    secrets.patch("ada-access", &PatchParams::default(), &changed).await.unwrap();
    let view = |desired: &Desired| desired.access.clone().unwrap().view;
    runtime.told_that(|desired| view(desired) == "changed").await;
    secrets.delete("ada-access", &DeleteParams::default()).await.unwrap();
    let desired = runtime.told_that(|desired| view(desired) != "changed").await;
    let made: Secret = secrets.get("ada-access").await.unwrap();
    assert_eq!(view(&desired).into_bytes(), made.data.unwrap()["view"].0);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_somebody_elses_is_neither_used_nor_shown() {
    let world = World::new().await;
    let secret = serde_json::from_value(json!({
        "metadata": {"name": "eve-access"}, "type": "understudy.dev/access", "stringData": {"view": "stolen"}
    }));
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    secrets.create(&Default::default(), &secret.unwrap()).await.unwrap();
    let operator = world.operator("one").await;
    world.apply("eve", json!({})).await;
    let eve = world.until("eve", "failed", |eve| phase(eve) == Some(ParticipantPhase::Failed)).await;
    assert_eq!(condition(&eve.status.unwrap().conditions, "Accepted").reason, "AccessSecretUnusable");
    operator.end().await;
}
