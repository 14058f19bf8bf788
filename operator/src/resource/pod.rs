//! The pod of one session.

use crate::names;
use crate::owner::Owner;
use crate::profile::Profile;
use crate::resource::{container, security, volume};
use k8s_openapi::api::core::v1::{LocalObjectReference, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What a pod is built from.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Whom it serves.
    pub owner: &'a Owner,
    /// With whose objects it goes; the first controls it.
    pub holders: &'a [Owner],
    /// Which pod of the owner it is.
    pub attempt: i32,
    /// Its shape.
    pub profile: &'a Profile,
    /// `HOST:PORT` of the control link.
    pub operator_address: &'a str,
}

/// The pod. It is created once and never changed: an operator's upgrade touches no session.
pub fn pod(session: Session<'_>) -> Pod {
    let Session { profile, operator_address, .. } = session;
    let spec = &profile.spec;
    let pull_secrets =
        spec.image_pull_secrets.iter().map(|secret| LocalObjectReference { name: secret.name.clone() });
    Pod {
        metadata: metadata(session),
        spec: Some(PodSpec {
            containers: vec![container::container(profile, operator_address)],
            // A container that ends is started again by the kubelet, with its back-off; the pod stays.
            restart_policy: Some("Always".into()),
            termination_grace_period_seconds: Some(spec.termination_grace_period_seconds),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(security::pod(spec)),
            volumes: Some(volume::volumes(spec)),
            service_account_name: spec.service_account_name.clone(),
            runtime_class_name: spec.runtime_class_name.clone(),
            priority_class_name: spec.priority_class_name.clone(),
            image_pull_secrets: listed(pull_secrets.collect()),
            node_selector: Some(spec.node_selector.clone()).filter(|map| !map.is_empty()),
            tolerations: listed(spec.tolerations.clone()),
            affinity: spec.affinity.clone(),
            topology_spread_constraints: listed(spec.topology_spread_constraints.clone()),
            ..PodSpec::default()
        }),
        status: None,
    }
}

