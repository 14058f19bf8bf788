//! What the API server holds, as this process last heard: participants, livestreams, session pods and runtime profiles, with
//! the two indexes that are needed. Changes mark whoever has to look, once the stores hold them.

mod changes;
mod followers;
mod index;
pub(crate) mod lean;
mod profiles;
mod scope;
mod served;
mod takers;
#[cfg(test)]
mod tests;
mod unread;

pub use followers::Follower;
pub use scope::Scope;
pub use served::MOST_LIVESTREAMS;
pub use unread::Unread;

use crate::names;
use crate::owner::{Kind, Owner};
use crate::profile::{Profiles, Stored};
use crate::store::changes::{Change, Changes};
use crate::store::followers::Followers;
use crate::store::index::Index;
use crate::store::profiles::ProfileStore;
use crate::store::scope::{everywhere, follow};
use crate::store::takers::Takers;
use crate::tasks::Feed;
use crate::trigger::Trigger;
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt};
use parking_lot::RwLock;
use std::collections::HashSet;
use std::sync::Arc;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// Everything that is watched.
#[derive(Clone)]
pub struct Stores {
    participants: Store<VirtualParticipant>,
    livestreams: Store<Livestream>,
    pods: Store<Pod>,
    profiles: ProfileStore,
    unread_participants: Unread<VirtualParticipant>,
    unread_livestreams: Unread<Livestream>,
    /// Namespace and name of a participant, to its livestreams.
    livestreams_of: Arc<RwLock<Index<(String, String), Livestream>>>,
    takers: Takers,
    /// UID of an owner, to its pods.
    pods_of: Arc<RwLock<Index<String, Pod>>>,
    followers: Followers,
}

/// What is to be looked at after a change.
#[derive(Clone, Default)]
pub struct Triggers {
    /// Participants to reconcile.
    pub participants: Trigger<VirtualParticipant>,
    /// Livestreams to reconcile.
    pub livestreams: Trigger<Livestream>,
    takers: Takers,
}

impl Triggers {
    /// Has the owner of a pod looked at soon.
    pub fn mark(&self, owner: &Owner) {
        match owner.kind {
            Kind::VirtualParticipant => self.participants.mark(&owner.namespace, &owner.name),
            Kind::Livestream => self.livestreams.mark(&owner.namespace, &owner.name),
            Kind::Origin => {
                for livestream in self.takers.of(&owner.uid) {
                    self.livestreams.mark(&owner.namespace, &livestream.name);
                }
            }
        }
    }
}

