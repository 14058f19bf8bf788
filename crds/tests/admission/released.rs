//! What earlier versions of this API stored is changed under the newest one. `released/` holds the definitions as each version
//! had them; here they are of a group of their own, beside those that other tests use.

use super::{ESTABLISHED, object};
use crate::support;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;
use understudy_crds::definitions;

const GROUP: &str = "released.understudy.dev";

/// A definition, as one of the test's own group.
async fn serve(client: &Client, mut definition: CustomResourceDefinition) {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    definition.spec.group = GROUP.into();
    definition.metadata.name = Some(format!("{}.{GROUP}", definition.spec.names.plural));
    let name = definition.name_any();
    api.patch(&name, &PatchParams::apply("test").force(), &Patch::Apply(&definition)).await.unwrap();
    let established = await_condition(api, &name, conditions::is_crd_established());
    tokio::time::timeout(ESTABLISHED, established).await.unwrap().unwrap();
}

fn released(file: &str) -> CustomResourceDefinition {
    let path = support::repository("crds/tests/released").join(file);
    serde_yaml_ng::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, "v1alpha1", kind));
    Api::namespaced_with(client.clone(), "default", &resource)
}

/// Tries until the API server serves what was just defined.
async fn until<T>(what: &str, attempt: impl AsyncFn() -> Option<T>) -> T {
    let tries = async {
        loop {
            if let Some(done) = attempt().await {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(ESTABLISHED, tries).await.unwrap_or_else(|_late| panic!("never {what}"))
}

/// As full as the operator of that version wrote it.
fn status(of: &[&str]) -> Value {
    let time = "2026-01-01T00:00:00Z";
    let conditions = of.iter().map(|type_| {
        json!({"type": type_, "status": "True", "reason": "Up", "message": "", "observedGeneration": 1,
            "lastTransitionTime": time})
    });
    let url = "http://10.0.0.1:10001/view";
    json!({
        "observedGeneration": 1,
        "phase": "Available",
        "conditions": conditions.collect::<Vec<_>>(),
        "endpoints": [{"name": "view", "type": "View", "url": url, "scope": "Cluster"}]
    })
}

fn stored() -> [(&'static str, &'static str, Value, Value, Value); 2] {
    let participant = json!({
        "displayName": "Ada", "attributes": {"role": "host"}, "page": {"url": "understudy:mirror"},
        "inputs": {"video": {"file": {"url": "understudy:test-picture"}}, "audio": {"socket": {}}}
    });
    let livestream = json!({"participantRef": {"name": "ada"}, "output": {"webRTC": {}}});
    let all =
        ["PodScheduled", "RuntimeReady", "DevicesReady", "PageReady", "InputsReady", "Invited", "Ready"];
    [
        (
            "virtualparticipants.yaml",
            "VirtualParticipant",
            participant,
            status(&all),
            json!({"displayName": "Bea", "sharing": {"mode": "Host"}}),
        ),
        (
            "livestreams.yaml",
            "Livestream",
            livestream,
            status(&["RuntimeReady", "Ready", "Active"]),
            json!({"output": {"webRTC": {}}}),
        ),
    ]
}

#[tokio::test]
async fn objects_of_an_earlier_version_can_be_changed_under_the_newest() {
    let client = support::client().await;
    for (file, kind, spec, status, change) in stored() {
        serve(&client, released(file)).await;
        let objects = api(&client, kind);
        for name in ["seen", "unseen"] {
            let mut object = object(kind, name, &spec);
            object.types.as_mut().unwrap().api_version = format!("{GROUP}/v1alpha1");
            let create = async || objects.create(&PostParams::default(), &object).await.ok();
            until("served", create).await;
        }
        let patch = async |body: Value| {
            objects.patch("seen", &PatchParams::default(), &Patch::Merge(&body)).await.map(|_object| ())
        };
        let params = PatchParams::default();
        objects.patch_status("seen", &params, &Patch::Merge(&json!({"status": status}))).await.unwrap();

        let newest = definitions().into_iter().find(|(name, _)| *name == file).unwrap().1;
        serve(&client, newest).await;
        // It is the newest once it says of an object that nobody has looked at that this is in progress.
        let unseen = async || {
            let unseen = objects.get("unseen").await.unwrap();
            unseen.data["status"]["conditions"].as_array().map(|all| all[0]["reason"].clone())
        };
        assert_eq!(until("the newest", unseen).await, "Pending");

        let finalizers = |list: Value| json!({"metadata": {"finalizers": list}});
        patch(json!({"metadata": {"labels": {"team": "stage"}}})).await.unwrap();
        patch(finalizers(json!(["example.com/test"]))).await.unwrap();
        patch(finalizers(json!([]))).await.unwrap();
        patch(json!({"spec": change})).await.unwrap();
        let changed = json!({"status": {"phase": "Disrupted"}});
        objects.patch_status("seen", &params, &Patch::Merge(&changed)).await.unwrap();
        let seen = objects.get("seen").await.unwrap();
        assert_eq!(seen.data["status"]["endpoints"], status["endpoints"], "nothing is lost");
        assert_eq!(seen.labels()["team"], "stage");
    }
}
