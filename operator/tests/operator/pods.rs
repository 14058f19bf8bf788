//! One pod at a time, and the next after it.

use crate::support::{Runtime, World, well};
use crate::{A_WHILE, available, condition, is, phase, ready, reason};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;
use std::time::Duration;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_operator::app::Config;
use understudy_operator::names;

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_becomes_a_pod_with_its_secret_and_the_operators_authority() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"displayName": "Ada"})).await;
    // The namespace enforces the restricted level: a pod that did not pass would not be there.
    let pod = world.pod(&ada, 1).await;
    assert_eq!(pod.owner_references()[0].uid, ada.uid().unwrap());
    assert_eq!(pod.labels()["app.kubernetes.io/component"], "session");

    let secret: Secret = world.api().get("ada-access").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("understudy.dev/access"));
    assert_eq!(secret.owner_references()[0].uid, ada.uid().unwrap());
    let keys: Vec<String> = secret.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["admin", "control", "view"]);

    let ada =
        world.until("ada", "provisioning", |ada| phase(ada) == Some(ParticipantPhase::Provisioning)).await;
    let status = ada.status.unwrap();
    assert_eq!(status.conditions.len(), 12, "all conditions are there from the first status on");
    assert_eq!(condition(&status.conditions, "Invited").reason, "NotInvited");
    assert_eq!(status.access.unwrap().secret_name, "ada-access");
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_one_pod_does_not_stand_in_the_way_of_a_successor() {
    let world = World::new().await;
    let quota = world.quota_of_pods(1).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.pod(&ada, 1).await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    world.gone::<Pod>(&pod.name_any()).await;
    // As the quota's own controller does, after a while.
    quota.used(0).await;
    let next = world.pod(&ada, 2).await;
    assert_ne!(next.uid(), pod.uid());
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_refuses_is_told_and_tried_again_without_writing_anything_else() {
    let world = World::new().await;
    let quota = world.quota_of_pods(0).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let refused =
        |ada: &VirtualParticipant| is(ada, "Accepted", "False") && reason(ada, "Accepted") == "PodRefused";
    world.until("ada", "refused", refused).await;
    let roots = world.api::<ConfigMap>();
    roots.delete(names::CA_CONFIG_MAP, &DeleteParams::default()).await.unwrap();
    // The first intervals are 2 s and 4 s at most.
    tokio::time::sleep(4 * A_WHILE).await;
    assert!(roots.get_opt(names::CA_CONFIG_MAP).await.unwrap().is_none(), "a refusal writes no ConfigMap");
    quota.limit(1).await;
    world.pod(&ada, 1).await;
    world.until("ada", "accepted", |ada: &VirtualParticipant| is(ada, "Accepted", "True")).await;
    assert!(roots.get_opt(names::CA_CONFIG_MAP).await.unwrap().is_some(), "the pod needs it to start");
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_ended_is_followed_by_the_next_attempt() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, runtime) = available(&world, "ada").await;
    runtime.end().await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    let next = world.pod(&ada, 2).await;
    let disrupted = world
        .until("ada", "served by the next pod", |ada: &VirtualParticipant| {
            ada.status.as_ref().and_then(|status| status.pod.as_ref()).is_some_and(|pod| pod.attempt == 2)
        })
        .await;
    assert_eq!(phase(&disrupted), Some(ParticipantPhase::Disrupted));
    let mut runtime = Runtime::start(&world, &world.run_pod(&next).await).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    world.until("ada", "ready again", ready).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_somebody_took_from_its_participant_is_told_of_and_followed_once_it_is_deleted() {
    let world = World::new().await;
    // No watch shows whose it was.
    let often = Config { recheck: Duration::from_secs(1), ..world.config("one") };
    let operator = world.operator_as(often).await;
    let (ada, pod, runtime) = available(&world, "ada").await;
    let taken = Patch::Merge(json!({"metadata": {"ownerReferences": null}}));
    world.api::<Pod>().patch(&pod.name_any(), &PatchParams::default(), &taken).await.unwrap();
    let told = |ada: &VirtualParticipant| {
        is(ada, "Accepted", "False") && reason(ada, "Accepted") == "PodRefused" && ready(ada)
    };
    world.until("ada", "told of it, and served", told).await;
    runtime.end().await;
    let now = DeleteParams::default().grace_period(0);
    world.api::<Pod>().delete(&pod.name_any(), &now).await.unwrap();
    world.pod(&ada, 2).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_somebody_deleted_is_followed_by_the_next_attempt() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.pod(&ada, 1).await;
    world.until("ada", "reported", |ada| phase(ada).is_some()).await;
    let now = DeleteParams::default().grace_period(0);
    world.api::<Pod>().delete(&pod.name_any(), &now).await.unwrap();
    world.pod(&ada, 2).await;
    operator.end().await;
}
