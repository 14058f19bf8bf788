//! The only writer of objects that participants and livestreams own.
//!
//! Pods and Secrets are created and never changed, so they are created plainly: a name that is taken by our own is a
//! success, one that is taken by somebody else's a failure. What is kept up to date is applied server-side.

mod access;
#[cfg(test)]
mod roots_tests;

pub use access::{Access, Holders};

use crate::apply::access::Known;
use crate::names;
use crate::owner::Owner;
use crate::resource;
use crate::store::Present;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So long what was written is taken to be there: many pods that are made at once need it written once.
const THERE: Duration = Duration::from_secs(2);
/// How the API server answers for an admission webhook that says no and gives no code of its own.
const DENIED: u16 = 400;

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server refused it: a quota, a policy, or a missing right. The site's to repair.
    #[error("the API server refused {what}: {message}")]
    Refused {
        /// What was to be written.
        what: String,
        /// The API server's words.
        message: String,
    },
    /// The API server refused a Secret with tokens: a quota, a policy, or a missing right.
    #[error("the API server refused the Secret {0}: {1}")]
    RefusedSecret(String, String),
    /// The API server is away, or somebody else was quicker.
    #[error("the API server could not be asked")]
    Api(#[from] kube::Error),
    /// A Secret of that name is somebody else's.
    #[error("the Secret {0} was not made for this object; rename or delete it")]
    ForeignSecret(String),
    /// The Secret is still that of an earlier object of the same name.
    #[error(
        "the Secret {0} of an earlier object of that name does not go; its finalizers may say who holds it"
    )]
    PredecessorsSecret(String),
    /// A Secret whose tokens are no longer in use is still there.
    #[error("the Secret {0} was asked to go and does not; its finalizers may say who holds it")]
    StaleSecret(String),
    /// A Secret of ours was changed by somebody.
    #[error("the Secret {0} has no usable token {1:?}; delete it to have new ones made")]
    IncompleteSecret(String, &'static str),
    /// A pod of that name is somebody else's.
    #[error("the pod {0} does not belong to this object, by its owner references; delete it")]
    ForeignPod(String),
}

/// Writes through one client.
pub struct Writer {
    client: Client,
    /// The roots that sessions trust, in PEM.
    roots: Mutex<String>,
    /// Secrets are read by name and never watched (the right to list them would open all Secrets), so that this is how long
    /// a deleted or changed one may go unnoticed by whoever is looked at.
    fresh: Duration,
    /// Namespaces that have it, as far as this process wrote it, and when it did last.
    published: Mutex<HashMap<String, Instant>>,
    /// The Secrets with tokens, by the UID of a participant or livestream.
    known: Mutex<HashMap<String, Known>>,
}

impl Writer {
    /// `roots` are those of the control link's authority. Tokens that were read within `fresh` are not read again.
    pub fn new(client: Client, roots: String, fresh: Duration) -> Self {
        let roots = Mutex::new(roots);
        Self { client, roots, fresh, published: Mutex::default(), known: Mutex::default() }
    }

