//! Builders of what a participant owns: validated values in, Kubernetes objects out. No client, no failure.

mod access;
mod authority;
mod container;
mod pod;
mod security;
mod volume;

pub use access::access_secret;
pub use authority::ca_config_map;
pub use pod::{Session, pod};

use crate::names;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use understudy_crds::v1alpha1::VirtualParticipant;

/// What is deleted together with the participant.
fn owned(participant: &VirtualParticipant, name: String, component: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: participant.namespace(),
        labels: Some(names::labels(&participant.name_any(), component)),
        owner_references: Some(vec![owner(participant)]),
        ..ObjectMeta::default()
    }
}

/// `blockOwnerDeletion` stays off: it would need the right to update finalizers, and nothing waits for the pod.
fn owner(participant: &VirtualParticipant) -> OwnerReference {
    OwnerReference {
        api_version: VirtualParticipant::api_version(&()).into_owned(),
        kind: VirtualParticipant::kind(&()).into_owned(),
        name: participant.name_any(),
        uid: participant.uid().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}
