//! Names of objects by a key of their own, kept from watch events.

use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// A watch starts again with a full list, which replaces everything once it is complete.
#[derive(Debug)]
pub(super) struct Index<Key: Eq + Hash, K: Resource<DynamicType = ()>> {
    current: Names<Key, K>,
    listing: Option<Names<Key, K>>,
}

/// Both directions: the owner of a pod can be changed by whoever may change pods, and its former key forgets it then.
#[derive(Debug)]
struct Names<Key: Eq + Hash, K: Resource<DynamicType = ()>> {
    of: HashMap<Key, HashSet<ObjectRef<K>>>,
    keys: HashMap<ObjectRef<K>, Key>,
}

impl<Key: Eq + Hash + Clone, K: Resource<DynamicType = ()>> Default for Index<Key, K> {
    fn default() -> Self {
        Self { current: Names::default(), listing: None }
    }
}

impl<Key: Eq + Hash, K: Resource<DynamicType = ()>> Default for Names<Key, K> {
    fn default() -> Self {
        Self { of: HashMap::new(), keys: HashMap::new() }
    }
}

impl<Key: Eq + Hash + Clone, K: Resource<DynamicType = ()>> Index<Key, K> {
    /// `key` is the one that the object has now.
    pub(super) fn on(&mut self, event: &Event<K>, key: impl Fn(&K) -> Option<Key>) {
        match event {
            Event::Apply(object) => self.current.put(object, key(object)),
            Event::Delete(object) => self.current.put(object, None),
            Event::Init => self.listing = Some(Names::default()),
            Event::InitApply(object) => {
                if let Some(listing) = &mut self.listing {
                    listing.put(object, key(object));
                }
            }
            Event::InitDone => self.current = self.listing.take().unwrap_or_default(),
        }
    }

    pub(super) fn of(&self, key: &Key) -> impl Iterator<Item = &ObjectRef<K>> {
        self.current.of.get(key).into_iter().flatten()
    }
}

impl<Key: Eq + Hash + Clone, K: Resource<DynamicType = ()>> Names<Key, K> {
    fn put(&mut self, object: &K, key: Option<Key>) {
        let name = ObjectRef::from_obj(object);
        if let Some(former) = self.keys.remove(&name)
            && let Some(names) = self.of.get_mut(&former)
        {
            names.remove(&name);
            if names.is_empty() {
                self.of.remove(&former);
            }
        }
        if let Some(key) = key {
            self.of.entry(key.clone()).or_default().insert(name.clone());
            self.keys.insert(name, key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt;

    fn pod(name: &str) -> Pod {
        serde_json::from_value(serde_json::json!({"metadata": {"name": name, "namespace": "demo"}})).unwrap()
    }

    fn names(index: &Index<char, Pod>, key: char) -> Vec<String> {
        let mut names: Vec<String> = index.of(&key).map(|name| name.name.clone()).collect();
        names.sort();
        names
    }

    fn initial(pod: &Pod) -> Option<char> {
        pod.name_any().chars().next()
    }

    #[test]
    fn objects_are_found_until_they_are_deleted() {
        let mut index = Index::default();
        index.on(&Event::Apply(pod("a1")), initial);
        index.on(&Event::Apply(pod("a2")), initial);
        index.on(&Event::Apply(pod("b1")), initial);
        assert_eq!(names(&index, 'a'), ["a1", "a2"]);
        index.on(&Event::Delete(pod("a1")), initial);
        assert_eq!(names(&index, 'a'), ["a2"]);
    }

    #[test]
    fn an_object_whose_key_changed_is_found_by_the_new_one_alone() {
        let mut index = Index::default();
        index.on(&Event::Apply(pod("a1")), initial);
        index.on(&Event::Apply(pod("a1")), |_pod| Some('b'));
        assert_eq!((names(&index, 'a').len(), names(&index, 'b').len()), (0, 1));
        index.on(&Event::Apply(pod("a1")), |_pod| None);
        assert_eq!(names(&index, 'b').len(), 0);
    }

    #[test]
    fn a_complete_list_replaces_what_was_known() {
        let mut index = Index::default();
        index.on(&Event::Apply(pod("a1")), initial);
        index.on(&Event::Init, initial);
        index.on(&Event::InitApply(pod("a2")), initial);
        assert_eq!(names(&index, 'a'), ["a1"], "until the list is complete");
        index.on(&Event::InitDone, initial);
        assert_eq!(names(&index, 'a'), ["a2"]);
    }
}
