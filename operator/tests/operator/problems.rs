//! Problems add to what a status says and take nothing from it; a pod that ends is told as such.

use crate::support::{NAMESPACE, Runtime, World, well};
use crate::{available, condition, phase, ready};
use k8s_openapi::api::core::v1::{Pod, ResourceQuota, Secret};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};

fn says(ada: &VirtualParticipant, type_: &str, status: &str, reason: &str) -> bool {
    let conditions = ada.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.type_ == type_)
        .any(|condition| condition.status == status && condition.reason == reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_vanishes_takes_nothing_from_a_session_that_runs() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    world.profile("other", json!({"image": "understudy/runtime:1"})).await;
    world.remove_profile("default").await;
    let told = |ada: &VirtualParticipant| says(ada, "Accepted", "False", "ProfileNotFound");
    let ada = world.until("ada", "told of it", told).await;
    let (status, earlier) = (ada.status.clone().unwrap(), before.status.unwrap());
    assert_eq!((&status.pod, &status.endpoints), (&earlier.pod, &earlier.endpoints));
    assert_eq!(status.phase, Some(ParticipantPhase::Available));
    assert!(ready(&ada));

    world.livestream("side", "ada").await;
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    runtime.say(well(&desired));
    let served = |ada: &VirtualParticipant| ada.status.as_ref().unwrap().endpoints.len() == 2;
    let ada = world.until("ada", "serving another livestream", served).await;
    assert_eq!(ada.status.unwrap().pod.unwrap().uid, pod.uid());
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_somebody_put_in_the_way_takes_nothing_from_a_session_that_runs() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;
    let secrets: Api<Secret> = world.api();
    secrets.delete("ada-access", &DeleteParams::default()).await.unwrap();
    let foreign = serde_json::from_value(json!({"metadata": {"name": "ada-access"}})).unwrap();
    secrets.create(&PostParams::default(), &foreign).await.unwrap();

    let operator = world.operator("two").await;
    let desired = runtime.told().await;
    assert_eq!(desired.access, None, "those that it has go on");
    runtime.say(well(&desired));
    let told = |ada: &VirtualParticipant| says(ada, "Accepted", "False", "AccessSecretUnusable");
    let ada = world.until("ada", "told of it", told).await;
    assert!(ready(&ada));
    assert_eq!(phase(&ada), Some(ParticipantPhase::Available));
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_without_room_ends_the_waiting_and_a_pod_is_made_once_there_is() {
    let world = World::new().await;
    let quotas: Api<ResourceQuota> = world.api();
    let quota = serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": {"hard": {"pods": "1"}}}));
    quotas.create(&PostParams::default(), &quota.unwrap()).await.unwrap();
    // What the controller of quotas would count.
    let counted = async |used: &str| {
        let status = json!({"status": {"hard": {"pods": "1"}, "used": {"pods": used}}});
        quotas.patch_status("one", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    };
    counted("1").await;
    let operator = world.operator("one").await;
    world.apply("ada", json!({})).await;
    let refused = |ada: &VirtualParticipant| says(ada, "Stalled", "True", "PodRefused");
    let ada = world.until("ada", "refused", refused).await;
    assert_eq!(phase(&ada), Some(ParticipantPhase::Failed));
    let message = condition(&ada.status.as_ref().unwrap().conditions, "Ready").message.clone();
    assert!(message.contains("exceeded quota"), "{message}");

    counted("0").await;
    world.pod(&ada, 1).await;
    let coming = |ada: &VirtualParticipant| phase(ada) == Some(ParticipantPhase::Provisioning);
    let ada = world.until("ada", "coming up", coming).await;
    assert!(says(&ada, "Accepted", "True", "Accepted"));
    quotas.delete("one", &DeleteParams::default()).await.unwrap();
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_ends_is_outlasted_until_its_node_says_that_nothing_runs() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, runtime) = available(&world, "ada").await;
    runtime.end().await;
    // Nobody plays the kubelet: as on a node that is lost.
    world.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default().grace_period(1)).await.unwrap();
    let overdue = |ada: &VirtualParticipant| {
        let conditions = ada.status.iter().flat_map(|status| &status.conditions);
        let message =
            conditions.filter(|condition| condition.type_ == "PodScheduled").map(|said| &said.message);
        message.into_iter().any(|message| message.contains("out-of-service"))
    };
    let waiting = world.until("ada", "waiting for its pod to end", overdue).await;
    let status = waiting.status.unwrap();
    assert_eq!(status.pod.unwrap().uid, pod.uid(), "it may still run");
    assert_eq!(condition(&status.conditions, "RuntimeReady").reason, "Terminating");
    assert_eq!(status.phase, Some(ParticipantPhase::Disrupted));

    let container = json!({"name": "runtime", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 0}}});
    world.pod_status(&pod.name_any(), json!({"containerStatuses": [container]})).await;
    world.pod(&ada, 2).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_called_view_is_served_beside_the_page() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    world.livestream("view", "ada").await;
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    runtime.say(well(&desired));
    let both = |ada: &VirtualParticipant| ada.status.as_ref().unwrap().endpoints.len() == 2;
    world.until("ada", "with both", both).await;
    let ready = |live: &understudy_crds::v1alpha1::Livestream| {
        live.status.as_ref().is_some_and(|status| status.endpoints.len() == 2)
    };
    world.until("view", "ready", ready).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_runtime_that_does_not_know_an_input_is_named_with_what_to_upgrade() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"inputs": {"video": {"socket": {}}}})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::able(&world, &pod, &["output.webrtc"]).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    let told = |ada: &VirtualParticipant| says(ada, "Stalled", "True", "Unsupported");
    let ada = world.until("ada", "told of it", told).await;
    let message = condition(&ada.status.unwrap().conditions, "InputsReady").message.clone();
    assert!(message.contains("input.socket") && message.contains("upgrade"), "{message} in {NAMESPACE}");
    runtime.end().await;
    operator.end().await;
}
