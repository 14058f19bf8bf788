//! What the events of a watch come to: objects that changed and objects that are gone, each told once the store holds it so.
//! A watch that starts again sends a list of everything; what changed or went meanwhile is found by comparing the list with
//! what was held before. Pure.

use kube::Resource;
use kube::runtime::watcher::Event;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What became of one object.
#[derive(Debug)]
pub(super) enum Change<'a, K> {
    /// It is new, or another than it was.
    Changed(&'a K),
    /// It is gone; this is how it was last seen.
    Departed(&'a K),
}

/// Follows one watch.
#[derive(Debug)]
pub(super) struct Changes<K> {
    /// What was held before the list that is being received.
    before: Vec<Arc<K>>,
}

impl<K> Default for Changes<K> {
    fn default() -> Self {
        Self { before: Vec::new() }
    }
}

impl<K> Clone for Change<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Change<'_, K> {}

impl<'a, K> Change<'a, K> {
    /// The object, in either case.
    pub(super) fn object(self) -> &'a K {
        match self {
            Self::Changed(object) | Self::Departed(object) => object,
        }
    }
}

impl<K: Resource<DynamicType = ()>> Changes<K> {
    /// `held` is what the store holds once it has taken the event. It takes a list as a whole, when the list is complete:
    /// whoever is told of an object before that would look at its predecessor, and never again.
    pub(super) fn on(
        &mut self,
        event: &Event<K>,
        held: impl FnOnce() -> Vec<Arc<K>>,
        tell: impl FnMut(Change<'_, K>),
    ) {
        let mut tell = tell;
        match event {
            Event::Apply(object) => tell(Change::Changed(object)),
            Event::Delete(object) => tell(Change::Departed(object)),
            Event::Init => self.before = held(),
            Event::InitApply(_of_a_list) => {}
            Event::InitDone => compare(&std::mem::take(&mut self.before), &held(), tell),
        }
    }
}

/// What is gone is told first: a namesake may have taken its place. An object made anew has another UID.
fn compare<K: Resource>(before: &[Arc<K>], after: &[Arc<K>], mut tell: impl FnMut(Change<'_, K>)) {
    let present: HashSet<_> = after.iter().map(|object| &object.meta().uid).collect();
    for object in before.iter().filter(|object| !present.contains(&object.meta().uid)) {
        tell(Change::Departed(object));
    }
    let versions: HashMap<_, _> =
        before.iter().map(|object| (&object.meta().uid, &object.meta().resource_version)).collect();
    let same = |object: &K| {
        versions.get(&object.meta().uid).is_some_and(|at| **at == object.meta().resource_version)
    };
    for object in after.iter().filter(|object| !same(object)) {
        tell(Change::Changed(object));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt;
    use kube::runtime::reflector;

    /// `name/uid@version`.
    fn pod(text: &str) -> Pod {
        let (name, rest) = text.split_once('/').unwrap();
        let (uid, version) = rest.split_once('@').unwrap();
        let metadata =
            serde_json::json!({"name": name, "namespace": "demo", "uid": uid, "resourceVersion": version});
        serde_json::from_value(serde_json::json!({"metadata": metadata})).unwrap()
    }

    fn list(objects: &[&str]) -> Vec<Event<Pod>> {
        let all = objects.iter().map(|object| Event::InitApply(pod(object)));
        std::iter::once(Event::Init).chain(all).chain([Event::InitDone]).collect()
    }

    /// What is told of these events, through kube's own store; the store holds what is told by then.
    fn told(events: Vec<Event<Pod>>) -> Vec<String> {
        let (store, mut writer) = reflector::store();
        let (mut changes, mut told) = (Changes::default(), Vec::new());
        for event in events {
            writer.apply_watcher_event(&event);
            changes.on(
                &event,
                || store.state(),
                |change| {
                    let object = change.object();
                    let held = store.get(&reflector::ObjectRef::from_obj(object)).map(|held| held.uid());
                    let (word, holds) = match change {
                        Change::Changed(_) => ("changed", held == Some(object.uid())),
                        Change::Departed(_) => ("departed", held != Some(object.uid())),
                    };
                    assert!(holds, "{} was told before the store knew it", object.name_any());
                    told.push(format!("{word} {}", object.uid().unwrap()));
                },
            );
        }
        told.sort();
        told
    }

    #[test]
    fn the_first_list_tells_of_every_object_once_it_is_complete() {
        assert_eq!(told(list(&["a/1@1", "b/2@1"])), ["changed 1", "changed 2"]);
        let incomplete = list(&["a/1@1", "b/2@1"])[..3].to_vec();
        assert!(told(incomplete).is_empty());
    }

    #[test]
    fn changes_and_deletions_are_told_one_by_one() {
        let events =
            vec![Event::Apply(pod("a/1@1")), Event::Apply(pod("a/1@2")), Event::Delete(pod("a/1@3"))];
        assert_eq!(told(events), ["changed 1", "changed 1", "departed 1"]);
    }

    #[test]
    fn what_happened_while_the_watch_was_broken_is_found_in_the_next_list() {
        let cases: [(&[&str], &[&str], &[&str]); 5] = [
            (&["a/1@1"], &["a/1@1"], &[]),
            (&["a/1@1"], &["a/1@2"], &["changed 1"]),
            (&["a/1@1"], &["a/1@1", "b/2@1"], &["changed 2"]),
            (&["a/1@1", "b/2@1"], &["b/2@1"], &["departed 1"]),
            (&["a/1@1"], &["a/9@2"], &["changed 9", "departed 1"]),
        ];
        for (before, after, expected) in cases {
            let mut all = told(list(before));
            let mut both = told([list(before), list(after)].concat());
            for known in all.drain(..) {
                let place = both.iter().position(|told| *told == known).unwrap();
                both.remove(place);
            }
            assert_eq!(both, expected, "{before:?} then {after:?}");
        }
    }

    #[test]
    fn a_list_that_breaks_off_is_compared_with_what_was_held_before_it() {
        let broken = list(&["b/2@1"])[..2].to_vec();
        let events = [list(&["a/1@1"]), broken, list(&["a/1@1", "b/2@1"])].concat();
        assert_eq!(told(events), ["changed 1", "changed 2"]);
    }
}
