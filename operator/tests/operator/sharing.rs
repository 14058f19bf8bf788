//! How a participant is shared is for the session that runs.

use crate::support::{World, well};
use crate::{available, ready};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde_json::json;
use understudy_proto::v1::Sharing;

#[tokio::test(flavor = "multi_thread")]
async fn another_sharing_reaches_the_session_that_runs_and_its_pod_stays() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    let page = json!({"url": "understudy:mirror"});
    let notes = json!({"name": "notes", "url": "https://notes.example/"});
    for sharing in [json!({"mode": "Host", "maxViewers": 5}), json!({"mode": "Off", "pages": [notes]})] {
        let ada = world.apply("ada", json!({"page": page, "sharing": sharing})).await;
        let shared = |told: &Sharing| told.mode == sharing["mode"].as_str().unwrap();
        let told = runtime
            .told_that(|desired| desired.session.as_ref().unwrap().sharing.as_ref().is_some_and(shared));
        let desired = told.await;
        let told = desired.session.clone().unwrap().sharing.unwrap();
        assert_eq!(
            told.max_viewers,
            if told.mode == "Host" { 5 } else { 32 },
            "what is not said is the default"
        );
        assert_eq!(told.pages.len(), if told.mode == "Host" { 0 } else { 1 });
        runtime.say(well(&desired));
        let generation = ada.metadata.generation;
        let answered = |ada: &understudy_crds::v1alpha1::VirtualParticipant| {
            ready(ada) && ada.metadata.generation == generation
        };
        let ada = world.until("ada", "ready", answered).await;
        assert_eq!(ada.status.unwrap().pod.unwrap().uid, pod.uid());
    }
    let still: Pod = world.api().get(&pod.name_any()).await.unwrap();
    assert_eq!((still.uid(), still.metadata.deletion_timestamp), (pod.uid(), None));
    runtime.end().await;
    operator.end().await;
}
