//! Who has connected and has not yet been found to be anybody's peer: not many, and none for long.
//!
//! When there is no more room the oldest gives way. Whoever is a peer is known after a round trip or two, so that connections
//! that say nothing keep nobody out, however many there are.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Viewers that come within a round trip, and a descriptor each.
pub const PLACES: usize = 128;
/// From the connection to a check that is genuine: a client may connect long before it checks, while it looks for a better way.
pub const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Doorstep<K> {
    /// The oldest first.
    there: VecDeque<(K, Instant)>,
}

impl<K> Default for Doorstep<K> {
    fn default() -> Self {
        Self { there: VecDeque::new() }
    }
}

impl<K: PartialEq> Doorstep<K> {
    /// Tells who gives way.
    pub fn enter(&mut self, key: K, now: Instant) -> Option<K> {
        let oldest = if self.there.len() < PLACES { None } else { self.there.pop_front() };
        self.there.push_back((key, now));
        oldest.map(|(key, _)| key)
    }

    /// It is known, or gone. False: it was not here.
    pub fn leave(&mut self, key: &K) -> bool {
        let at = self.there.iter().position(|(other, _)| other == key);
        at.and_then(|at| self.there.remove(at)).is_some()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.there.iter().any(|(other, _)| other == key)
    }

    /// When somebody has been here for too long.
    pub fn expires_at(&self) -> Option<Instant> {
        self.there.front().map(|(_, since)| *since + PATIENCE)
    }

    /// Takes out one that has been here for too long.
    pub fn expired(&mut self, now: Instant) -> Option<K> {
        self.expires_at().filter(|at| *at <= now)?;
        self.there.pop_front().map(|(key, _)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_thousand_that_say_nothing_the_oldest_give_way_to_whoever_comes() {
        let (mut doorstep, now) = (Doorstep::default(), Instant::now());
        let gone: Vec<usize> = (0..1000).filter_map(|key| doorstep.enter(key, now)).collect();
        assert!(gone.into_iter().eq(0..1000 - PLACES));
        assert_eq!(doorstep.there.len(), PLACES);
        assert!(doorstep.contains(&999) && !doorstep.contains(&0));
    }

    #[test]
    fn nobody_stays_for_long_and_whoever_is_known_is_left_alone() {
        let (mut doorstep, now) = (Doorstep::default(), Instant::now());
        doorstep.enter('a', now);
        doorstep.enter('b', now);
        doorstep.enter('c', now + PATIENCE / 2);
        assert!(doorstep.leave(&'a') && !doorstep.leave(&'a'));
        assert_eq!(doorstep.expires_at(), Some(now + PATIENCE));
        assert_eq!(doorstep.expired(now + PATIENCE / 2), None);
        assert_eq!((doorstep.expired(now + PATIENCE), doorstep.expired(now + PATIENCE)), (Some('b'), None));
    }
}
