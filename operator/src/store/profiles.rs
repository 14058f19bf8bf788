//! Runtime profiles as they are now, ready for use: read once when they change, and not at each look at a participant.

use crate::profile::{Profiles, Stored};
use kube::runtime::reflector::Store;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The profiles of a store of objects.
#[derive(Clone)]
pub(super) struct ProfileStore {
    objects: Store<Stored>,
    profiles: Arc<RwLock<Arc<Profiles>>>,
}

impl ProfileStore {
    pub(super) fn new(objects: Store<Stored>) -> Self {
        Self { objects, profiles: Arc::default() }
    }

    /// Waits until all were listed once.
    pub(super) async fn ready(&self) {
        let _ = self.objects.wait_until_ready().await;
    }

    /// All of them, as they are now.
    pub(super) fn all(&self) -> Arc<Profiles> {
        Arc::clone(&self.profiles.read())
    }

    /// After the store has taken an event: the names of those that came, went or changed.
    pub(super) fn renew(&self) -> BTreeSet<String> {
        let fresh = Arc::new(Profiles::of(self.objects.state()));
        let before = std::mem::replace(&mut *self.profiles.write(), Arc::clone(&fresh));
        before.differing(&fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;
    use serde_json::json;

    fn profile(name: &str, image: &str) -> Stored {
        serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "RuntimeProfile", "metadata": {"name": name}, "spec": {"image": image}
        }))
        .unwrap()
    }

    #[test]
    fn only_what_differs_after_a_list_is_told() {
        let (objects, mut writer) = reflector::store();
        let store = ProfileStore::new(objects);
        for event in [
            Event::Init,
            Event::InitApply(profile("a", "1")),
            Event::InitApply(profile("b", "1")),
            Event::InitDone,
        ] {
            writer.apply_watcher_event(&event);
        }
        assert_eq!(store.renew().into_iter().collect::<Vec<_>>(), ["a", "b"]);
        for event in [Event::Init, Event::InitApply(profile("a", "1"))] {
            writer.apply_watcher_event(&event);
            assert!(store.renew().is_empty(), "a list that is not complete changes nothing");
        }
        writer.apply_watcher_event(&Event::InitDone);
        assert_eq!(store.renew().into_iter().collect::<Vec<_>>(), ["b"]);
        assert!(store.all().get("b").is_none() && store.all().get("a").is_some());
    }
}
