//! What the API server holds, as this process last heard: participants, livestreams and session pods, with the two
//! indexes that are needed. Changes mark whoever has to look.

mod index;

use crate::names;
use crate::owner::{Kind, Owner};
use crate::store::index::Index;
use crate::trigger::Trigger;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{self, ObjectRef, Store, reflector};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use understudy_crds::v1alpha1::{Livestream, VirtualParticipant};

/// Everything that is watched.
#[derive(Clone)]
pub struct Stores {
    participants: Store<VirtualParticipant>,
    livestreams: Store<Livestream>,
    pods: Store<Pod>,
    /// Namespace and name of a participant, to its livestreams.
    livestreams_of: Arc<RwLock<Index<(String, String), Livestream>>>,
    /// UID of an owner, to its pods.
    pods_of: Arc<RwLock<Index<String, Pod>>>,
}

/// What is to be looked at after a change.
#[derive(Clone, Default)]
pub struct Triggers {
    /// Participants to reconcile.
    pub participants: Trigger<VirtualParticipant>,
    /// Livestreams to reconcile.
    pub livestreams: Trigger<Livestream>,
}

impl Triggers {
    /// Has the owner of a pod looked at soon.
    pub fn mark(&self, owner: &Owner) {
        match owner.kind {
            Kind::VirtualParticipant => self.participants.mark(&owner.namespace, &owner.name),
            Kind::Livestream => self.livestreams.mark(&owner.namespace, &owner.name),
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
    /// A session pod.
    Pod(&'a str),
}

/// The three feeds of the stores; each runs until it is dropped.
struct Writers {
    participants: Writer<VirtualParticipant>,
    livestreams: Writer<Livestream>,
    pods: Writer<Pod>,
}

impl Stores {
    /// Starts to watch, on `tasks`, until `shutdown`. `departed` hears of objects that were deleted; of those that were
    /// while the watch was broken it does not.
    pub fn watch(
        client: &Client,
        triggers: &Triggers,
        departed: impl Fn(Departed<'_>) + Clone + Send + 'static,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Self {
        let (stores, writers) = Self::empty();
        let (all, marks, gone) = (stores.clone(), triggers.clone(), departed.clone());
        let feed = follow(client.clone(), watcher::Config::default(), writers.participants, move |event| {
            each(event, |participant| all.participant_changed(&marks, participant));
            deleted(event, |uid| gone(Departed::Participant(uid)));
        });
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(feed));

        let (all, marks, gone) = (stores.clone(), triggers.clone(), departed.clone());
        let feed = follow(client.clone(), watcher::Config::default(), writers.livestreams, move |event| {
            all.livestreams_of.write().on(event, origin);
            each(event, |livestream| livestream_changed(&marks, livestream));
            deleted(event, |uid| gone(Departed::Livestream(uid)));
        });
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(feed));

        let (all, marks) = (stores.clone(), triggers.clone());
        let sessions = watcher::Config::default().labels(names::SESSION_SELECTOR);
        let feed = follow(client.clone(), sessions, writers.pods, move |event| {
            all.pods_of.write().on(event, |pod| Owner::of_pod(pod).map(|owner| owner.uid));
            each(event, |pod| pod_changed(&marks, pod));
            deleted(event, |uid| departed(Departed::Pod(uid)));
            if matches!(event, Event::InitDone) {
                all.mark_all(&marks); // pods may have vanished unheard
            }
        });
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(feed));
        stores
    }

    /// Waits until everything was listed once.
    pub async fn ready(&self) {
        // The writers live as long as the feeds; when those end, so does whoever waits here.
        let _ = self.participants.wait_until_ready().await;
        let _ = self.livestreams.wait_until_ready().await;
        let _ = self.pods.wait_until_ready().await;
    }

    /// The reader that a controller of participants runs on.
    pub fn participants(&self) -> Store<VirtualParticipant> {
        self.participants.clone()
    }

    /// The reader that a controller of livestreams runs on.
    pub fn livestreams(&self) -> Store<Livestream> {
        self.livestreams.clone()
    }

    /// The participant of that name.
    pub fn participant(&self, namespace: &str, name: &str) -> Option<Arc<VirtualParticipant>> {
        self.participants.get(&ObjectRef::new(name).within(namespace))
    }

    /// The UID of the object that has an owner's name now; `None` if none has.
    pub fn uid_of(&self, owner: &Owner) -> Option<String> {
        match owner.kind {
            Kind::VirtualParticipant => self.participant(&owner.namespace, &owner.name)?.uid(),
            Kind::Livestream => {
                self.livestreams.get(&ObjectRef::new(&owner.name).within(&owner.namespace))?.uid()
            }
        }
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

    fn empty() -> (Self, Writers) {
        let (participants, participant_writer) = reflector::store();
        let (livestreams, livestream_writer) = reflector::store();
        let (pods, pod_writer) = reflector::store();
        let (livestreams_of, pods_of) = Default::default();
        let writers =
            Writers { participants: participant_writer, livestreams: livestream_writer, pods: pod_writer };
        (Self { participants, livestreams, pods, livestreams_of, pods_of }, writers)
    }

    fn participant_changed(&self, marks: &Triggers, participant: &VirtualParticipant) {
        let (namespace, name) = (participant.namespace().unwrap_or_default(), participant.name_any());
        marks.participants.mark(&namespace, &name);
        for livestream in self.livestreams_of(&namespace, &name) {
            marks.livestreams.mark(&namespace, &livestream.name_any());
        }
    }

    fn mark_all(&self, marks: &Triggers) {
        for participant in self.participants.state() {
            self.participant_changed(marks, &participant);
        }
    }
}

fn origin(livestream: &Livestream) -> Option<(String, String)> {
    let participant = livestream.spec.participant_ref.as_ref()?;
    Some((livestream.namespace().unwrap_or_default(), participant.name.clone()))
}

fn livestream_changed(marks: &Triggers, livestream: &Livestream) {
    let namespace = livestream.namespace().unwrap_or_default();
    marks.livestreams.mark(&namespace, &livestream.name_any());
    if let Some((namespace, participant)) = origin(livestream) {
        marks.participants.mark(&namespace, &participant);
    }
}

fn pod_changed(marks: &Triggers, pod: &Pod) {
    if let Some(owner) = Owner::of_pod(pod) {
        marks.mark(&owner);
    }
}

/// Watches one kind for ever, with back-off; `on` sees each event after the store holds it.
async fn follow<K>(client: Client, config: watcher::Config, writer: Writer<K>, on: impl Fn(&Event<K>))
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let watched = watcher(Api::<K>::all(client), config).default_backoff().modify(|object| {
        object.managed_fields_mut().clear();
    });
    let mut events = std::pin::pin!(reflector(writer, watched));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => on(&event),
            Err(error) => {
                let kind = K::kind(&());
                tracing::warn!(error = &error as &dyn std::error::Error, %kind, "watch broke; it starts again");
            }
        }
    }
}

fn each<K>(event: &Event<K>, on: impl Fn(&K)) {
    match event {
        Event::Apply(object) | Event::InitApply(object) | Event::Delete(object) => on(object),
        Event::Init | Event::InitDone => {}
    }
}

fn deleted<K: Resource>(event: &Event<K>, on: impl Fn(&str)) {
    if let Event::Delete(object) = event
        && let Some(uid) = &object.meta().uid
    {
        on(uid);
    }
}
