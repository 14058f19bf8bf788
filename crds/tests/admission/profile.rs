//! What the API server lets a platform write into a runtime profile.

use crate::{accepts, admin, refuses, tried};
use serde_json::{Value, json};

fn with(settings: Value) -> Value {
    let mut spec = json!({"image": "registry.example/understudy/runtime:1"});
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    spec
}

fn variable(name: &str) -> Value {
    with(json!({"extraEnv": [{"name": name, "value": "1"}]}))
}

#[tokio::test]
async fn profiles_that_make_sense_are_let_in() {
    let client = admin().await;
    let node = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["media"]}]}
    ]}}});
    let spread = json!([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}]);
    let specs = [
        with(json!({})),
        json!({"image": format!("registry.example:5000/runtime@sha256:{}", "0".repeat(64))}),
        with(
            json!({"resources": {"requests": {"cpu": 2, "memory": "768Mi"}, "limits": {"example.com/video": 1}}}),
        ),
        with(
            json!({"resources": {"requests": {"cpu": "1500m", "memory": "1Gi"}, "limits": {"cpu": 2, "memory": "1024Mi"}}}),
        ),
        with(json!({"seccomp": {"type": "Localhost", "localhostProfile": "understudy/chromium.json"}})),
        with(json!({"allowPrivateUrls": ["10.0.0.0/8", "192.0.2.1", "fd00::/8"]})),
        with(json!({"allowPrivateUrls": ["*"]})),
        with(json!({"runAsUser": 1_000_650_000, "runAsGroup": 0, "fsGroup": 1_000_650_000})),
        with(json!({"mediaVolume": {"persistentVolumeClaim": {"claimName": "clips"}}})),
        with(json!({"mediaVolume": {"image": {"reference": "registry.example/clips:1"}}})),
        with(json!({"mediaVolume": {"nfs": {"server": "files.example", "path": "/clips"}}})),
        with(json!({"labels": {"team": "stage"}, "annotations": {"example.com/note": "as you like it"}})),
        with(json!({"affinity": node, "topologySpreadConstraints": spread, "priorityClassName": "media"})),
        with(json!({"runtimeClassName": "gvisor", "serviceAccountName": "session", "tmpSizeLimit": "5Gi"})),
        with(json!({"tolerations": [{"key": "media", "operator": "Exists", "effect": "NoSchedule"}]})),
        variable("VIRTUAL_INPUT_WIDTH"),
    ];
    accepts(&client, "RuntimeProfile", &specs).await;
}

#[tokio::test]
async fn profiles_that_make_no_sense_are_refused_by_the_name_of_the_field() {
    let client = admin().await;
    let networks = "allowPrivateUrls must be networks";
    let below = "resources.limits must not be below resources.requests";
    let own = "extraEnv.name must not be HOME or begin with UNDERSTUDY_";
    let one = "exactly one source must be set in mediaVolume";
    let list = "seccomp.localhostProfile must be set with the type Localhost";
    let table = [
        (json!({}), "spec.image"),
        (json!({"image": ""}), "spec.image"),
        (json!({"image": "a b"}), "image must not contain spaces"),
        (with(json!({"imagePullPolicy": "Sometimes"})), "spec.imagePullPolicy"),
        (with(json!({"resources": {"limits": {"memory": "2 GB"}}})), "spec.resources.limits.memory"),
        (with(json!({"resources": {"limits": {"memory": "-1Gi"}}})), "spec.resources.limits.memory"),
        (with(json!({"resources": {"requests": {"cpu": -1}}})), "spec.resources.requests.cpu"),
        (with(json!({"resources": {"requests": {"cpu": "1500m"}, "limits": {"cpu": 1}}})), below),
        (with(json!({"resources": {"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}})), below),
        (with(json!({"tmpSizeLimit": "much"})), "spec.tmpSizeLimit"),
        (with(json!({"tmpSizeLimit": "-1Gi"})), "spec.tmpSizeLimit"),
        (with(json!({"tmpSizeLimit": -1})), "spec.tmpSizeLimit"),
        (with(json!({"camera": "webcam"})), "spec.camera"),
        (with(json!({"browser": "Maybe"})), "spec.browser"),
        (with(json!({"seccomp": {"type": "Localhost"}})), list),
        (with(json!({"seccomp": {"localhostProfile": "x"}})), list),
        (with(json!({"seccomp": {"type": "Unconfined"}})), "spec.seccomp.type"),
        (with(json!({"allowPrivateUrls": ["10.0.0.0/33"]})), networks),
        (with(json!({"allowPrivateUrls": ["camera.lan"]})), networks),
        (with(json!({"allowPrivateUrls": ["*", "10.0.0.0/8"]})), networks),
        (with(json!({"runAsUser": 0})), "spec.runAsUser"),
        (with(json!({"terminationGracePeriodSeconds": 5})), "spec.terminationGracePeriodSeconds"),
        (with(json!({"labels": {"understudy.dev/attempt": "9"}})), "are the operator's own"),
        (with(json!({"labels": {"app.kubernetes.io/component": "web"}})), "are the operator's own"),
        (with(json!({"labels": {"team": "not a label"}})), "spec.labels.team"),
        (with(json!({"annotations": {"understudy.dev/x": "1"}})), "are the operator's own"),
        (with(json!({"mediaVolume": {}})), one),
        (with(json!({"mediaVolume": {"hostPath": {"path": "/"}}})), one),
        (
            with(
                json!({"mediaVolume": {"persistentVolumeClaim": {"claimName": "a"}, "image": {"reference": "b"}}}),
            ),
            one,
        ),
        (with(json!({"mediaVolume": {"nfs": {"server": "a", "path": "b"}}})), "nfs.path must be absolute"),
        (variable("UNDERSTUDY_CAMERA"), own),
        (variable("HOME"), own),
        (variable("A-B"), "extraEnv.name must be letters"),
        (with(json!({"tolerations": vec![json!({"operator": "Exists"}); 33]})), "spec.tolerations"),
    ];
    refuses(&client, "RuntimeProfile", &table).await;
}

#[tokio::test]
async fn what_a_profile_leaves_out_is_filled_in() {
    let client = admin().await;
    let profile = tried(&client, "RuntimeProfile", "default", json!({"image": "i"})).await.unwrap();
    let expected = json!({
        "image": "i", "imagePullPolicy": "IfNotPresent", "tmpSizeLimit": "2Gi", "terminationGracePeriodSeconds": 20,
        "seccomp": {"type": "RuntimeDefault"}, "camera": "auto", "browser": "Allowed"
    });
    assert_eq!(profile.data["spec"], expected);
}

#[tokio::test]
async fn a_profile_can_be_named_in_a_label() {
    let client = admin().await;
    let named = async |name: &str| tried(&client, "RuntimeProfile", name, with(json!({}))).await;
    assert!(named(&"a".repeat(63)).await.is_ok());
    assert!(named(&"a".repeat(64)).await.unwrap_err().contains("at most 63 characters"));
    assert!(named("a.b").await.unwrap_err().contains("lower case letters, digits and dashes"));
}
