//! Which livestreams a session is told of: all of one participant, or of one origin, up to a number. Those that are older than the
//! others keep their places; of those that were made within one second the UID decides.

use crate::owner::Owner;
use crate::store::{Stores, participant_of};
use jiff::Timestamp;
use kube::ResourceExt;
use std::sync::Arc;
use understudy_crds::v1alpha1::Livestream;

/// Of one participant, or of one origin. Each is up to 10 KiB of what its session is told, which is 1 MiB at most, and up to 3 KiB
/// of what that says, which is 256 KiB at most; each of an origin is a holder of its pod, and has a Secret that is looked at.
pub const MOST_LIVESTREAMS: usize = 64;

impl Stores {
    /// The livestreams of a participant that its session is told of, in the order of their names.
    pub fn served_of(&self, namespace: &str, participant: &str) -> Vec<Arc<Livestream>> {
        let mut served = oldest(self.livestreams_of(namespace, participant));
        served.truncate(MOST_LIVESTREAMS);
        served.sort_by_key(|livestream| livestream.name_any());
        served
    }

    /// The livestreams of an origin that are there and not going, the oldest first, as many as its session is told of.
    pub fn takers_of(&self, origin: &Owner) -> Vec<Arc<Livestream>> {
        let mut served = self.all_takers_of(origin);
        served.truncate(MOST_LIVESTREAMS);
        served
    }

    /// Whether there are as many older ones of the same as a session is told of.
    pub fn is_one_too_many(&self, livestream: &Livestream) -> bool {
        match (participant_of(livestream), Owner::origin(livestream)) {
            (Some((namespace, participant)), _) => {
                is_beyond(&self.livestreams_of(&namespace, &participant), livestream)
            }
            (None, Some(origin)) => is_beyond(&self.takers_at(&origin), livestream),
            (None, None) => false,
        }
    }

    fn all_takers_of(&self, origin: &Owner) -> Vec<Arc<Livestream>> {
        oldest(self.takers_at(origin))
    }

    fn takers_at(&self, origin: &Owner) -> Vec<Arc<Livestream>> {
        let all = self.takers.of(&origin.uid);
        all.iter().filter_map(|livestream| self.livestreams.get(livestream)).collect()
    }
}

/// Of all, in whatever order: those that are going have no place, and want none.
fn is_beyond(all: &[Arc<Livestream>], livestream: &Livestream) -> bool {
    let age = age(livestream);
    let is_older = |other: &&Arc<Livestream>| !is_going(other) && self::age(other) < age;
    !is_going(livestream) && all.iter().filter(is_older).take(MOST_LIVESTREAMS).count() == MOST_LIVESTREAMS
}

fn is_going(livestream: &Livestream) -> bool {
    livestream.metadata.deletion_timestamp.is_some()
}

/// The less, the older.
fn age(livestream: &Livestream) -> (Option<Timestamp>, Option<String>) {
    (livestream.creation_timestamp().map(|time| time.0), livestream.uid())
}

/// Those that are not going, the oldest first.
fn oldest(mut all: Vec<Arc<Livestream>>) -> Vec<Arc<Livestream>> {
    all.retain(|livestream| !is_going(livestream));
    all.sort_by_cached_key(|livestream| age(livestream));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn livestream(number: usize) -> Livestream {
        let second = number % 60;
        serde_json::from_value(serde_json::json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream",
            "metadata": {"name": format!("a{number}"), "uid": format!("u{number:03}"), "namespace": "demo",
                "creationTimestamp": format!("2026-01-01T00:{:02}:{second:02}Z", number / 60)},
            "spec": {"participantRef": {"name": "ada"}, "output": {"webRTC": {}}}
        }))
        .unwrap()
    }

    #[test]
    fn those_that_came_last_are_too_many_until_an_older_one_goes() {
        let mut all: Vec<_> =
            (0..=MOST_LIVESTREAMS).rev().map(|number| Arc::new(livestream(number))).collect();
        let last = livestream(MOST_LIVESTREAMS);
        assert!(is_beyond(&all, &last));
        assert!(!is_beyond(&all, &livestream(MOST_LIVESTREAMS - 1)));
        Arc::make_mut(&mut all[7]).metadata.deletion_timestamp =
            serde_json::from_value(serde_json::json!("2026-01-01T01:00:00Z")).unwrap();
        assert!(!is_beyond(&all, &last));
    }
}
