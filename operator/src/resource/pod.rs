//! The pod of one session.

use crate::names;
use crate::owner::Owner;
use crate::profile::Profile;
use crate::resource::{container, security, volume};
use k8s_openapi::api::core::v1::{LocalObjectReference, Pod, PodSpec};

/// Leaving a stage and closing viewers takes a few seconds; the runtime's own deadlines add up to less.
const TERMINATION_GRACE_SECONDS: i64 = 20;

/// What a pod is built from.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Whom it serves.
    pub owner: &'a Owner,
    /// Which pod of the owner it is.
    pub attempt: i32,
    /// Its shape.
    pub profile: &'a Profile,
    /// `HOST:PORT` of the control link.
    pub operator_address: &'a str,
}

/// The pod. It is created once and never changed: an operator's upgrade touches no session.
pub fn pod(session: Session<'_>) -> Pod {
    let Session { owner, attempt, profile, operator_address } = session;
    let mut metadata = owner.metadata(owner.pod(attempt), "session");
    metadata.labels.get_or_insert_default().insert(names::ATTEMPT_LABEL.into(), attempt.to_string());
    let pull_secrets =
        profile.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() });
    Pod {
        metadata,
        spec: Some(PodSpec {
            containers: vec![container::container(profile, operator_address)],
            // A container that ends is started again by the kubelet, with its back-off; the pod stays.
            restart_policy: Some("Always".into()),
            termination_grace_period_seconds: Some(TERMINATION_GRACE_SECONDS),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            security_context: Some(security::pod(&profile.seccomp)),
            volumes: Some(volume::volumes()),
            image_pull_secrets: Some(pull_secrets.collect::<Vec<_>>()).filter(|list| !list.is_empty()),
            node_selector: Some(profile.node_selector.clone()).filter(|map| !map.is_empty()),
            tolerations: Some(profile.tolerations.clone()).filter(|list| !list.is_empty()),
            ..PodSpec::default()
        }),
        status: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owner::Kind;
    use serde_json::Value;

    fn built() -> Value {
        built_with(Profile { image: "understudy/runtime:1".into(), ..Profile::default() })
    }

    fn built_with(profile: Profile) -> Value {
        let owner = Owner {
            kind: Kind::VirtualParticipant,
            namespace: "demo".into(),
            name: "ada".into(),
            uid: "2f4b9c1e-77aa-4b51-9d9e-0d3c6f1e7b11".into(),
        };
        let session =
            Session { owner: &owner, attempt: 2, profile: &profile, operator_address: "link.svc:8443" };
        serde_json::to_value(pod(session)).unwrap()
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
    fn every_variable_is_plain_or_a_field_of_the_pod() {
        let pod = built();
        let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap().clone();
        assert!(variables.iter().all(|variable| variable["valueFrom"]["secretKeyRef"].is_null()));
        let names: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
        assert!(names.contains(&"UNDERSTUDY_OPERATOR_ADDRESS"), "{names:?}");
    }

    #[test]
    fn private_urls_are_allowed_by_the_profile_alone() {
        let setting = |profile: Profile| {
            let pod = built_with(profile);
            let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap().clone();
            let found = variables.iter().find(|variable| variable["name"] == "UNDERSTUDY_ALLOW_PRIVATE_URLS");
            found.map(|variable| variable["value"].as_str().unwrap().to_owned())
        };
        assert_eq!(setting(Profile::default()), None);
        let allow_private_urls = vec!["10.0.0.0/8".into(), "192.0.2.1".into()].try_into().unwrap();
        let profile = Profile { allow_private_urls, ..Profile::default() };
        assert_eq!(setting(profile).as_deref(), Some("10.0.0.0/8,192.0.2.1"));
    }

    #[test]
    fn no_empty_list_is_written_that_the_api_server_would_drop() {
        let pod = built();
        assert!(pod["spec"].get("tolerations").is_none());
        assert!(pod["spec"].get("nodeSelector").is_none());
    }
}
