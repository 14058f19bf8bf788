//! Livestreams of one origin are looked at one after the other: what one finds out and tells its session must not be older than what
//! another has told it. One that finds another's turn holds no place meanwhile, in which others could be looked at: it comes again
//! once that turn is over.

use crate::owner::Owner;
use crate::trigger::Trigger;
use kube::ResourceExt;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use understudy_crds::v1alpha1::Livestream;

/// Whose turn it is, of all origins.
pub struct Turns(Arc<Shared>);

struct Shared {
    /// UID of each origin that somebody looks at now, to the names of those who come again.
    taken: Mutex<HashMap<String, HashSet<String>>>,
    trigger: Trigger<Livestream>,
}

/// What a livestream shares with others while it is looked at.
pub enum Turn {
    /// Nothing.
    Alone,
    /// An origin, which nobody else looks at.
    Of(Held),
}

/// As long as it is held, no other livestream of the origin is looked at.
pub struct Held {
    shared: Arc<Shared>,
    origin: Owner,
}

impl Turns {
    /// Those who come again are marked in that trigger.
    pub fn new(trigger: Trigger<Livestream>) -> Self {
        Self(Arc::new(Shared { taken: Mutex::default(), trigger }))
    }

    /// `None`: it is another's. The livestream is looked at once that is over.
    pub(super) fn take(&self, origin: Owner, livestream: &Livestream) -> Option<Held> {
        let mut taken = self.0.taken.lock();
        if let Some(waiting) = taken.get_mut(&origin.uid) {
            waiting.insert(livestream.name_any());
            return None;
        }
        taken.insert(origin.uid.clone(), HashSet::new());
        Some(Held { shared: Arc::clone(&self.0), origin })
    }
}

impl Held {
    /// Which.
    pub(super) fn origin(&self) -> &Owner {
        &self.origin
    }
}

/// However a look ends.
impl Drop for Held {
    fn drop(&mut self) {
        let waiting = self.shared.taken.lock().remove(&self.origin.uid);
        for name in waiting.into_iter().flatten() {
            self.shared.trigger.mark(&self.origin.namespace, &name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn livestream(name: &str, url: &str) -> (Owner, Livestream) {
        let livestream: Livestream = serde_json::from_value(serde_json::json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream",
            "metadata": {"name": name, "namespace": "demo"},
            "spec": {"source": {"url": url}, "output": {"webRTC": {}}}
        }))
        .unwrap();
        (Owner::origin(&livestream).unwrap(), livestream)
    }

    #[tokio::test]
    async fn who_finds_another_at_an_origin_comes_again_once_that_is_done() {
        let trigger = Trigger::default();
        let turns = Turns::new(trigger.clone());
        let take = |name, url| {
            let (origin, livestream) = livestream(name, url);
            turns.take(origin, &livestream)
        };
        let first = take("one", "http://a/b").expect("nobody is at it");
        for name in ["two", "three", "two"] {
            assert!(take(name, "http://a/b").is_none());
        }
        assert!(take("four", "http://a/c").is_some(), "that is another origin");
        assert!(trigger.is_empty(), "not before the turn is over");
        drop(first);
        let mut names: Vec<String> = trigger.batch().await.into_iter().map(|marked| marked.name).collect();
        names.sort();
        assert_eq!(names, ["three", "two"]);
        assert!(take("two", "http://a/b").is_some() && trigger.is_empty());
    }
}
