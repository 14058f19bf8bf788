//! Those who follow participants: each is told which ones changed, and looks by itself at what they are now. Whoever is slow finds
//! more names at once, and nobody waits for it.

use crate::trigger::Trigger;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use understudy_crds::v1alpha1::VirtualParticipant;

/// All of them.
#[derive(Clone, Default)]
pub(super) struct Followers(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    next: u64,
    triggers: HashMap<u64, Trigger<VirtualParticipant>>,
}

/// One of them, until it is dropped.
pub struct Follower {
    number: u64,
    trigger: Trigger<VirtualParticipant>,
    followers: Followers,
}

impl Followers {
    pub(super) fn tell(&self, namespace: &str, name: &str) {
        self.0.lock().triggers.values().for_each(|trigger| trigger.mark(namespace, name));
    }

    pub(super) fn join(&self) -> Follower {
        let trigger = Trigger::default();
        let mut all = self.0.lock();
        let number = all.next;
        all.next += 1;
        all.triggers.insert(number, trigger.clone());
        Follower { number, trigger, followers: self.clone() }
    }
}

impl Follower {
    /// The participants that changed since this was asked last, by namespace and name; waits for one.
    pub async fn changed(&self) -> Vec<(String, String)> {
        let names = self.trigger.batch().await.into_iter();
        names.map(|name| (name.namespace.unwrap_or_default(), name.name)).collect()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.followers.0.lock().triggers.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_told_what_changed_since_it_looked_and_nobody_who_has_gone() {
        let followers = Followers::default();
        let (one, other) = (followers.join(), followers.join());
        followers.tell("demo", "ada");
        followers.tell("demo", "ada");
        assert_eq!(one.changed().await, [("demo".to_owned(), "ada".to_owned())]);
        followers.tell("demo", "bob");
        assert_eq!(one.changed().await.len(), 1);
        assert_eq!(other.changed().await.len(), 2);
        drop(other);
        assert_eq!(followers.0.lock().triggers.len(), 1);
    }
}
