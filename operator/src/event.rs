//! Kubernetes Events: failures and outcomes, not every step. One cause of one object is one Event, with the number of times
//! that it was the case and the last of them. Its name follows from object and cause, so that another leader finds it.

mod happenings;
mod news;
mod series;
#[cfg(test)]
mod tests;

pub use news::{News, Recurs, Session, failures, outcome, recovery, told_once, unread};

use crate::event::happenings::Told;
use crate::event::news::news_of;
use crate::event::series::{Series, Write};
use hmac::digest::Digest;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use serde_json::json;
use sha2::Sha256;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Writes Events.
pub struct Recorder {
    client: Client,
    /// This process.
    instance: String,
    leading_since: Timestamp,
    /// Pod UID to what was told of it.
    told: Mutex<HashMap<String, Told>>,
    /// UID of an object, and a cause, to how often it was the case.
    series: Mutex<HashMap<String, HashMap<String, Entry>>>,
}

/// What is needed to write a number into an Event without its object.
struct Entry {
    namespace: String,
    event: String,
    series: Series,
}

/// One series of which something is to be written, which is taken for written.
struct Due {
    uid: String,
    cause: String,
    namespace: String,
    event: String,
    write: Write,
}

/// Causes of one object that are counted apart; sessions choose them, and shall not fill the memory.
const MOST_CAUSES: usize = 64;
/// The cause that all further ones together are.
const ALL_FURTHER: &str = "";
/// The API server takes no longer one, and counts bytes.
const LONGEST_NOTE_BYTES: usize = 1024;
/// An Event is worth no more waiting: the log has it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