/// The profile's own labels give way to those by which the pod is found.
fn metadata(session: Session<'_>) -> ObjectMeta {
    let Session { owner, holders, attempt, profile, .. } = session;
    let mut metadata = owner.metadata(owner.pod(attempt), "session");
    metadata.owner_references = Some(Owner::references(holders));
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(names::ATTEMPT_LABEL.into(), attempt.to_string());
    labels.insert(names::PROFILE_LABEL.into(), profile.name.clone());
    labels.insert(names::PROFILE_REVISION_LABEL.into(), profile.revision.clone());
    for (key, value) in &profile.spec.labels {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    metadata.annotations = Some(profile.spec.annotations.clone()).filter(|map| !map.is_empty());
    metadata
}

/// An empty list is not written: the API server would drop it.
fn listed<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Kind;
    use serde_json::{Value, json};

    fn built() -> Value {
        built_with(&json!({}))
    }

    /// Of a profile with an image and whatever else is said.
    fn built_with(settings: &Value) -> Value {
        let mut spec = json!({"image": "understudy/runtime:1"});
        spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let profile = Profile::new("wide", serde_json::from_value(spec).unwrap()).unwrap();
        let owner = Owner {
            kind: Kind::VirtualParticipant,
            namespace: "demo".into(),
            name: "ada".into(),
            uid: "2f4b9c1e-77aa-4b51-9d9e-0d3c6f1e7b11".into(),
        };
        let session = Session {
            owner: &owner,
            holders: std::slice::from_ref(&owner),
            attempt: 2,
            profile: &profile,
            operator_address: "link.svc:8443",
        };
        serde_json::to_value(pod(session)).unwrap()
    }

    fn variables(pod: &Value) -> Vec<Value> {
        pod["spec"]["containers"][0]["env"].as_array().unwrap().clone()
    }

    fn variable(pod: &Value, name: &str) -> Option<String> {
        let found = variables(pod).into_iter().find(|variable| variable["name"] == name)?;
        Some(found["value"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_pod_is_known_by_its_owner_and_attempt() {
        let pod = built();
        assert_eq!(pod["metadata"]["name"], "ada-2f4b9c1e-2");
        assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/component"], "session");
        assert_eq!(pod["metadata"]["labels"][names::ATTEMPT_LABEL], "2");
        assert_eq!(pod["metadata"]["ownerReferences"][0]["controller"], true);
    }

    #[test]
    fn a_pod_has_no_right_at_the_api_server_and_a_token_for_the_operator_only() {
        let pod = built();
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
        let token = &pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!(token["audience"], names::SESSION_AUDIENCE);
        assert!((600..=3600).contains(&token["expirationSeconds"].as_i64().unwrap()));
    }

    #[test]
    fn media_has_one_number_of_udp_and_of_tcp() {
        let pod = built();
        let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap();
        let media: Vec<_> = ports.iter().filter(|port| port["containerPort"] == names::MEDIA_PORT).collect();
        assert_eq!(media.iter().map(|port| &port["protocol"]).collect::<Vec<_>>(), ["UDP", "TCP"]);
        assert_eq!(media.iter().map(|port| &port["name"]).collect::<Vec<_>>(), ["media", "media-tcp"]);
    }

    #[test]
    fn every_variable_is_plain_or_a_field_of_the_pod() {
        let variables = variables(&built());
        assert!(variables.iter().all(|variable| variable["valueFrom"]["secretKeyRef"].is_null()));
        let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"UNDERSTUDY_OPERATOR_ADDRESS"), "{names:?}");
    }

    #[test]
    fn private_urls_are_allowed_by_the_profile_alone() {
        let setting = |settings| variable(&built_with(&settings), "UNDERSTUDY_ALLOW_PRIVATE_URLS");
        assert_eq!(setting(json!({})), None);
        let allowed = setting(json!({"allowPrivateUrls": ["10.0.0.0/8", "192.0.2.1"]}));
        assert_eq!(allowed.as_deref(), Some("10.0.0.0/8,192.0.2.1"));
    }

    #[test]
    fn a_pod_tells_which_revision_of_which_profile_it_was_built_from() {
        let labels = |settings| built_with(&settings)["metadata"]["labels"].clone();
        let (plain, other) = (labels(json!({})), labels(json!({"camera": "file"})));
        assert_eq!(plain[names::PROFILE_LABEL], "wide");
        assert_ne!(plain[names::PROFILE_REVISION_LABEL], other[names::PROFILE_REVISION_LABEL]);
    }

    #[test]
    fn labels_of_a_profile_never_displace_those_by_which_a_pod_is_found() {
        let labels =
            json!({"team": "stage", names::ATTEMPT_LABEL: "9", "app.kubernetes.io/component": "web"});
        let pod = built_with(&json!({"labels": labels, "annotations": {"example.com/note": "x"}}));
        assert_eq!(pod["metadata"]["labels"]["team"], "stage");
        assert_eq!(pod["metadata"]["labels"][names::ATTEMPT_LABEL], "2");
        assert_eq!(pod["metadata"]["labels"]["app.kubernetes.io/component"], "session");
        assert_eq!(pod["metadata"]["annotations"]["example.com/note"], "x");
    }

    #[test]
    fn a_pod_runs_as_nobody_in_particular_unless_the_profile_says_who() {
        let context = |settings| built_with(&settings)["spec"]["securityContext"].clone();
        let plain = context(json!({}));
        assert_eq!(plain["runAsNonRoot"], true);
        for field in ["runAsUser", "runAsGroup", "fsGroup"] {
            assert!(plain.get(field).is_none(), "{field}: {plain}");
        }
        let named = context(json!({"runAsUser": 1000, "runAsGroup": 0, "fsGroup": 2000}));
        assert_eq!(
            (&named["runAsUser"], &named["runAsGroup"], &named["fsGroup"]),
            (&json!(1000), &json!(0), &json!(2000))
        );
    }

    #[test]
    fn what_a_session_writes_has_a_limit() {
        let volumes = |settings| built_with(&settings)["spec"]["volumes"].clone();
        let empty = |volumes: Value| {
            let all = volumes.as_array().unwrap().clone();
            all.into_iter().filter(|volume| volume.get("emptyDir").is_some()).collect::<Vec<_>>()
        };
        let plain = empty(volumes(json!({})));
        assert_eq!(plain.len(), 2);
        assert!(plain.iter().all(|volume| volume["emptyDir"]["sizeLimit"].is_string()), "{plain:?}");
        assert_eq!(empty(volumes(json!({"tmpSizeLimit": "5Gi"})))[1]["emptyDir"]["sizeLimit"], "5Gi");
    }

    #[test]
    fn media_of_the_platform_is_mounted_and_cannot_be_written_to() {
        let mounts = |pod: &Value| pod["spec"]["containers"][0]["volumeMounts"].as_array().unwrap().clone();
        assert!(mounts(&built()).iter().all(|mount| mount["mountPath"] != "/media"));
        for source in [
            json!({"persistentVolumeClaim": {"claimName": "clips"}}),
            json!({"image": {"reference": "example.com/clips:1"}}),
            json!({"nfs": {"server": "files.example.com", "path": "/clips"}}),
        ] {
            let pod = built_with(&json!({"mediaVolume": source}));
            let mount = mounts(&pod).into_iter().find(|mount| mount["mountPath"] == "/media").unwrap();
            assert_eq!(mount["readOnly"], true, "{source}");
            let volumes = pod["spec"]["volumes"].as_array().unwrap();
            assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{source}");
        }
    }

    #[test]
    fn what_the_platform_says_of_its_pods_is_passed_on() {
        let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["media"]}]}
        ]}}});
        let spread = json!([{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {names::PROFILE_LABEL: "wide"}}}]);
        let pod = built_with(&json!({
            "affinity": affinity, "topologySpreadConstraints": spread, "priorityClassName": "media",
            "runtimeClassName": "gvisor", "serviceAccountName": "session", "terminationGracePeriodSeconds": 45,
            "imagePullSecrets": [{"name": "registry"}], "resources": {"limits": {"cpu": 2, "memory": "2Gi"}}
        }));
        let spec = &pod["spec"];
        assert_eq!(spec["affinity"], affinity);
        assert_eq!(spec["topologySpreadConstraints"], spread);
        assert_eq!(spec["priorityClassName"], "media");
        assert_eq!(spec["runtimeClassName"], "gvisor");
        assert_eq!(spec["serviceAccountName"], "session");
        assert_eq!(spec["terminationGracePeriodSeconds"], 45);
        assert_eq!(spec["imagePullSecrets"], json!([{"name": "registry"}]));
        assert_eq!(spec["containers"][0]["resources"]["limits"], json!({"cpu": "2", "memory": "2Gi"}));
    }

    #[test]
    fn a_value_of_the_platform_stands_as_it_is_written() {
        let pod = built_with(&json!({"extraEnv": [{"name": "GREETING", "value": "$(HOME) is $HOME"}]}));
        assert_eq!(
            variable(&pod, "GREETING").as_deref(),
            Some("$$(HOME) is $HOME"),
            "the kubelet undoubles it"
        );
    }

    #[test]
    fn no_empty_list_is_written_that_the_api_server_would_drop() {
        let pod = built();
        assert!(pod["spec"].get("tolerations").is_none());
        assert!(pod["spec"].get("nodeSelector").is_none());
    }
}
