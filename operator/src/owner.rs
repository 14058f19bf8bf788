//! Whose a pod is. Everything that makes, finds, labels and identifies pods knows an owner, and not which kind of object
//! it is.

use crate::names;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use std::collections::BTreeMap;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// The kinds that can own pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A participant: each has a pod.
    VirtualParticipant,
    /// A livestream with an origin of its own.
    Livestream,
}

/// One object that owns pods. Another object of the same name is another owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// What it is.
    pub kind: Kind,
    /// Its namespace, and that of its pods.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// An object that can own pods.
pub trait Owning: Resource<DynamicType = ()> {
    /// What it is.
    const KIND: Kind;
}

impl Owning for VirtualParticipant {
    const KIND: Kind = Kind::VirtualParticipant;
}

impl Owning for Livestream {
    const KIND: Kind = Kind::Livestream;
}

impl Kind {
    const ALL: [Self; 2] = [Self::VirtualParticipant, Self::Livestream];

    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VirtualParticipant => "VirtualParticipant",
            Self::Livestream => "Livestream",
        }
    }

    /// The label that names the owner of a pod.
    pub fn label(self) -> &'static str {
        match self {
            Self::VirtualParticipant => "understudy.dev/participant",
            Self::Livestream => "understudy.dev/livestream",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Owner {
    /// This object.
    pub fn of<K: Owning>(object: &K) -> Self {
        Self {
            kind: K::KIND,
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
        }
    }

    /// Whom the pod belongs to; `None` if to none of ours.
    pub fn of_pod(pod: &Pod) -> Option<Self> {
        let group = format!("{}/", VirtualParticipant::group(&()));
        let ours =
            |owner: &&OwnerReference| owner.controller == Some(true) && owner.api_version.starts_with(&group);
        let owner = pod.owner_references().iter().find(ours)?;
        Some(Self {
            kind: Kind::parse(&owner.kind)?,
            namespace: pod.namespace().unwrap_or_default(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        })
    }

    /// Whether the object is owned by this very owner.
    pub fn owns<K: Resource>(&self, object: &K) -> bool {
        object.owner_references().iter().any(|owner| owner.uid == self.uid)
    }

    /// Whether the object was owned by an earlier owner of the same name.
    pub fn succeeds<K: Resource>(&self, object: &K) -> bool {
        let same_name = |owner: &OwnerReference| owner.kind == self.kind.as_str() && owner.name == self.name;
        !self.owns(object) && object.owner_references().iter().any(same_name)
    }

    /// The metadata of what is deleted together with this owner.
    pub fn metadata(&self, name: String, component: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.labels(component)),
            owner_references: Some(vec![self.reference()]),
            ..ObjectMeta::default()
        }
    }

    /// The name of the pod of that attempt.
    pub fn pod(&self, attempt: i32) -> String {
        names::pod(&self.name, &self.uid, attempt)
    }

    /// The name of the Secret with the tokens that let people into its session.
    pub fn access_secret(&self) -> String {
        names::access_secret(&self.name)
    }

    fn labels(&self, component: &str) -> BTreeMap<String, String> {
        [
            ("app.kubernetes.io/name", "understudy"),
            ("app.kubernetes.io/instance", &self.name),
            ("app.kubernetes.io/component", component),
            ("app.kubernetes.io/part-of", "understudy"),
            ("app.kubernetes.io/managed-by", names::FIELD_MANAGER),
            (self.kind.label(), &self.name),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// `blockOwnerDeletion` stays off: it would need the right to update finalizers, and nothing waits for the pod.
    fn reference(&self) -> OwnerReference {
        OwnerReference {
            api_version: VirtualParticipant::api_version(&()).into_owned(),
            kind: self.kind.as_str().into(),
            name: self.name.clone(),
            uid: self.uid.clone(),
            controller: Some(true),
            block_owner_deletion: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(kind: Kind) -> Owner {
        Owner { kind, namespace: "demo".into(), name: "ada".into(), uid: "2f4b9c1e-77aa".into() }
    }

    #[test]
    fn a_pod_leads_back_to_its_owner_of_either_kind() {
        for kind in Kind::ALL {
            let owner = owner(kind);
            let pod = Pod { metadata: owner.metadata(owner.pod(1), "session"), ..Pod::default() };
            assert_eq!(Owner::of_pod(&pod), Some(owner.clone()));
            assert_eq!(pod.labels()[kind.label()], "ada");
            assert!(owner.owns(&pod) && !owner.succeeds(&pod));
        }
    }

    #[test]
    fn a_pod_of_somebody_else_has_no_owner_here() {
        let mut pod =
            Pod { metadata: owner(Kind::Livestream).metadata("x".into(), "session"), ..Pod::default() };
        pod.owner_references_mut()[0].api_version = "apps/v1".into();
        assert_eq!(Owner::of_pod(&pod), None);
    }

    #[test]
    fn a_namesake_is_another_owner() {
        let (first, second) =
            (owner(Kind::VirtualParticipant), Owner { uid: "u2".into(), ..owner(Kind::VirtualParticipant) });
        let pod = Pod { metadata: first.metadata(first.pod(1), "session"), ..Pod::default() };
        assert!(!second.owns(&pod) && second.succeeds(&pod));
        assert!(!Owner { kind: Kind::Livestream, ..second }.succeeds(&pod));
    }
}
