//! Who is where: which loop has a peer, and whose a datagram is, by address, and before an address is known by the user fragment in
//! an ICE check.
//!
//! Anybody can write a user fragment that was seen on the way. An address belongs to a peer only when its check was found genuine,
//! which its loop says ([`Routes`](super::routes::Routes)) before the check is answered: what the peer sends next finds its way.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::stun::addressed_ufrag;
use super::transport_address::TransportAddress;

/// A viewer checks from each of its interfaces, and from new ones when it roams: the oldest give way.
pub(super) const MAX_ADDRESSES_PER_PEER: usize = 16;

/// Of all loops; none is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PeerId(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LoopId(pub usize);

/// A peer, and the loop that has it until the peer is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home {
    pub peer: PeerId,
    pub on: LoopId,
}

/// Written by the loops, read by whoever has something for one of them. Clones are the same. Each look takes a short lock.
#[derive(Clone)]
pub(super) struct Directory(Arc<Mutex<Table>>);

struct Table {
    next: u64,
    /// How many peers each loop has.
    counts: Vec<usize>,
    entries: HashMap<PeerId, Entry>,
    by_session: HashMap<String, Home>,
    by_ufrag: HashMap<String, Home>,
    by_address: HashMap<TransportAddress, Claim>,
    /// Where peers may be that do not check: what comes from there is theirs unless it is another's.
    hoped: HashMap<TransportAddress, Home>,
}

struct Entry {
    on: LoopId,
    session_id: String,
    ufrag: String,
    addresses: VecDeque<TransportAddress>,
}

#[derive(Clone, Copy)]
struct Claim {
    home: Home,
    /// The address of ours that a genuine check came to.
    local: Option<IpAddr>,
}

impl Directory {
    /// For that many loops.
    pub fn new(loops: usize) -> Self {
        Self(Arc::new(Mutex::new(Table {
            next: 0,
            counts: vec![0; loops],
            entries: HashMap::new(),
            by_session: HashMap::new(),
            by_ufrag: HashMap::new(),
            by_address: HashMap::new(),
            hoped: HashMap::new(),
        })))
    }

    /// The loops, those with the fewest peers first.
    pub fn by_peers(&self) -> Vec<LoopId> {
        let table = self.0.lock();
        let mut all: Vec<LoopId> = (0..table.counts.len()).map(LoopId).collect();
        all.sort_by_key(|on| table.counts[on.0]);
        all
    }

    /// One more peer, which that loop is about to have.
    pub fn expect(&self, on: LoopId, session_id: &str, ufrag: &str) -> Home {
        let mut table = self.0.lock();
        table.next += 1;
        let home = Home { peer: PeerId(table.next), on };
        table.counts[on.0] += 1;
        let (session_id, ufrag) = (session_id.to_owned(), ufrag.to_owned());
        table.by_session.insert(session_id.clone(), home);
        table.by_ufrag.insert(ufrag.clone(), home);
        let entry = Entry { on, session_id, ufrag, addresses: VecDeque::new() };
        table.entries.insert(home.peer, entry);
        home
    }

    /// Its checks name this user fragment from now on; what comes with the old one is nobody's.
    pub fn rename(&self, peer: PeerId, ufrag: &str) {
        let mut table = self.0.lock();
        let Some(entry) = table.entries.get_mut(&peer) else { return };
        let home = Home { peer, on: entry.on };
        let old = std::mem::replace(&mut entry.ufrag, ufrag.to_owned());
        table.by_ufrag.remove(&old);
        table.by_ufrag.insert(ufrag.to_owned(), home);
    }

    /// A peer that we check is at one of these, and says nothing by which its answers could be told from others'.
    pub fn hope(&self, peer: PeerId, addresses: &[TransportAddress]) {
        let mut table = self.0.lock();
        let Some(on) = table.entries.get(&peer).map(|entry| entry.on) else { return };
        for address in addresses {
            table.hoped.entry(*address).or_insert(Home { peer, on });
        }
    }

    /// An ICE check always says whom it is for, even from an address that belonged to another viewer before.
    pub fn find(&self, from: TransportAddress, datagram: &[u8]) -> Option<Home> {
        let ufrag = addressed_ufrag(datagram);
        let table = self.0.lock();
        match ufrag {
            Some(ufrag) => table.by_ufrag.get(ufrag).copied(),
            None => {
                let claimed = table.by_address.get(&from).map(|claim| claim.home);
                claimed.or_else(|| table.hoped.get(&from).copied())
            }
        }
    }

