//! Who is to be woken first, among many: a change costs as much as a look into an index, a look nothing.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

#[derive(Debug)]
pub struct Deadlines<K> {
    queue: BTreeSet<(Instant, K)>,
    of: HashMap<K, Instant>,
}

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self { queue: BTreeSet::new(), of: HashMap::new() }
    }
}

impl<K: Copy + Ord + Hash> Deadlines<K> {
    /// Replaces whatever it was before; none: it need not be woken.
    pub fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.of.insert(key, at),
            None => self.of.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.queue.remove(&(before, key));
        }
        if let Some(at) = at {
            self.queue.insert((at, key));
        }
    }

    pub fn first(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Whose time has come. They keep it until it is set anew.
    pub fn due(&self, now: Instant) -> Vec<K> {
        self.queue.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_earliest_is_first_and_those_due_are_told_in_order() {
        let start = Instant::now();
        let at = |seconds| Some(start + Duration::from_secs(seconds));
        let mut deadlines = Deadlines::default();
        deadlines.set(1, at(3));
        deadlines.set(2, at(1));
        deadlines.set(3, at(2));
        assert_eq!(deadlines.first(), at(1));
        assert_eq!(deadlines.due(start + Duration::from_secs(2)), [2, 3]);
        assert!(deadlines.due(start).is_empty());
    }

    #[test]
    fn a_new_time_replaces_the_old_and_none_takes_it_away() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let mut deadlines = Deadlines::default();
        deadlines.set(1, Some(start));
        deadlines.set(1, Some(later));
        assert_eq!((deadlines.first(), deadlines.due(start)), (Some(later), vec![]));
        deadlines.set(1, Some(later));
        deadlines.set(1, None);
        assert_eq!((deadlines.first(), deadlines.queue.len(), deadlines.of.len()), (None, 0, 0));
    }
}
