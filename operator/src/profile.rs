//! Runtime profiles as the operator uses them: the shape of session pods, decided by the platform and not by whoever may
//! create participants. Pure: objects in, shapes or the reasons why there are none out.

use crate::redact;
use ipnet::IpNet;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use understudy_crds::v1alpha1::{RuntimeProfile, RuntimeProfileSpec};

/// How many characters of its digest name a revision: two shapes of one profile do not meet in 40 bits.
const REVISION_CHARACTERS: usize = 10;

/// A profile as the API server holds it. One that this version cannot read is one that cannot be used, and takes no other
/// along.
pub type Stored = DeserializeGuard<RuntimeProfile>;

/// The shape of session pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Names the spec: the same spec has the same revision, at any time.
    pub revision: String,
    /// What the platform wrote.
    pub spec: RuntimeProfileSpec,
}

/// Why a profile cannot be used: the platform's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was written for another version.
    #[error("this version of the operator cannot read it: {0}")]
    Unread(String),
    /// An older definition let it in.
    #[error(
        "spec.allowPrivateUrls: {0:?} is neither a network (as 10.0.0.0/8) nor an address; \"*\" stands alone"
    )]
    Network(String),
}

/// All profiles by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    profiles: BTreeMap<String, Result<Arc<Profile>, Unusable>>,
}

impl Profile {
    /// The shape that the spec describes.
    pub fn new(name: &str, spec: RuntimeProfileSpec) -> Result<Self, Unusable> {
        let all = spec.allow_private_urls == ["*"];
        match spec.allow_private_urls.iter().find(|one| !all && !is_network(one)) {
            Some(wrong) => Err(Unusable::Network(wrong.clone())),
            None => Ok(Self { name: name.into(), revision: revision(&spec), spec }),
        }
    }

    /// The addresses that are allowed, as the runtime reads them; `None`: there are none.
    pub fn private_urls(&self) -> Option<String> {
        let list = &self.spec.allow_private_urls;
        (!list.is_empty()).then(|| list.join(","))
    }
}

/// Read as the runtime reads it.
fn is_network(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

/// What a profile leaves out is not written, so that a field of a later version changes no revision.
fn revision(spec: &RuntimeProfileSpec) -> String {
    let text = serde_json::to_vec(spec).unwrap_or_default();
    let digest = Sha256::digest(&text);
    let hexadecimal = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    hexadecimal.chars().take(REVISION_CHARACTERS).collect()
}

impl Profiles {
    /// Made of pairs, for whoever has no cluster.
    pub fn new(profiles: impl IntoIterator<Item = (String, RuntimeProfileSpec)>) -> Self {
        let read = |(name, spec): (String, _)| {
            let profile = Profile::new(&name, spec).map(Arc::new);
            (name, profile)
        };
        Self { profiles: profiles.into_iter().map(read).collect() }
    }

    /// As the API server holds them.
    pub fn of(objects: impl IntoIterator<Item = Arc<Stored>>) -> Self {
        let profiles = objects.into_iter().map(|object| {
            let name = object.name_any();
            let profile = match &object.0 {
                Ok(profile) => Profile::new(&name, profile.spec.clone()).map(Arc::new),
                Err(invalid) => Err(Unusable::Unread(redact::without_values(&invalid.error))),
            };
            (name, profile)
        });
        Self { profiles: profiles.collect() }
    }

    /// The profile of that name; `None` if there is none.
    pub fn get(&self, name: &str) -> Option<Result<&Profile, &Unusable>> {
        self.profiles.get(name).map(|profile| profile.as_ref().map(AsRef::as_ref))
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// The names of those that are not the same in both: new ones and gone ones too.
    pub fn differing(&self, other: &Self) -> BTreeSet<String> {
        let names = self.profiles.keys().chain(other.profiles.keys());
        names.filter(|name| self.profiles.get(*name) != other.profiles.get(*name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(name: &str, spec: &serde_json::Value) -> Arc<Stored> {
        let object = json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "RuntimeProfile", "metadata": {"name": name}, "spec": spec
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn only(spec: &serde_json::Value) -> Result<Profile, Unusable> {
        Profiles::of([stored("x", spec)]).get("x").unwrap().cloned().map_err(Clone::clone)
    }

    #[test]
    fn an_image_is_all_that_a_profile_needs() {
        let profile = only(&json!({"image": "understudy/runtime:1"})).unwrap();
        assert_eq!(profile.spec, RuntimeProfileSpec::of_image("understudy/runtime:1"));
    }

    #[test]
    fn a_profile_that_cannot_be_read_takes_no_other_along() {
        let profiles = Profiles::of([
            stored("new", &json!({"image": "i", "camera": "hologram"})),
            stored("default", &json!({"image": "i"})),
        ]);
        assert!(matches!(profiles.get("new"), Some(Err(Unusable::Unread(_)))));
        assert!(matches!(profiles.get("default"), Some(Ok(_))));
    }

    #[test]
    fn private_urls_are_networks_or_all_of_them() {
        let setting = |list: serde_json::Value| {
            only(&json!({"image": "i", "allowPrivateUrls": list})).map(|profile| profile.private_urls())
        };
        assert_eq!(setting(json!([])), Ok(None));
        assert_eq!(setting(json!(["*"])), Ok(Some("*".into())));
        assert_eq!(
            setting(json!(["10.0.0.0/8", "fd00::/8", "192.0.2.1"])),
            Ok(Some("10.0.0.0/8,fd00::/8,192.0.2.1".into()))
        );
        for wrong in ["10.0.0.0/33", "camera.lan", "10.0.0.0/", "*"] {
            assert_eq!(setting(json!(["10.1.0.0/16", wrong])), Err(Unusable::Network(wrong.into())));
        }
    }

    #[test]
    fn a_revision_names_what_a_profile_says_and_not_when_or_by_whom_it_was_said() {
        let revision = |spec| only(&spec).unwrap().revision;
        let plain = revision(json!({"image": "i"}));
        assert_eq!(plain.len(), REVISION_CHARACTERS);
        assert_eq!(plain, revision(json!({"image": "i", "camera": "auto", "tolerations": []})));
        assert_ne!(plain, revision(json!({"image": "j"})));
    }

    #[test]
    fn profiles_that_came_went_or_changed_differ() {
        let of = |specs: &[(&str, &str)]| {
            Profiles::new(
                specs.iter().map(|(name, image)| ((*name).into(), RuntimeProfileSpec::of_image(image))),
            )
        };
        let (before, after) =
            (of(&[("a", "1"), ("b", "1"), ("c", "1")]), of(&[("a", "1"), ("b", "2"), ("d", "1")]));
        let differing: Vec<String> = before.differing(&after).into_iter().collect();
        assert_eq!(differing, ["b", "c", "d"]);
    }
}
