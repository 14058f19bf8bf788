//! Objects that this version cannot read: each is left out, and takes no other along. One that could be read before goes on
//! being held as it was then, since a session that runs shall not end for what somebody wrote for another version.

use kube::core::DeserializeGuard;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Given out at a time: each costs whoever tells of it a request.
const AT_A_TIME: usize = 20;

/// All of one kind that cannot be read, as they are now.
#[derive(Debug)]
pub struct Unread<K: Resource<DynamicType = ()>> {
    objects: Arc<Mutex<HashMap<ObjectRef<K>, Object<K>>>>,
}

#[derive(Debug)]
struct Object<K> {
    stored: DeserializeGuard<K>,
    told: bool,
}

/// Follows one watch.
pub(super) struct Reading<K: Resource<DynamicType = ()>> {
    namespace: String,
    unread: Unread<K>,
    /// Those of the list that is being received that cannot be read.
    listed: HashSet<ObjectRef<K>>,
}

impl<K: Resource<DynamicType = ()>> Clone for Unread<K> {
    fn clone(&self) -> Self {
        Self { objects: Arc::clone(&self.objects) }
    }
}

impl<K: Resource<DynamicType = ()>> Default for Unread<K> {
    fn default() -> Self {
        Self { objects: Arc::default() }
    }
}

impl<K: Resource<DynamicType = ()> + Clone> Unread<K> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.lock().len()
    }

    /// Whether all can be read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of that UID is there.
    pub fn holds(&self, uid: &str) -> bool {
        self.objects.lock().values().any(|object| object.stored.meta().uid.as_deref() == Some(uid))
    }

    /// Those that were not given out yet in the version that they have now; the next ones the next time.
    pub fn news(&self) -> Vec<DeserializeGuard<K>> {
        let mut objects = self.objects.lock();
        let news = objects.values_mut().filter(|object| !object.told).take(AT_A_TIME);
        news.map(|object| {
            object.told = true;
            object.stored.clone()
        })
        .collect()
    }

    fn remove(&self, name: &ObjectRef<K>) {
        self.objects.lock().remove(name);
    }

    fn put(&self, stored: DeserializeGuard<K>) {
        let name = name(&stored);
        let mut objects = self.objects.lock();
        let same = |object: &Object<K>| object.stored.resource_version() == stored.resource_version();
        let told = objects.get(&name).is_some_and(|object| object.told && same(object));
        objects.insert(name, Object { stored, told });
    }
}

impl<K: Resource<DynamicType = ()> + Clone> Reading<K> {
    /// Of that namespace; empty: of all.
    pub(super) fn new(namespace: String, unread: Unread<K>) -> Self {
        Self { namespace, unread, listed: HashSet::new() }
    }

    /// What an event is for whoever holds only what can be read. `held` is what is held of that name.
    pub(super) fn on(
        &mut self,
        event: Event<DeserializeGuard<K>>,
        held: impl FnOnce(&ObjectRef<K>) -> Option<Arc<K>>,
    ) -> Option<Event<K>> {
        match event {
            Event::Init => {
                self.listed.clear();
                Some(Event::Init)
            }
            Event::InitDone => {
                self.forget_unlisted();
                Some(Event::InitDone)
            }
            Event::InitApply(stored) => {
                if stored.0.is_err() {
                    self.listed.insert(name(&stored));
                }
                self.read(stored, held).map(Event::InitApply)
            }
            Event::Apply(stored) => self.read(stored, held).map(Event::Apply),
            Event::Delete(stored) => {
                self.unread.remove(&name(&stored));
                or_as_held(stored, held).map(Event::Delete)
            }
        }
    }

    fn read(
        &self,
        stored: DeserializeGuard<K>,
        held: impl FnOnce(&ObjectRef<K>) -> Option<Arc<K>>,
    ) -> Option<K> {
        match &stored.0 {
            Ok(_) => self.unread.remove(&name(&stored)),
            Err(_) => self.unread.put(stored.clone()),
        }
        or_as_held(stored, held)
    }

    fn forget_unlisted(&mut self) {
        let listed = std::mem::take(&mut self.listed);
        let here = |name: &ObjectRef<K>| {
            self.namespace.is_empty() || name.namespace.as_ref() == Some(&self.namespace)
        };
        self.unread.objects.lock().retain(|name, _| listed.contains(name) || !here(name));
    }
}

/// The object; one that cannot be read as it was when it could be. That it is being deleted is known all the same.
fn or_as_held<K: Resource<DynamicType = ()> + Clone>(
    stored: DeserializeGuard<K>,
    held: impl FnOnce(&ObjectRef<K>) -> Option<Arc<K>>,
) -> Option<K> {
    let (name, uid) = (name(&stored), stored.uid());
    stored.0.map_or_else(
        |invalid| {
            let mut object = Arc::unwrap_or_clone(held(&name).filter(|held| held.uid() == uid)?);
            object.meta_mut().deletion_timestamp = invalid.metadata.deletion_timestamp;
            Some(object)
        },
        Some,
    )
}

