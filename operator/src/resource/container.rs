//! The one container of a session pod. Everything about the session itself arrives over the control link: nothing of it,
//! and no secret, is in arguments or environment.

use crate::names;
use crate::profile::Profile;
use crate::resource::{security, volume};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector, Probe,
    ResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use understudy_crds::v1alpha1::{Quantity, Resources};

/// `operator_address` is `HOST:PORT` of the control link.
pub(super) fn container(profile: &Profile, operator_address: &str) -> Container {
    Container {
        name: "runtime".into(),
        image: Some(profile.spec.image.clone()),
        image_pull_policy: Some(profile.spec.image_pull_policy.as_str().into()),
        args: Some(["run", "--control-link"].map(Into::into).into()),
        env: Some(environment(profile, operator_address)),
        ports: Some(ports()),
        resources: Some(resources(&profile.spec.resources)),
        security_context: Some(security::container()),
        volume_mounts: Some(volume::mounts(&profile.spec)),
        // Until it lives, nothing else is asked; 60 s cover a node that starts many at once.
        startup_probe: Some(Probe {
            period_seconds: Some(1),
            failure_threshold: Some(60),
            ..probe("/livez")
        }),
        // A node without time for anybody is no reason to end media that flows: two minutes of silence are.
        liveness_probe: Some(Probe {
            period_seconds: Some(20),
            failure_threshold: Some(6),
            ..probe("/livez")
        }),
        // Ready soon, and not unready for the hiccups of a busy node.
        readiness_probe: Some(Probe {
            period_seconds: Some(2),
            failure_threshold: Some(15),
            ..probe("/readyz")
        }),
        ..Container::default()
    }
}

fn environment(profile: &Profile, operator_address: &str) -> Vec<EnvVar> {
    let (spec, folder) = (&profile.spec, names::IDENTITY_FOLDER);
    let mut variables = vec![
        value("HOME", "/tmp"),
        value("UNDERSTUDY_OPERATOR_ADDRESS", operator_address),
        value("UNDERSTUDY_TOKEN_FILE", &format!("{folder}/{}", names::TOKEN_KEY)),
        value("UNDERSTUDY_CA_FILE", &format!("{folder}/{}", names::CA_KEY)),
        value("UNDERSTUDY_CAMERA", spec.camera.as_str()),
        field("UNDERSTUDY_POD_NAME", "metadata.name"),
        field("UNDERSTUDY_POD_NAMESPACE", "metadata.namespace"),
        field("UNDERSTUDY_POD_UID", "metadata.uid"),
        field("UNDERSTUDY_POD_IP", "status.podIPs"),
    ];
    if let Some(allowed) = profile.private_urls() {
        variables.push(value("UNDERSTUDY_ALLOW_PRIVATE_URLS", &allowed));
    }
    variables.extend(spec.extra_env.iter().map(|extra| value(&extra.name, &literal(&extra.value))));
    variables
}

/// The kubelet would resolve `$(NAME)`; doubled, a dollar sign stands for itself.
fn literal(text: &str) -> String {
    text.replace("$(", "$$(")
}

fn resources(resources: &Resources) -> ResourceRequirements {
    let amounts = |amounts: &BTreeMap<String, Quantity>| {
        let amounts = amounts.iter().map(|(name, amount)| (name.clone(), amount.into()));
        Some(amounts.collect::<BTreeMap<_, _>>()).filter(|amounts| !amounts.is_empty())
    };
    ResourceRequirements {
        requests: amounts(&resources.requests),
        limits: amounts(&resources.limits),
        claims: None,
    }
}

fn value(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.into(), value: Some(value.into()), value_from: None }
}

fn field(name: &str, path: &str) -> EnvVar {
    let field_ref = Some(ObjectFieldSelector { api_version: None, field_path: path.into() });
    EnvVar {
        name: name.into(),
        value: None,
        value_from: Some(EnvVarSource { field_ref, ..EnvVarSource::default() }),
    }
}

fn ports() -> Vec<ContainerPort> {
    let port = |name: &str, number: u16, protocol: &str| ContainerPort {
        name: Some(name.into()),
        container_port: number.into(),
        protocol: Some(protocol.into()),
        ..ContainerPort::default()
    };
    vec![
        port("http", names::HTTP_PORT, "TCP"),
        port("admin", names::ADMIN_PORT, "TCP"),
        port("media", names::MEDIA_PORT, "UDP"),
        // For viewers that UDP does not reach.
        port("media-tcp", names::MEDIA_PORT, "TCP"),
        port("rtmp", names::RTMP_PORT, "TCP"),
        port("rtmps", names::RTMPS_PORT, "TCP"),
    ]
}

fn probe(path: &str) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String("admin".into()),
            ..HTTPGetAction::default()
        }),
        // The runtime answers within half of it, or cannot.
        timeout_seconds: Some(10),
        ..Probe::default()
    }
}
