//! Whose a pod is. Everything that makes, finds, labels and identifies pods knows an owner, and not which kind of object
//! it is, nor whether it is one at all: what livestreams take together is none.

use crate::names;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use understudy_crds::v1alpha1::{Livestream, LivestreamSource, VirtualParticipant};

/// Of what an origin is made of: two of a namespace do not meet in 64 bits.
const ORIGIN_BYTES: usize = 8;

/// The kinds that can own pods and Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A participant: each has a pod.
    VirtualParticipant,
    /// A livestream: it has a Secret, and with others an origin.
    Livestream,
    /// What livestreams with a source take, however many they are. It is no object: it is there as long as one of them is.
    Origin,
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
    /// Its UID; of an origin, which has none, its name.
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
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VirtualParticipant => "VirtualParticipant",
            Self::Livestream => "Livestream",
            Self::Origin => "Origin",
        }
    }

    /// The label that names the owner of a pod.
    pub fn label(self) -> &'static str {
        match self {
            Self::VirtualParticipant => "understudy.dev/participant",
            Self::Livestream => "understudy.dev/livestream",
            Self::Origin => "understudy.dev/origin",
        }
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

    /// What a livestream takes with a pod of its own, if it has a source: the same to all who take the same. What its name is
    /// made of is not to be had from it.
    pub fn origin(livestream: &Livestream) -> Option<Self> {
        let source = livestream.spec.source.as_ref()?;
        let namespace = livestream.namespace().unwrap_or_default();
        let name = format!("origin-{}", digest(&namespace, source));
        Some(Self { kind: Kind::Origin, namespace, uid: name.clone(), name })
    }

    /// Whom the pod belongs to; `None` if to none of ours. An origin's belongs to livestreams, of which any may go; one that was
    /// left behind (`--cascade=orphan`) is the origin's still: who takes that next goes on with it.
    pub fn of_pod(pod: &Pod) -> Option<Self> {
        let namespace = pod.namespace().unwrap_or_default();
        let holds = |owner: &&OwnerReference, kind: Kind| is_ours(owner) && owner.kind == kind.as_str();
        let mut references = pod.owner_references().iter();
        if let Some(name) = pod.labels().get(Kind::Origin.label()) {
            let is_orphan = pod.owner_references().is_empty();
            let is_ours = is_orphan || references.any(|owner| holds(&owner, Kind::Livestream));
            return is_ours.then(|| Self {
                kind: Kind::Origin,
                namespace,
                name: name.clone(),
                uid: name.clone(),
            });
        }
        let kind = Kind::VirtualParticipant;
        let owner = references.find(|owner| owner.controller == Some(true) && holds(owner, kind))?;
        Some(Self { kind, namespace, name: owner.name.clone(), uid: owner.uid.clone() })
    }

    /// The livestreams that the pod goes with now.
    pub fn holders(pod: &Pod) -> impl Iterator<Item = Self> {
        let (kind, namespace) = (Kind::Livestream, pod.namespace().unwrap_or_default());
        let ours =
            pod.owner_references().iter().filter(move |owner| is_ours(owner) && owner.kind == kind.as_str());
        ours.map(move |owner| Self {
            kind,
            namespace: namespace.clone(),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        })
    }

    /// Whether the object goes with these, and with nobody else.
    pub fn hold<K: Resource>(holders: &[Self], object: &K) -> bool {
        let held = |owners: &[OwnerReference]| {
            let mut held: Vec<_> =
                owners.iter().map(|owner| (owner.uid.clone(), owner.controller == Some(true))).collect();
            held.sort();
            held
        };
        held(&Self::references(holders)) == held(object.owner_references())
    }

    /// By which an object goes with the last of these. The first is said to control it: tools that ask who would make it anew
    /// find somebody.
    pub fn references(holders: &[Self]) -> Vec<OwnerReference> {
        let controls = |at: usize| (at == 0).then_some(true);
        let all = holders.iter().enumerate();
        all.map(|(at, holder)| OwnerReference { controller: controls(at), ..holder.reference() }).collect()
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

    /// The metadata of what is deleted together with this owner, if it is an object.
    pub fn metadata(&self, name: String, component: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.labels(component)),
            owner_references: Some(vec![self.reference()]).filter(|_references| self.kind != Kind::Origin),
            ..ObjectMeta::default()
        }
    }

    /// The name of the pod of that attempt.
    pub fn pod(&self, attempt: i32) -> String {
        match self.kind {
            Kind::VirtualParticipant | Kind::Livestream => names::pod(&self.name, &self.uid, attempt),
            // Its name tells it apart already, and its pods are one after the other.
            Kind::Origin => format!("{}-{attempt}", self.name),
        }
    }

    /// The name of the Secret with the tokens that let people into its session.
    pub fn access_secret(&self) -> String {
        match self.kind {
            Kind::VirtualParticipant | Kind::Origin => names::access_secret(&self.name),
            Kind::Livestream => names::livestream_secret(&self.name),
        }
    }

    fn labels(&self, component: &str) -> BTreeMap<String, String> {
        [
            ("app.kubernetes.io/name", "understudy"),
            ("app.kubernetes.io/instance", &self.name),
            ("app.kubernetes.io/component", component),
            ("app.kubernetes.io/part-of", "understudy"),
            (names::MANAGER_LABEL, names::FIELD_MANAGER),
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

/// Of values by their names, each with its length before it. Pods outlive an operator, so that a later version has to come to the
/// same: a member that a source gets later is left out where it is absent.
fn digest(namespace: &str, source: &LivestreamSource) -> String {
    let secret = source.url_secret_ref.as_ref();
    let named = [
        ("namespace", Some(namespace)),
        ("profile", Some(&source.runtime_profile_name)),
        ("url", source.url.as_deref()),
        ("secret", secret.map(|secret| secret.name.as_str())),
        ("key", secret.map(|secret| secret.key.as_str())),
    ];
    let mut digest = Sha256::new();
    for (name, value) in named {
        if let Some(value) = value {
            digest.update(format!("{name} {} {value}\n", value.len()));
        }
    }
    digest.finalize().iter().take(ORIGIN_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

fn is_ours(owner: &OwnerReference) -> bool {
    let group = owner.api_version.split_once('/').map_or("", |(group, _version)| group);
    group == VirtualParticipant::group(&())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(kind: Kind) -> Owner {
        Owner { kind, namespace: "demo".into(), name: "ada".into(), uid: "2f4b9c1e-77aa".into() }
    }

    fn livestream(name: &str, source: serde_json::Value) -> Livestream {
        serde_json::from_value(serde_json::json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream",
            "metadata": {"name": name, "namespace": "demo", "uid": format!("uid-of-{name}")},
            "spec": {"source": source, "output": {"webRTC": {}}}
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_leads_back_to_its_participant() {
        let owner = owner(Kind::VirtualParticipant);
        let pod = Pod { metadata: owner.metadata(owner.pod(1), "session"), ..Pod::default() };
        assert_eq!(Owner::of_pod(&pod), Some(owner.clone()));
        assert_eq!(pod.labels()[Kind::VirtualParticipant.label()], "ada");
        assert!(owner.owns(&pod) && !owner.succeeds(&pod));
    }

    #[test]
    fn livestreams_of_one_source_have_one_origin_whose_pod_goes_with_the_last_of_them() {
        let url = |url: &str| serde_json::json!({"url": url});
        let (one, other) = (livestream("one", url("http://a/b")), livestream("other", url("http://a/b")));
        let origin = Owner::origin(&one).unwrap();
        assert_eq!(Owner::origin(&other), Some(origin.clone()));
        let mut elsewhere = livestream("one", url("http://a/b"));
        elsewhere.metadata.namespace = Some("other".into());
        let profile = serde_json::json!({"url": "http://a/b", "runtimeProfileName": "wide"});
        for another in [livestream("one", url("http://a/c")), livestream("one", profile), elsewhere] {
            assert_ne!(Owner::origin(&another).unwrap().uid, origin.uid);
        }

        let holders = [Owner::of(&one), Owner::of(&other)];
        let mut pod = Pod { metadata: origin.metadata(origin.pod(1), "session"), ..Pod::default() };
        assert_eq!(Owner::of_pod(&pod), Some(origin.clone()), "it was left behind");
        let mut foreign = holders[0].reference();
        foreign.api_version = "apps/v1".into();
        *pod.owner_references_mut() = vec![foreign];
        assert_eq!(Owner::of_pod(&pod), None, "somebody else has it");
        for held in [&holders[..], &holders[1..]] {
            *pod.owner_references_mut() = Owner::references(held);
            assert_eq!(Owner::of_pod(&pod), Some(origin.clone()));
            assert_eq!(pod.owner_references()[0].controller, Some(true));
            assert!(Owner::hold(held, &pod));
        }
        assert!(!Owner::hold(&holders, &pod), "one more came");
    }

    /// Another name is another pod, for all that run when an operator is upgraded.
    #[test]
    fn the_name_of_an_origin_is_the_same_in_every_version() {
        let secret = serde_json::json!({"urlSecretRef": {"name": "camera", "key": "url"}});
        let sources = [serde_json::json!({"url": "http://a/b"}), secret];
        let names = sources.map(|source| Owner::origin(&livestream("one", source)).unwrap().name);
        assert_eq!(names, ["origin-761df7c840cc9bb8", "origin-9e1b9f2267e99812"]);
    }

    #[test]
    fn a_pod_of_somebody_else_has_no_owner_here() {
        let mut pod = Pod {
            metadata: owner(Kind::VirtualParticipant).metadata("x".into(), "session"),
            ..Pod::default()
        };
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