fn name<K: Resource<DynamicType = ()>>(stored: &DeserializeGuard<K>) -> ObjectRef<K> {
    ObjectRef::from_obj(stored).into_kind_unchecked(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use understudy_crds::v1alpha1::Livestream;

    /// `name/uid@version`; one whose version is followed by an exclamation mark cannot be read.
    fn stored(text: &str) -> DeserializeGuard<Livestream> {
        let (name, rest) = text.split_once('/').unwrap();
        let (uid, version) = rest.split_once('@').unwrap();
        let spec =
            if version.ends_with('!') { json!({"output": 7}) } else { json!({"output": {"webRTC": {}}}) };
        let metadata = json!({"name": name, "namespace": "demo", "uid": uid, "resourceVersion": version});
        serde_json::from_value(json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    fn object(text: &str) -> Arc<Livestream> {
        Arc::new(stored(text).0.unwrap())
    }

    fn reading(namespace: &str) -> Reading<Livestream> {
        Reading::new(namespace.into(), Unread::default())
    }

    /// What is passed on, as `kind version`.
    fn passed(event: Option<Event<Livestream>>) -> Option<String> {
        let (kind, object) = match event? {
            Event::Apply(object) => ("apply", object),
            Event::InitApply(object) => ("list", object),
            Event::Delete(object) => ("delete", object),
            Event::Init | Event::InitDone => panic!("no object"),
        };
        Some(format!("{kind} {}", object.resource_version().unwrap()))
    }

    fn news(unread: &Unread<Livestream>) -> Vec<String> {
        let mut news: Vec<_> = unread.news().iter().map(ResourceExt::name_any).collect();
        news.sort();
        news
    }

    #[test]
    fn what_cannot_be_read_is_left_out_and_told_once_a_version() {
        let mut reading = reading("");
        for (event, told) in [("a/1@1!", 1), ("a/1@1!", 0), ("a/1@2!", 1), ("b/2@2!", 1)] {
            assert_eq!(passed(reading.on(Event::Apply(stored(event)), |_| None)), None);
            assert_eq!(news(&reading.unread).len(), told, "{event}");
        }
        assert_eq!(reading.unread.len(), 2);
        assert_eq!(passed(reading.on(Event::Apply(stored("a/1@3")), |_| None)).unwrap(), "apply 3");
        assert_eq!(passed(reading.on(Event::Delete(stored("b/2@4!")), |_| None)), None);
        assert!(reading.unread.is_empty(), "one can be read now, and one is gone");
    }

    #[test]
    fn what_could_be_read_before_is_held_as_it_was_until_it_is_deleted() {
        let mut reading = reading("");
        let held = |_: &ObjectRef<_>| Some(object("a/1@1"));
        assert_eq!(passed(reading.on(Event::Apply(stored("a/1@2!")), held)).unwrap(), "apply 1");
        assert_eq!(passed(reading.on(Event::InitApply(stored("a/1@2!")), held)).unwrap(), "list 1");
        assert_eq!(passed(reading.on(Event::InitApply(stored("a/9@2!")), held)), None, "another of its name");
        assert_eq!(passed(reading.on(Event::Delete(stored("a/1@3!")), held)).unwrap(), "delete 1");
    }

    #[test]
    fn that_it_is_being_deleted_is_known_of_one_that_cannot_be_read() {
        let mut going = stored("a/1@2!");
        going.meta_mut().deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        let passed = reading("").on(Event::Apply(going), |_| Some(object("a/1@1")));
        let Some(Event::Apply(object)) = passed else { panic!("{passed:?}") };
        assert!(object.metadata.deletion_timestamp.is_some());
    }

    #[test]
    fn a_list_tells_nothing_again_and_forgets_what_is_not_in_it() {
        let mut reading = reading("demo");
        let mut elsewhere = stored("c/3@1!");
        elsewhere.meta_mut().namespace = Some("elsewhere".into());
        reading.unread.put(elsewhere);
        for gone in ["a/1@1!", "b/2@1!"] {
            reading.on(Event::Apply(stored(gone)), |_| None);
        }
        assert_eq!(news(&reading.unread), ["a", "b", "c"]);
        for event in [Event::Init, Event::InitApply(stored("b/2@1!")), Event::InitDone] {
            reading.on(event, |_| None);
        }
        assert!(news(&reading.unread).is_empty());
        assert_eq!(reading.unread.len(), 2, "one of the list, and one that another watch sees");
    }
}