impl Recorder {
    /// `instance` names this process, which begins to lead now.
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            client,
            instance: instance.into(),
            // Sessions tell whole seconds; what happened in this one was told by nobody else yet.
            leading_since: Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default(),
            told: Mutex::default(),
            series: Mutex::default(),
        }
    }

    /// Tells what happened in a session and was not told yet.
    pub async fn happenings<K>(&self, about: &K, session: Session<'_>)
    where
        K: Resource<DynamicType = ()>,
    {
        let Session { pod_uid, boot_id, happenings } = session;
        let told = self.told.lock().get(pod_uid).cloned();
        for happening in happenings::news(told.as_ref(), boot_id, happenings, self.leading_since) {
            self.record(about, &news_of(happening)).await;
            // Each by itself: whoever waits here may be broken off.
            let told = Told { boot_id: boot_id.into(), sequence: happening.sequence };
            self.told.lock().insert(pod_uid.into(), told);
        }
        if let Some(last) = happenings.last() {
            let told = Told { boot_id: boot_id.into(), sequence: last.sequence };
            self.told.lock().insert(pod_uid.into(), told);
        }
    }

    /// Forgets a pod or an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.told.lock().remove(uid);
        self.series.lock().remove(uid);
    }

    /// Forgets all others.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.told.lock().retain(|uid, _| uids.contains(uid));
        self.series.lock().retain(|uid, _| uids.contains(uid));
    }

    /// Writes one Event, or counts it in the one that is there. It is worth a log line if that fails, and no more.
    pub async fn record<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News) {
        self.record_at(about, news, Instant::now()).await;
    }

    async fn record_at<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News, now: Instant) {
        let kind = K::kind(&());
        tracing::info!(%kind, name = about.name_any(), reason = news.reason, note = news.note, "event");
        let Some(due) = self.count(about, news, now) else { return };
        if news.recurs == Recurs::Never {
            // Its place is another's, of which there may be ever more.
            self.series.lock().get_mut(&due.uid).and_then(|of_object| of_object.remove(&news.cause));
        }
        let written = self.told_in_time(self.write(&due, || self.event(about, news, &due.event))).await;
        if written == Some(Found::Gone) && self.expired(&due).is_some() {
            self.told_in_time(self.first(&due, &self.event(about, news, &due.event))).await;
        }
    }

    /// Writes the counts that have waited.
    pub async fn flush(&self) {
        self.flush_at(Instant::now()).await;
    }

    async fn flush_at(&self, now: Instant) {
        for due in self.due(now) {
            let Write::Count { count, last } = due.write else { continue };
            if self.told_in_time(self.patch(&due, count, last)).await == Some(Found::Gone) {
                // Nobody can see it any more; what happens next is told anew.
                self.series.lock().get_mut(&due.uid).and_then(|of_object| of_object.remove(&due.cause));
            }
        }
    }

    fn due(&self, now: Instant) -> Vec<Due> {
        let mut due = Vec::new();
        for (uid, of_object) in self.series.lock().iter_mut() {
            for (cause, entry) in of_object.iter_mut().filter(|(_, entry)| entry.series.is_known()) {
                due.extend(entry.due(uid, cause, now));
            }
        }
        due
    }

    fn count<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News, now: Instant) -> Option<Due> {
        let uid = about.uid().unwrap_or_default();
        let mut all = self.series.lock();
        let of_object = all.entry(uid.clone()).or_default();
        let apart = of_object.len() < MOST_CAUSES || of_object.contains_key(&news.cause);
        let cause = if apart { news.cause.as_str() } else { ALL_FURTHER };
        if let Some(entry) = of_object.get_mut(cause) {
            entry.series.again(news.at);
            return entry.due(&uid, cause, now);
        }
        let entry = Entry {
            namespace: about.namespace().unwrap_or_default(),
            event: name_of(about, news.severity, cause),
            series: Series::new(news.at, now),
        };
        of_object.entry(cause.to_owned()).or_insert(entry).due(&uid, cause, now)
    }

    /// The Event is not there any more: what it was about is told as if for the first time.
    fn expired(&self, due: &Due) -> Option<Write> {
        self.with(due, |entry| {
            entry.series.expire();
            entry.series.write(Instant::now())
        })?
    }

    fn with<T>(&self, due: &Due, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.series.lock().get_mut(&due.uid)?.get_mut(&due.cause).map(change)
    }

    async fn told_in_time<T>(&self, written: impl Future<Output = Result<T, kube::Error>>) -> Option<T> {
        match tokio::time::timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an Event could not be written");
                None
            }
            Err(_elapsed) => {
                tracing::warn!("an Event could not be written in time");
                None
            }
        }
    }

    async fn write(&self, due: &Due, event: impl FnOnce() -> Event) -> Result<Found, kube::Error> {
        match due.write {
            Write::First => self.first(due, &event()).await,
            Write::Count { count, last } => self.patch(due, count, last).await,
        }
    }

    /// An Event that is there already was written by another leader: whether this is the same occurrence tells its time.
    async fn first(&self, due: &Due, event: &Event) -> Result<Found, kube::Error> {
        let api = self.api(&due.namespace);
        match api.create(&PostParams::default(), event).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            created => return created.map(|_event| Found::There),
        }
        let Some(there) = api.get_opt(&due.event).await? else { return Ok(Found::Gone) };
        let (count, last) = counted(&there);
        let another = self.with(due, |entry| {
            let another = entry.series.found(count, last);
            another.then(|| entry.series.write(Instant::now()))
        });
        if let Some(Some(Some(Write::Count { count, last }))) = another {
            return self.patch(due, count, last).await;
        }
        Ok(Found::There)
    }

    async fn patch(&self, due: &Due, count: i32, last: Timestamp) -> Result<Found, kube::Error> {
        let patch = Patch::Merge(json!({"series": {"count": count, "lastObservedTime": MicroTime(last)}}));
        match self.api(&due.namespace).patch(&due.event, &PatchParams::default(), &patch).await {
            Ok(_patched) => Ok(Found::There),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(Found::Gone),
            Err(error) => Err(error),
        }
    }

    fn api(&self, namespace: &str) -> Api<Event> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn event<K: Resource<DynamicType = ()>>(&self, about: &K, news: &News, name: &str) -> Event {
        Event {
            metadata: ObjectMeta {
                name: Some(name.into()),
                namespace: about.namespace(),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(news.at)),
            reporting_controller: Some("understudy.dev/operator".into()),
            reporting_instance: Some(self.instance.chars().take(128).collect()),
            action: Some("Reconcile".into()),
            type_: Some(news.severity.into()),
            reason: Some(news.reason.clone()),
            note: Some(fitting(news.note.clone())),
            regarding: Some(ObjectReference {
                api_version: Some(K::api_version(&()).into()),
                kind: Some(K::kind(&()).into()),
                name: Some(about.name_any()),
                namespace: about.namespace(),
                uid: about.uid(),
                resource_version: about.resource_version(),
                field_path: None,
            }),
            ..Event::default()
        }
    }
}

impl Entry {
    fn due(&mut self, uid: &str, cause: &str, now: Instant) -> Option<Due> {
        let write = self.series.write(now)?;
        let (namespace, event) = (self.namespace.clone(), self.event.clone());
        Some(Due { uid: uid.into(), cause: cause.into(), namespace, event, write })
    }
}

/// Whether an Event is there. They are kept for an hour after they were written last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    There,
    Gone,
}

fn fitting(mut note: String) -> String {
    note.truncate(note.floor_char_boundary(LONGEST_NOTE_BYTES));
    note
}

fn name_of<K: Resource<DynamicType = ()>>(about: &K, severity: &str, cause: &str) -> String {
    let of = format!("{}\n{severity}\n{cause}", about.uid().unwrap_or_default());
    let suffix: String = Sha256::digest(of).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{suffix}", about.name_any())
}

/// How often it was the case, and when for the last time.
fn counted(event: &Event) -> (i32, Timestamp) {
    let first = event.event_time.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    event.series.as_ref().map_or((1, first), |series| (series.count, series.last_observed_time.0))
}
