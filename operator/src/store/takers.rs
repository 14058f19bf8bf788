//! Who takes which origin. Shared with whoever has an origin looked at: it is looked at by having its livestreams looked at.

use crate::owner::Owner;
use crate::store::Stores;
use crate::store::index::Index;
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher::Event;
use parking_lot::RwLock;
use std::sync::Arc;
use understudy_crds::v1alpha1::Livestream;

/// UID of an origin, to its livestreams.
#[derive(Clone, Default)]
pub struct Takers(Arc<RwLock<Index<String, Livestream>>>);

impl Takers {
    /// Follows the watch.
    pub(super) fn on(&self, event: &Event<Livestream>) {
        self.0.write().on(event, |livestream| Owner::origin(livestream).map(|origin| origin.uid));
    }

    /// Whether one of an origin's is so.
    fn any(&self, uid: &str, is: impl FnMut(&ObjectRef<Livestream>) -> bool) -> bool {
        self.0.read().of(&uid.to_owned()).any(is)
    }

    /// Those of an origin, in no order.
    pub(super) fn of(&self, uid: &str) -> Vec<ObjectRef<Livestream>> {
        self.0.read().of(&uid.to_owned()).cloned().collect()
    }
}

impl Stores {
    /// Whether anybody takes what the origin's pod fetches: it is there as long as somebody does.
    pub fn is_taken(&self, origin: &Owner) -> bool {
        let is_there = |livestream: &ObjectRef<Livestream>| {
            let found = self.livestreams.get(livestream);
            found.is_some_and(|livestream| livestream.metadata.deletion_timestamp.is_none())
        };
        self.takers.any(&origin.uid, is_there) || self.is_held(origin)
    }

    /// Whether a livestream that this version cannot read holds a pod of the origin. It is no taker that is known, and what it
    /// takes goes on all the same.
    fn is_held(&self, origin: &Owner) -> bool {
        let pods = self.pods_of(&origin.uid);
        pods.iter().any(|pod| Owner::holders(pod).any(|holder| self.unread_livestreams.holds(&holder.uid)))
    }
}