/// An object that is gone, by its UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departed<'a> {
    /// A participant.
    Participant(&'a str),
    /// A livestream.
    Livestream(&'a str),
    /// What livestreams took: the last of them is gone, or going.
    Origin(&'a str),
    /// A session pod.
    Pod(&'a str),
}

/// What is there at one moment, for those who keep something by UID or by namespace.
#[derive(Clone, Debug, Default)]
pub struct Present {
    /// UIDs of participants, livestreams, origins and session pods.
    pub uids: HashSet<String>,
    /// Namespaces with participants or origins.
    pub namespaces: HashSet<String>,
}

/// The four feeds of the stores; each runs until it is dropped.
struct Writers {
    participants: Writer<VirtualParticipant>,
    livestreams: Writer<Livestream>,
    pods: Writer<Pod>,
    profiles: Writer<Stored>,
}

impl Stores {
    /// What is watched, and the feeds that keep it up to date while they run. `departed` hears of every object that is gone,
    /// also of those that went while a watch was broken.
    pub fn watch(
        client: &Client,
        scope: &Scope,
        triggers: &Triggers,
        departed: impl Fn(Departed<'_>) + Clone + Send + 'static,
    ) -> (Self, [Feed; 4]) {
        let (stores, writers) = Self::empty(triggers.takers.clone());
        let all = watcher::Config::default();
        let sessions = watcher::Config::default().labels(names::SESSION_SELECTOR);
        let places = scope.readable(client, &all, &stores.participants, &stores.unread_participants);
        let participants = follow(places, writers.participants, {
            let (stores, marks, departed) = (stores.clone(), triggers.clone(), departed.clone());
            let mut changes = Changes::default();
            move |event| {
                let held = || stores.participants.state();
                changes.on(event, held, |change| stores.participant_changed(&marks, &departed, change));
            }
        });
        let places = scope.readable(client, &all, &stores.livestreams, &stores.unread_livestreams);
        let livestreams = follow(places, writers.livestreams, {
            let (stores, marks, departed) = (stores.clone(), triggers.clone(), departed.clone());
            let mut changes = Changes::default();
            move |event| {
                stores.livestreams_of.write().on(event, participant_of);
                stores.takers.on(event);
                let held = || stores.livestreams.state();
                changes.on(event, held, |change| stores.livestream_changed(&marks, &departed, change));
            }
        });
        let places = scope.places(client, &sessions).into_iter();
        let pods = follow(places.map(|place| place.leaner(lean::pod)).collect(), writers.pods, {
            let (stores, marks) = (stores.clone(), triggers.clone());
            let mut changes = Changes::default();
            move |event| {
                stores.pods_of.write().on(event, |pod| Owner::of_pod(pod).map(|owner| owner.uid));
                let held = || stores.pods.state();
                changes.on(event, held, |change| pod_changed(&marks, &departed, change));
            }
        });
        let profiles = follow(everywhere(client, &all), writers.profiles, {
            let (stores, marks) = (stores.clone(), triggers.clone());
            move |_event| stores.profiles_changed(&marks)
        });
        let feeds = [
            Feed::new("watch of participants", participants.boxed()),
            Feed::new("watch of livestreams", livestreams.boxed()),
            Feed::new("watch of pods", pods.boxed()),
            Feed::new("watch of runtime profiles", profiles.boxed()),
        ];
        (stores, feeds)
    }

    /// Waits until everything was listed once.
    pub async fn ready(&self) {
        // The writers live as long as the feeds; when those end, so does whoever waits here.
        let _ = self.participants.wait_until_ready().await;
        let _ = self.livestreams.wait_until_ready().await;
        let _ = self.pods.wait_until_ready().await;
        self.profiles.ready().await;
    }

    /// The shapes of pods.
    pub fn profiles(&self) -> Arc<Profiles> {
        self.profiles.all()
    }

    /// What was not listed yet.
    pub fn missing(&self) -> Vec<&'static str> {
        let listed = [
            ("participants", self.participants.wait_until_ready().now_or_never()),
            ("livestreams", self.livestreams.wait_until_ready().now_or_never()),
            ("pods", self.pods.wait_until_ready().now_or_never()),
        ];
        let mut missing: Vec<_> =
            listed.into_iter().filter(|(_, ready)| ready.is_none()).map(|(name, _)| name).collect();
        missing.extend(self.profiles.ready().now_or_never().is_none().then_some("runtime profiles"));
        missing
    }

    /// The UIDs of everything that is there, and the namespaces of participants.
    pub fn present(&self) -> Present {
        let (participants, livestreams, pods) =
            (self.participants.state(), self.livestreams.state(), self.pods.state());
        let origins: Vec<Owner> = livestreams.iter().filter_map(|object| Owner::origin(object)).collect();
        let namespaces = participants.iter().filter_map(|object| object.namespace());
        let namespaces = namespaces.chain(origins.iter().map(|origin| origin.namespace.clone())).collect();
        let uids = participants.iter().filter_map(|object| object.uid());
        let uids = uids.chain(livestreams.iter().filter_map(|object| object.uid()));
        let uids = uids.chain(origins.into_iter().map(|origin| origin.uid));
        Present { uids: uids.chain(pods.iter().filter_map(|object| object.uid())).collect(), namespaces }
    }

    /// The reader that a controller of participants runs on.
    pub fn participants(&self) -> Store<VirtualParticipant> {
        self.participants.clone()
    }

    /// The reader that a controller of livestreams runs on.
    pub fn livestreams(&self) -> Store<Livestream> {
        self.livestreams.clone()
    }

    /// Participants that this version cannot read.
    pub fn unread_participants(&self) -> &Unread<VirtualParticipant> {
        &self.unread_participants
    }

    /// Livestreams that this version cannot read.
    pub fn unread_livestreams(&self) -> &Unread<Livestream> {
        &self.unread_livestreams
    }

    /// The participant of that name.
    pub fn participant(&self, namespace: &str, name: &str) -> Option<Arc<VirtualParticipant>> {
        self.participants.get(&ObjectRef::new(name).within(namespace))
    }

    /// All participants of a namespace, or of all of them if it is empty, in the order of namespaces and names.
    pub fn participants_in(&self, namespace: &str) -> Vec<Arc<VirtualParticipant>> {
        let mut all = self.participants.state();
        all.retain(|participant| {
            namespace.is_empty() || participant.metadata.namespace.as_deref() == Some(namespace)
        });
        all.sort_by(|one, other| {
            let (one, other) = (&one.metadata, &other.metadata);
            (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name))
        });
        all
    }

    /// Hears of every participant that changes from now on.
    pub fn follow(&self) -> Follower {
        self.followers.join()
    }

    /// The session pod of that name.
    pub fn pod(&self, namespace: &str, name: &str) -> Option<Arc<Pod>> {
        self.pods.get(&ObjectRef::new(name).within(namespace))
    }

    /// All pods of an owner, by the owner's UID.
    pub fn pods_of(&self, uid: &str) -> Vec<Arc<Pod>> {
        self.pods_of.read().of(&uid.to_owned()).filter_map(|pod| self.pods.get(pod)).collect()
    }

    /// All livestreams of a participant, in the order of their names.
    pub fn livestreams_of(&self, namespace: &str, participant: &str) -> Vec<Arc<Livestream>> {
        let key = (namespace.to_owned(), participant.to_owned());
        let index = self.livestreams_of.read();
        let mut all: Vec<_> =
            index.of(&key).filter_map(|livestream| self.livestreams.get(livestream)).collect();
        all.sort_by_key(|livestream| livestream.name_any());
        all
    }

    fn empty(takers: Takers) -> (Self, Writers) {
        let (participants, participant_writer) = reflector::store();
        let (livestreams, livestream_writer) = reflector::store();
        let (pods, pod_writer) = reflector::store();
        let (profiles, profile_writer) = reflector::store();
        let (unread_participants, unread_livestreams) = Default::default();
        let (livestreams_of, pods_of, followers) = Default::default();
        let writers = Writers {
            participants: participant_writer,
            livestreams: livestream_writer,
            pods: pod_writer,
            profiles: profile_writer,
        };
        let profiles = ProfileStore::new(profiles);
        let stores = Self {
            participants,
            livestreams,
            pods,
            profiles,
            unread_participants,
            unread_livestreams,
            livestreams_of,
            takers,
            pods_of,
            followers,
        };
        (stores, writers)
    }

    fn participant_changed(
        &self,
        marks: &Triggers,
        departed: &impl Fn(Departed<'_>),
        change: Change<'_, VirtualParticipant>,
    ) {
        let participant = change.object();
        let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
        marks.participants.mark(&namespace, &name);
        self.followers.tell(&namespace, &name);
        for livestream in self.livestreams_of(&namespace, &name) {
            marks.livestreams.mark(&namespace, &livestream.name_any());
        }
        if let Some(uid) = gone(change) {
            departed(Departed::Participant(uid));
        }
    }

    /// Its participant is looked at, and all who take the same.
    fn livestream_changed(
        &self,
        marks: &Triggers,
        departed: &impl Fn(Departed<'_>),
        change: Change<'_, Livestream>,
    ) {
        let livestream = change.object();
        let namespace = livestream.namespace().unwrap_or_default();
        marks.livestreams.mark(&namespace, &livestream.name_any());
        if let Some((namespace, participant)) = participant_of(livestream) {
            marks.participants.mark(&namespace, &participant);
            // Which are too many may be others now.
            let all = self.livestreams_of(&namespace, &participant);
            for other in all.iter().filter(|_other| all.len() >= MOST_LIVESTREAMS) {
                marks.livestreams.mark(&namespace, &other.name_any());
            }
        }
        if let Some(origin) = Owner::origin(livestream) {
            marks.mark(&origin);
            if !self.is_taken(&origin) {
                departed(Departed::Origin(&origin.uid));
            }
        }
        if let Some(uid) = gone(change) {
            departed(Departed::Livestream(uid));
        }
    }

    /// Who names what changed is looked at: one may have waited for it, or may not have a page any more.
    fn profiles_changed(&self, marks: &Triggers) {
        let changed = self.profiles.renew();
        if changed.is_empty() {
            return;
        }
        for participant in self.participants.state() {
            if changed.contains(&participant.spec.runtime_profile_name) {
                marks
                    .participants
                    .mark(&participant.namespace().unwrap_or_default(), &participant.name_any());
            }
        }
        for livestream in self.livestreams.state() {
            let source = livestream.spec.source.as_ref();
            if source.is_some_and(|source| changed.contains(&source.runtime_profile_name)) {
                marks.livestreams.mark(&livestream.namespace().unwrap_or_default(), &livestream.name_any());
            }
        }
    }
}

fn participant_of(livestream: &Livestream) -> Option<(String, String)> {
    let participant = livestream.spec.participant_ref.as_ref()?;
    Some((livestream.namespace().unwrap_or_default(), participant.name.clone()))
}

fn pod_changed(marks: &Triggers, departed: &impl Fn(Departed<'_>), change: Change<'_, Pod>) {
    if let Some(owner) = Owner::of_pod(change.object()) {
        marks.mark(&owner);
    }
    if let Some(uid) = gone(change) {
        departed(Departed::Pod(uid));
    }
}

fn gone<K: Resource>(change: Change<'_, K>) -> Option<&str> {
    match change {
        Change::Departed(object) => object.meta().uid.as_deref(),
        Change::Changed(_) => None,
    }
}