    /// Whether what comes from there is that peer's.
    pub fn is_claimed(&self, peer: PeerId, from: TransportAddress) -> bool {
        self.0.lock().by_address.get(&from).is_some_and(|claim| claim.home.peer == peer)
    }

    pub fn find_session(&self, session_id: &str) -> Option<Home> {
        self.0.lock().by_session.get(session_id).copied()
    }

    /// What comes from there to that address of ours is the peer's from now on. Tells which of its addresses gave way.
    pub fn claim(
        &self,
        peer: PeerId,
        from: TransportAddress,
        local: Option<IpAddr>,
    ) -> Option<TransportAddress> {
        let mut table = self.0.lock();
        let entry = table.entries.get_mut(&peer)?;
        let home = Home { peer, on: entry.on };
        entry.addresses.retain(|address| *address != from);
        entry.addresses.push_back(from);
        let crowded = entry.addresses.len() > MAX_ADDRESSES_PER_PEER;
        let oldest = if crowded { entry.addresses.pop_front() } else { None };
        table.by_address.insert(from, Claim { home, local });
        oldest.filter(|oldest| table.drop_claim(peer, *oldest))
    }

    /// Nothing comes from there any more.
    pub fn lose(&self, from: TransportAddress) {
        let mut table = self.0.lock();
        let Some(claim) = table.by_address.remove(&from) else { return };
        if let Some(entry) = table.entries.get_mut(&claim.home.peer) {
            entry.addresses.retain(|address| *address != from);
        }
    }

    /// Media leaves from where a genuine check came to.
    pub fn local_for(&self, to: TransportAddress) -> Option<IpAddr> {
        self.0.lock().by_address.get(&to)?.local
    }

    /// Whether a genuine check came from there.
    #[cfg(test)]
    pub fn knows(&self, from: TransportAddress) -> bool {
        self.0.lock().by_address.contains_key(&from)
    }

    /// It is gone. Tells which addresses were its own.
    pub fn forget(&self, peer: PeerId) -> Vec<TransportAddress> {
        let mut table = self.0.lock();
        let Some(entry) = table.entries.remove(&peer) else { return Vec::new() };
        table.counts[entry.on.0] -= 1;
        table.by_session.remove(&entry.session_id);
        table.by_ufrag.remove(&entry.ufrag);
        table.hoped.retain(|_, home| home.peer != peer);
        entry.addresses.into_iter().filter(|address| table.drop_claim(peer, *address)).collect()
    }
}

