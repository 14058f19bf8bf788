//! Whether a pod that shows who it is still serves somebody. What the watch does not show may be newer than the watch, or
//! gone: the API server is asked once, since a session of what is gone must not be mistaken for one that is to come, nor the
//! other way round. A session whose pod or owner is gone, or going, is let in to be told to finish, and for nothing else.

use crate::control::identity::{Known, PodRef};
use crate::owner::{Kind, Owner};
use crate::store::Stores;
use k8s_openapi::api::core::v1::Pod;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::Duration;
use tonic::Status;
use understudy_crds::v1alpha1::VirtualParticipant;

/// A runtime waits 15 s for its Welcome, and the token review comes first.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// What a session is let in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It serves its owner, or will if somebody takes that again.
    Serves(Known),
    /// It is to finish; with whose it is, as far as that is known.
    Leaves(PodRef, Option<Owner>),
}

impl Standing {
    /// Whose it is.
    pub(super) fn pod(&self) -> &PodRef {
        match self {
            Self::Serves(known) => &known.pod,
            Self::Leaves(pod, _owner) => pod,
        }
    }
}

/// Whether an object of that name and UID is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Here,
    /// It is deleted and not gone yet.
    Going,
    /// Another one of the same name counts as none.
    Gone,
}

/// Finds out what became of pods and owners.
#[derive(Clone)]
pub(super) struct Registrar {
    pub(super) stores: Stores,
    pub(super) client: Client,
}

impl Registrar {
    /// What the pod is let in for. `Err`: it is none of ours, or nobody can tell now.
    pub(super) async fn standing(&self, pod: PodRef) -> Result<Standing, Status> {
        let watched = self.stores.pod(&pod.namespace, &pod.name).map(|watched| Pod::clone(&watched));
        let object = match watched.filter(|watched| presence(Some(watched), &pod.uid) != Presence::Gone) {
            Some(watched) => Some(watched),
            None => {
                let asked = self.ask::<Pod>(&pod.namespace, &pod.name).await?;
                asked.map(|PartialObjectMeta { metadata, .. }| Pod { metadata, ..Pod::default() })
            }
        };
        let owner = object.as_ref().and_then(Owner::of_pod);
        if presence(object.as_ref(), &pod.uid) != Presence::Here {
            return Ok(Standing::Leaves(pod, owner));
        }
        let owner = owner.ok_or_else(|| Status::permission_denied("the pod is not a session of ours"))?;
        let presence = match owner.kind {
            // It may be taken again at any time.
            Kind::Origin if self.is_wanted(&owner) || is_held(object.as_ref()) => Presence::Here,
            Kind::Origin => return Err(Status::permission_denied("the pod was left to itself")),
            Kind::VirtualParticipant | Kind::Livestream => self.owner(&owner).await?,
        };
        match presence {
            Presence::Here => Ok(Standing::Serves(Known { pod, owner })),
            Presence::Going | Presence::Gone => Ok(Standing::Leaves(pod, None)),
        }
    }

    async fn owner(&self, owner: &Owner) -> Result<Presence, Status> {
        let watched = self.stores.participant(&owner.namespace, &owner.name);
        match presence(watched.as_deref(), &owner.uid) {
            Presence::Gone => self.asked::<VirtualParticipant>(owner).await,
            watched => Ok(watched),
        }
    }

    /// Whether somebody takes what an origin's session fetches, now. Of others it is not known here.
    pub(super) fn is_wanted(&self, owner: &Owner) -> bool {
        owner.kind != Kind::Origin || self.stores.is_taken(owner)
    }

    async fn asked<K: Asked>(&self, owner: &Owner) -> Result<Presence, Status> {
        Ok(presence(self.ask::<K>(&owner.namespace, &owner.name).await?.as_ref(), &owner.uid))
    }

    /// Not what is in it: that may be something that this version cannot read.
    async fn ask<K: Asked>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<PartialObjectMeta<K>>, Status> {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        match tokio::time::timeout(ASK_TIMEOUT, api.get_metadata_opt(name)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                let kind = K::kind(&());
                tracing::warn!(error = &error as &dyn std::error::Error, %kind, "a session's object could not be read");
                Err(Status::unavailable("the API server cannot be asked now"))
            }
            Err(_late) => Err(Status::unavailable("the API server does not answer now")),
        }
    }
}

/// What can be asked for.
trait Asked:
    Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
}

impl<K> Asked for K where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned
{
}

fn is_held(pod: Option<&Pod>) -> bool {
    pod.is_some_and(|pod| !pod.owner_references().is_empty())
}

fn presence<K: Resource>(object: Option<&K>, uid: &str) -> Presence {
    match object {
        Some(object) if object.uid().as_deref() != Some(uid) => Presence::Gone,
        Some(object) if object.meta().deletion_timestamp.is_some() => Presence::Going,
        Some(_) => Presence::Here,
        None => Presence::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_is_there_until_it_is_deleted_and_another_of_its_name_is_another() {
        let pod = |metadata| serde_json::from_value::<Pod>(json!({"metadata": metadata})).unwrap();
        let here = pod(json!({"name": "ada-1", "uid": "u1"}));
        let going = pod(json!({"name": "ada-1", "uid": "u1", "deletionTimestamp": "2026-01-01T00:00:00Z"}));
        assert_eq!(presence(Some(&here), "u1"), Presence::Here);
        assert_eq!(presence(Some(&going), "u1"), Presence::Going);
        assert_eq!(presence(Some(&here), "u2"), Presence::Gone);
        assert_eq!(presence(None::<&Pod>, "u1"), Presence::Gone);
    }
}
