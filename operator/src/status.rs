//! The only writer of `.status`: nothing periodic, nothing when nothing changed, changes that follow each other quickly
//! share one write, and what comes and goes is not written each time.

mod urgency;

mod pace;

use crate::condition::Said;
use crate::names;
use crate::status::pace::Pace;
use crate::status::urgency::urgency;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::time::{Duration, Instant};
use understudy_crds::v1alpha1::{
    Livestream, LivestreamPhase, LivestreamStatus, VirtualParticipant, VirtualParticipantStatus,
};

/// An object with a status of ours.
pub trait Reported:
    Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope> + Clone + Debug + DeserializeOwned
{
    /// Its status.
    type Status: Clone + PartialEq + Serialize;
    /// The status as the object has it.
    fn status(&self) -> Option<&Self::Status>;
    /// What a status says.
    fn said(status: &Self::Status) -> Said<'_>;
    /// Whether both have the same phase, for whoever waits for one: viewers come and go.
    fn same_phase(one: &Self::Status, other: &Self::Status) -> bool;
    /// Whether something has come to its end: whoever knew may be gone before it is said again.
    fn settles(_before: &Self::Status, _after: &Self::Status) -> bool {
        false
    }
    /// Whether it holds only as long as nobody has written anything else meanwhile.
    fn is_conditional(_before: Option<&Self::Status>, _after: &Self::Status) -> bool {
        false
    }
}

/// When a status that is conditional is tried again, should the watch not show before what was written meanwhile.
const AGAIN: Duration = Duration::from_secs(1);

/// What became of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is written, or nothing had to be.
    Done,
    /// It will have to be written at that time, unless something else is until then.
    Later(Duration),
}

/// Writes the status of one kind.
pub struct Publisher<K: Reported> {
    client: Client,
    written: Mutex<HashMap<String, Written<K::Status>>>,
}

/// What this process last did to one object: the watch may not have shown it yet.
struct Written<Status> {
    version: u64,
    status: Option<Status>,
    pace: Pace,
}

impl<Status> Default for Written<Status> {
    fn default() -> Self {
        Self { version: 0, status: None, pace: Pace::default() }
    }
}

impl<K: Reported> Publisher<K> {
    /// Writes through this client.
    pub fn new(client: Client) -> Self {
        Self { client, written: Mutex::default() }
    }

    /// The newest status that is known of the object: what the watch shows, or what was written after that.
    pub fn latest(&self, object: &K) -> Option<K::Status> {
        let written = self.written.lock();
        let ours = written
            .get(&object.uid().unwrap_or_default())
            .filter(|written| written.version > version(object));
        ours.and_then(|written| written.status.clone()).or_else(|| object.status().cloned())
    }

    /// Makes the object's status be `status`.
    pub async fn publish(&self, object: &K, status: K::Status) -> Result<Published, kube::Error> {
        let before = self.latest(object);
        if before.as_ref() == Some(&status) {
            self.with(object, |written| written.pace.settle());
            return Ok(Published::Done);
        }
        let urgency = urgency::<K>(before.as_ref(), &status);
        if let Some(rest) = self.with(object, |written| written.pace.rest(urgency, Instant::now())) {
            return Ok(Published::Later(rest));
        }
        let only = K::is_conditional(before.as_ref(), &status).then(|| object.resource_version()).flatten();
        let version = match self.write(object, &status, only.as_deref()).await {
            Err(kube::Error::Api(refused)) if only.is_some() && refused.is_conflict() => {
                return Ok(Published::Later(AGAIN));
            }
            written => version(&written?),
        };
        self.with(object, |written| {
            (written.version, written.status) = (version, Some(status));
            written.pace.written(urgency, Instant::now());
        });
        Ok(Published::Done)
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.written.lock().remove(uid);
    }

    /// Forgets all others.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.written.lock().retain(|uid, _| uids.contains(uid));
    }

    /// Somebody may have written a spec meanwhile that this version cannot read. With `only`, a version, nobody may have written
    /// anything since that.
    async fn write(
        &self,
        object: &K,
        status: &K::Status,
        only: Option<&str>,
    ) -> Result<DeserializeGuard<K>, kube::Error> {
        let api: Api<DeserializeGuard<K>> =
            Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());
        let mut patch = serde_json::json!({
            "apiVersion": K::api_version(&()),
            "kind": K::kind(&()),
            // Without it, an object that was deleted and made again would get the status of its predecessor.
            "metadata": {"uid": object.uid()},
            "status": status,
        });
        if let Some(only) = only {
            patch["metadata"]["resourceVersion"] = only.into();
        }
        let params = PatchParams::apply(names::FIELD_MANAGER).force();
        tracing::debug!(name = object.name_any(), "status is written");
        api.patch_status(&object.name_any(), &params, &Patch::Apply(patch)).await
    }

    fn with<T>(&self, object: &K, change: impl FnOnce(&mut Written<K::Status>) -> T) -> T {
        change(self.written.lock().entry(object.uid().unwrap_or_default()).or_default())
    }
}

/// Resource versions of one object rise.
fn version<K: Resource>(object: &K) -> u64 {
    object.meta().resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0)
}

impl Reported for VirtualParticipant {
    type Status = VirtualParticipantStatus;

    fn status(&self) -> Option<&Self::Status> {
        self.status.as_ref()
    }

    fn said(status: &Self::Status) -> Said<'_> {
        Said { conditions: &status.conditions, failing: &status.failing }
    }

    fn same_phase(one: &Self::Status, other: &Self::Status) -> bool {
        one.phase == other.phase
    }

    fn settles(before: &Self::Status, after: &Self::Status) -> bool {
        before.last_session != after.last_session || rests(before) != rests(after)
    }

    /// That it rests: an invitation that was written at the same moment wakes it.
    fn is_conditional(before: Option<&Self::Status>, after: &Self::Status) -> bool {
        rests(after) && !before.is_some_and(rests)
    }
}

fn rests(status: &VirtualParticipantStatus) -> bool {
    status.rest.as_ref().is_some_and(|rest| rest.reason.is_some())
}

impl Reported for Livestream {
    type Status = LivestreamStatus;

    fn status(&self) -> Option<&Self::Status> {
        self.status.as_ref()
    }

    fn said(status: &Self::Status) -> Said<'_> {
        Said { conditions: &status.conditions, failing: &status.failing }
    }

    fn same_phase(one: &Self::Status, other: &Self::Status) -> bool {
        let served = |phase| matches!(phase, Some(LivestreamPhase::Ready | LivestreamPhase::Active));
        one.phase == other.phase || (served(one.phase) && served(other.phase))
    }
}