impl Table {
    /// False: it has become another's, and stays.
    fn drop_claim(&mut self, peer: PeerId, address: TransportAddress) -> bool {
        let is_its_own = self.by_address.get(&address).is_some_and(|claim| claim.home.peer == peer);
        if is_its_own {
            self.by_address.remove(&address);
        }
        is_its_own
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::rtc::stun::check;
    use crate::rtc::transport_address::Through;

    const MEDIA: &[u8] = &[0x80, 0, 0, 0];

    fn from(port: u16) -> TransportAddress {
        TransportAddress::udp(SocketAddr::from(([192, 0, 2, 1], port)))
    }

    fn expect(directory: &Directory, number: u64) -> Home {
        directory.expect(directory.by_peers()[0], &format!("session{number}"), &format!("ufrag{number}"))
    }

    #[test]
    fn a_peer_comes_to_the_loop_with_the_fewest_and_is_found_there() {
        let directory = Directory::new(3);
        let homes: Vec<Home> = (0..6).map(|number| expect(&directory, number)).collect();
        assert_eq!(homes.iter().map(|home| home.on.0).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
        directory.forget(homes[1].peer);
        directory.forget(homes[4].peer);
        assert_eq!((expect(&directory, 6).on, expect(&directory, 7).on), (LoopId(1), LoopId(1)));
        assert_eq!(expect(&directory, 8).on, LoopId(0));
        assert_eq!(directory.find_session("session2"), Some(homes[2]));
        assert_eq!(directory.find(from(7), &check("ufrag2:theirs")), Some(homes[2]));
        directory.claim(homes[2].peer, from(7), None);
        assert_eq!(directory.find(from(7), MEDIA), Some(homes[2]));
        assert_eq!((directory.find_session("session1"), directory.find(from(8), MEDIA)), (None, None));
    }

    #[test]
    fn a_viewer_that_roams_for_long_is_known_at_its_last_addresses() {
        let directory = Directory::new(1);
        let home = expect(&directory, 1);
        for port in 1..=100 {
            directory.claim(home.peer, from(port), None);
            assert_eq!(directory.find(from(port), MEDIA), Some(home));
        }
        assert_eq!(directory.0.lock().by_address.len(), MAX_ADDRESSES_PER_PEER);
        assert_eq!(directory.forget(home.peer).len(), MAX_ADDRESSES_PER_PEER);
        let table = directory.0.lock();
        assert!(table.by_address.is_empty() && table.by_ufrag.is_empty() && table.by_session.is_empty());
        assert!(table.entries.is_empty() && table.counts == [0]);
    }

    #[test]
    fn an_address_that_became_anothers_stays_when_the_first_goes_whichever_loops_have_them() {
        let directory = Directory::new(2);
        let (first, second) = (expect(&directory, 1), expect(&directory, 2));
        for home in [first, second] {
            directory.claim(home.peer, from(7), None);
        }
        assert_eq!(directory.forget(first.peer), []);
        assert_eq!(directory.find(from(7), MEDIA), Some(second));
    }

    #[test]
    fn a_port_of_tcp_is_another_than_that_of_udp_and_is_nobodys_once_it_is_lost() {
        let directory = Directory::new(1);
        let home = expect(&directory, 1);
        directory.claim(home.peer, from(7), None);
        let tcp = TransportAddress::tcp(from(7).socket);
        assert_eq!(directory.find(tcp, MEDIA), None);
        directory.claim(home.peer, tcp, None);
        assert_eq!(directory.find(tcp, MEDIA), Some(home));
        directory.lose(tcp);
        assert_eq!(directory.find(tcp, MEDIA), None);
        assert_eq!(directory.forget(home.peer), [from(7)]);
    }

    #[test]
    fn a_peer_that_is_named_anew_is_found_by_that_name_alone() {
        let directory = Directory::new(1);
        let home = expect(&directory, 1);
        directory.rename(home.peer, "fresh");
        assert_eq!(directory.find(from(7), &check("fresh:theirs")), Some(home));
        assert_eq!(directory.find(from(7), &check("ufrag1:theirs")), None);
        directory.forget(home.peer);
        assert_eq!(directory.find(from(7), &check("fresh:theirs")), None);
    }

    #[test]
    fn what_comes_from_where_a_peer_is_hoped_to_be_is_its_own_until_it_is_anothers() {
        let directory = Directory::new(1);
        let (first, second) = (expect(&directory, 1), expect(&directory, 2));
        directory.hope(first.peer, &[from(7), from(8)]);
        assert_eq!(directory.find(from(7), MEDIA), Some(first));
        directory.hope(second.peer, &[from(8)]);
        assert_eq!(directory.find(from(8), MEDIA), Some(first), "it was there before");
        directory.claim(second.peer, from(7), None);
        assert_eq!(directory.find(from(7), MEDIA), Some(second), "a check was genuine");
        directory.forget(first.peer);
        assert_eq!(directory.find(from(8), MEDIA), None);
    }

    #[test]
    fn what_comes_from_one_port_to_several_of_ours_is_several_peers() {
        let directory = Directory::new(1);
        let (first, second, third) = (expect(&directory, 1), expect(&directory, 2), expect(&directory, 3));
        let through = |port| from(7).through(Some(Through::Port(port)));
        directory.hope(first.peer, &[through(1)]);
        directory.hope(second.peer, &[through(2)]);
        directory.claim(third.peer, from(7), None);
        directory.claim(first.peer, through(1), None);
        let found = [through(1), through(2), from(7), through(3)].map(|from| directory.find(from, MEDIA));
        assert_eq!(found, [Some(first), Some(second), Some(third), None]);
        directory.forget(first.peer);
        assert_eq!(directory.find(through(1), MEDIA), None);
        assert_eq!(directory.find(through(2), MEDIA), Some(second));
    }

    #[test]
    fn whoever_is_gone_claims_nothing() {
        let directory = Directory::new(1);
        let home = expect(&directory, 1);
        directory.forget(home.peer);
        directory.claim(home.peer, from(7), None);
        assert!(!directory.knows(from(7)));
    }
}
