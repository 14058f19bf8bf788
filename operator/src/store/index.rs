//! Names of objects by a key of their own, kept from watch events.

use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

type Names<Key, K> = HashMap<Key, HashSet<ObjectRef<K>>>;

/// A watch starts again with a full list, which replaces everything once it is complete.
#[derive(Debug)]
pub(super) struct Index<Key: Eq + Hash, K: Resource<DynamicType = ()>> {
    current: Names<Key, K>,
    listing: Option<Names<Key, K>>,
}

impl<Key: Eq + Hash, K: Resource<DynamicType = ()>> Default for Index<Key, K> {
    fn default() -> Self {
        Self { current: HashMap::new(), listing: None }
    }
}

impl<Key: Eq + Hash, K: Resource<DynamicType = ()>> Index<Key, K> {
    /// The key of an object never changes: both are immutable in the API.
    pub(super) fn on(&mut self, event: &Event<K>, key: impl Fn(&K) -> Option<Key>) {
        match event {
            Event::Apply(object) => add(&mut self.current, object, key),
            Event::Delete(object) => {
                let Some(key) = key(object) else { return };
                if let Some(names) = self.current.get_mut(&key) {
                    names.remove(&ObjectRef::from_obj(object));
                    if names.is_empty() {
                        self.current.remove(&key);
                    }
                }
            }
            Event::Init => self.listing = Some(HashMap::new()),
            Event::InitApply(object) => {
                if let Some(listing) = &mut self.listing {
                    add(listing, object, key);
                }
            }
            Event::InitDone => self.current = self.listing.take().unwrap_or_default(),
        }
    }

    pub(super) fn of(&self, key: &Key) -> impl Iterator<Item = &ObjectRef<K>> {
        self.current.get(key).into_iter().flatten()
    }
}

fn add<Key: Eq + Hash, K: Resource<DynamicType = ()>>(
    names: &mut Names<Key, K>,
    object: &K,
    key: impl Fn(&K) -> Option<Key>,
) {
    if let Some(key) = key(object) {
        names.entry(key).or_default().insert(ObjectRef::from_obj(object));
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
