//! Who has connected and has not yet been found to be anybody's peer: not many, and none for long.
//!
//! When there is no more room the oldest of the network that has most gives way. Whoever is a peer is known after a round trip or
//! two, so that connections that say nothing keep nobody out, however many there are, nor do those of one network that come
//! faster than that.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Viewers that come within a round trip, and a descriptor each.
pub const PLACES: usize = 128;
/// From the connection to a check that is genuine: a client may connect long before it checks, while it looks for a better way.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// One subscriber has all addresses of such a prefix of IPv6 (RFC 6177 §2).
const PREFIX: u128 = !0 << 64;

#[derive(Debug)]
pub struct Doorstep<K> {
    /// The oldest first.
    there: VecDeque<Guest<K>>,
}

#[derive(Debug)]
struct Guest<K> {
    key: K,
    network: IpAddr,
    since: Instant,
}

impl<K> Default for Doorstep<K> {
    fn default() -> Self {
        Self { there: VecDeque::new() }
    }
}

impl<K: PartialEq> Doorstep<K> {
    /// Tells who gives way.
    pub fn enter(&mut self, key: K, from: IpAddr, now: Instant) -> Option<K> {
        let network = network(from);
        let at = if self.there.len() < PLACES { None } else { self.most_crowded(network) };
        let oldest = at.and_then(|at| self.there.remove(at));
        self.there.push_back(Guest { key, network, since: now });
        oldest.map(|guest| guest.key)
    }

    /// It is known, or gone. False: it was not here.
    pub fn leave(&mut self, key: &K) -> bool {
        let at = self.there.iter().position(|guest| guest.key == *key);
        at.and_then(|at| self.there.remove(at)).is_some()
    }

    pub fn contains(&self, key: &K) -> bool {
        self.there.iter().any(|guest| guest.key == *key)
    }

    /// When somebody has been here for too long.
    pub fn expires_at(&self) -> Option<Instant> {
        self.there.front().map(|guest| guest.since + PATIENCE)
    }

    /// Takes out one that has been here for too long.
    pub fn expired(&mut self, now: Instant) -> Option<K> {
        self.expires_at().filter(|at| *at <= now)?;
        self.there.pop_front().map(|guest| guest.key)
    }

    /// The oldest of those that have most places, if one more comes from there.
    fn most_crowded(&self, newcomer: IpAddr) -> Option<usize> {
        let mut places = HashMap::from([(newcomer, 1)]);
        self.there.iter().for_each(|guest| *places.entry(guest.network).or_default() += 1);
        let most = places.values().max()?;
        self.there.iter().position(|guest| places.get(&guest.network) == Some(most))
    }
}

/// What one subscriber has.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & PREFIX).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn of_a_thousand_that_say_nothing_the_oldest_give_way_to_whoever_comes() {
        let (mut doorstep, now) = (Doorstep::default(), Instant::now());
        let gone: Vec<usize> = (0..1000).filter_map(|key| doorstep.enter(key, ONE, now)).collect();
        assert!(gone.into_iter().eq(0..1000 - PLACES));
        assert_eq!(doorstep.there.len(), PLACES);
        assert!(doorstep.contains(&999) && !doorstep.contains(&0));
    }

    #[test]
    fn however_fast_one_network_comes_it_takes_no_place_of_another() {
        let subscriber = |host: u128| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | host));
        for many in [|_| ONE, subscriber] {
            let (mut doorstep, now) = (Doorstep::default(), Instant::now());
            doorstep.enter(1000, OTHER, now);
            doorstep.enter(1001, subscriber(1 << 64), now);
            for key in 0..1000 {
                doorstep.enter(key, many(key), now);
            }
            assert!(doorstep.contains(&1000) && doorstep.contains(&1001) && doorstep.contains(&999));
            assert_eq!(doorstep.there.len(), PLACES);
            // Whoever comes then takes one of theirs.
            assert_eq!(doorstep.enter(1002, OTHER, now), Some(1000 - (PLACES as u128 - 2)));
        }
    }

    #[test]
    fn nobody_stays_for_long_and_whoever_is_known_is_left_alone() {
        let (mut doorstep, now) = (Doorstep::default(), Instant::now());
        doorstep.enter('a', ONE, now);
        doorstep.enter('b', ONE, now);
        doorstep.enter('c', ONE, now + PATIENCE / 2);
        assert!(doorstep.leave(&'a') && !doorstep.leave(&'a'));
        assert_eq!(doorstep.expires_at(), Some(now + PATIENCE));
        assert_eq!(doorstep.expired(now + PATIENCE / 2), None);
        assert_eq!((doorstep.expired(now + PATIENCE), doorstep.expired(now + PATIENCE)), (Some('b'), None));
    }
}