    /// Has sessions trust these roots, wherever there are any. A namespace where that fails has them at its next look.
    pub async fn trust(&self, roots: String) {
        *self.roots.lock() = roots;
        let published = std::mem::take(&mut *self.published.lock());
        for namespace in published.into_keys() {
            if let Err(error) = self.publish_roots(&namespace).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    namespace,
                    "roots could not be published"
                );
            }
        }
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.known.lock().remove(uid);
    }

    /// Forgets all objects and namespaces but these.
    pub fn keep(&self, present: &Present) {
        self.known.lock().retain(|uid, _| present.uids.contains(uid));
        self.published.lock().retain(|namespace, _| present.namespaces.contains(namespace));
    }

    /// Creates the pod. The pod as it is.
    pub async fn create_pod(&self, owner: &Owner, pod: &Pod) -> Result<Pod, Error> {
        let api: Api<Pod> = self.api(owner);
        let name = pod.name_any();
        let created = match api.create(&PostParams::default(), pod).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => api.get(&name).await?,
            created => created.map_err(|error| refused(error, format!("pod {name}")))?,
        };
        if Owner::of_pod(&created).as_ref() != Some(owner) {
            return Err(Error::ForeignPod(name));
        }
        tracing::info!(pod = name, "pod was created");
        Ok(created)
    }

    /// The pod as the API server has it now: for when the watch may lag behind.
    pub async fn read_pod(&self, owner: &Owner, name: &str) -> Result<Option<Pod>, Error> {
        Ok(self.api::<Pod>(owner).get_opt(name).await?)
    }

    /// Has a pod go with the last of these objects; another of the same name is left alone.
    pub async fn hold(&self, owner: &Owner, pod: &Pod, holders: &[Owner]) -> Result<(), Error> {
        let metadata = json!({"uid": pod.uid(), "ownerReferences": Owner::references(holders)});
        let patch = Patch::Merge(json!({"metadata": metadata}));
        let params =
            PatchParams { field_manager: Some(names::FIELD_MANAGER.into()), ..PatchParams::default() };
        match self.api::<Pod>(owner).patch_metadata(&pod.name_any(), &params, &patch).await {
            Ok(_held) => Ok(()),
            // It is gone, or going: the watch will show that.
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(refused(error, format!("the owners of the pod {}", pod.name_any()))),
        }
    }

    /// Removes a pod that has ended; another of the same name is left alone.
    pub async fn delete_pod(&self, owner: &Owner, pod: &Pod) -> Result<(), Error> {
        let only = Preconditions { uid: pod.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(only), ..DeleteParams::default() };
        match self.api::<Pod>(owner).delete(&pod.name_any(), &params).await {
            Ok(_deleted) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What was written while others came to be trusted may have taken the place of those: then it is not what is to be there,
    /// and is written anew.
    async fn publish_roots(&self, namespace: &str) -> Result<(), Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        loop {
            let roots = self.roots.lock().clone();
            let object = resource::ca_config_map(namespace, &roots);
            api.patch(names::CA_CONFIG_MAP, &params, &Patch::Apply(&object))
                .await
                .map_err(|error| refused(error, format!("ConfigMap {}", names::CA_CONFIG_MAP)))?;
            if *self.roots.lock() == roots {
                self.published.lock().insert(namespace.into(), Instant::now());
                return Ok(());
            }
            self.published.lock().remove(namespace);
        }
    }

    /// Writes the roots into the owner's namespace, unless that was done just now.
    pub async fn publish_root(&self, owner: &Owner) -> Result<(), Error> {
        if self.published.lock().get(&owner.namespace).is_some_and(|at| at.elapsed() < THERE) {
            return Ok(());
        }
        self.publish_roots(&owner.namespace).await
    }

    /// Once a namespace in the life of a leader, before a session is told anything: a root that changed is spread where pods
    /// already run.
    pub async fn publish_root_once(&self, owner: &Owner) -> Result<(), Error> {
        if self.published.lock().contains_key(&owner.namespace) {
            return Ok(());
        }
        self.publish_roots(&owner.namespace).await
    }

    fn api<K>(&self, owner: &Owner) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &owner.namespace)
    }
}

fn refused(error: kube::Error, what: String) -> Error {
    match error {
        kube::Error::Api(status) if status.is_forbidden() || status.is_invalid() || status.code == DENIED => {
            Error::Refused { what, message: status.message.clone() }
        }
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_policy_denies_is_refused_and_what_fails_is_tried_again() {
        let answered = |(code, reason)| {
            let status = kube::core::Status::failure("denied", reason).with_code(code);
            refused(kube::Error::Api(status.boxed()), "pod ada-1".into())
        };
        for answer in [(400, "BadRequest"), (403, "Forbidden"), (422, "Invalid")] {
            assert!(matches!(answered(answer), Error::Refused { .. }), "{answer:?}");
        }
        for answer in [(409, "Conflict"), (429, "TooManyRequests"), (500, "InternalError")] {
            assert!(matches!(answered(answer), Error::Api(_)), "{answer:?}");
        }
    }
}
