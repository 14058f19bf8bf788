//! Whose datagram is this: by address, and before an address is known by the user fragment in an ICE check.
//!
//! Anybody can write a user fragment that was seen on the way. An address belongs to a peer only when its check was
//! found genuine, which the stack says by answering it, or by checking back.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use super::stun::addressed_ufrag;
use super::transport_address::TransportAddress;

/// A viewer checks from each of its interfaces, and from new ones when it roams: the oldest give way.
const MAX_ADDRESSES_PER_PEER: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PeerId(pub u64);

#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub peer: PeerId,
    /// The address of ours that it used: answers leave from there.
    pub local: Option<IpAddr>,
}

#[derive(Default)]
pub(super) struct Routes {
    by_ufrag: HashMap<String, PeerId>,
    by_address: HashMap<TransportAddress, Route>,
    addresses: HashMap<PeerId, VecDeque<TransportAddress>>,
    /// Senders of this turn's checks, which may be anybody.
    heard: HashMap<TransportAddress, Route>,
}

impl Routes {
    pub fn expect(&mut self, ufrag: String, peer: PeerId) {
        self.by_ufrag.insert(ufrag, peer);
    }

    /// An ICE check always says whom it is for, even from an address that belonged to another viewer before.
    pub fn find(&mut self, from: TransportAddress, local: Option<IpAddr>, datagram: &[u8]) -> Option<PeerId> {
        let Some(ufrag) = addressed_ufrag(datagram) else {
            return self.by_address.get(&from).map(|route| route.peer);
        };
        let peer = *self.by_ufrag.get(ufrag)?;
        self.heard.insert(from, Route { peer, local });
        Some(peer)
    }

    /// A check of that peer from there was genuine: what else comes from there is the peer's. Tells which of its addresses gave
    /// way.
    pub fn confirm(&mut self, peer: PeerId, from: TransportAddress) -> Option<TransportAddress> {
        let route = self.heard.get(&from).copied().filter(|route| route.peer == peer)?;
        self.by_address.insert(from, route);
        let addresses = self.addresses.entry(peer).or_default();
        addresses.retain(|address| *address != from);
        addresses.push_back(from);
        let oldest =
            if addresses.len() > MAX_ADDRESSES_PER_PEER { addresses.pop_front()? } else { return None };
        self.drop_address(peer, oldest).then_some(oldest)
    }

    /// Nothing comes from there any more, and a check that did is confirmed no more.
    pub fn lose(&mut self, from: TransportAddress) {
        self.heard.remove(&from);
        let Some(route) = self.by_address.remove(&from) else { return };
        if let Some(addresses) = self.addresses.get_mut(&route.peer) {
            addresses.retain(|address| *address != from);
        }
    }

    /// The turn is over: whoever was not confirmed is a stranger again.
    pub fn forget_heard(&mut self) {
        self.heard.clear();
    }

    /// Answers to a check leave from where it came to.
    pub fn local_for(&self, to: TransportAddress) -> Option<IpAddr> {
        self.heard.get(&to).or_else(|| self.by_address.get(&to))?.local
    }

    /// Media leaves from where a genuine check came to.
    pub fn confirmed_local_for(&self, to: TransportAddress) -> Option<IpAddr> {
        self.by_address.get(&to)?.local
    }

    /// Tells which addresses were its own.
    pub fn forget(&mut self, peer: PeerId, ufrag: &str) -> Vec<TransportAddress> {
        self.by_ufrag.remove(ufrag);
        let addresses = self.addresses.remove(&peer).unwrap_or_default();
        addresses.into_iter().filter(|address| self.drop_address(peer, *address)).collect()
    }

    /// False: it has become another's, and stays.
    fn drop_address(&mut self, peer: PeerId, address: TransportAddress) -> bool {
        let is_its_own = self.by_address.get(&address).is_some_and(|route| route.peer == peer);
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

    const MEDIA: &[u8] = &[0x80, 0, 0, 0];

    fn from(port: u16) -> TransportAddress {
        TransportAddress::udp(SocketAddr::from(([192, 0, 2, 1], port)))
    }

    fn expecting(peer: PeerId) -> Routes {
        let mut routes = Routes::default();
        routes.expect(format!("ufrag{}", peer.0), peer);
        routes
    }

    fn checks(routes: &mut Routes, peer: PeerId, port: u16) {
        let check = check(&format!("ufrag{}:theirs", peer.0));
        assert_eq!(routes.find(from(port), None, &check), Some(peer));
    }

    #[test]
    fn an_address_belongs_to_nobody_before_its_check_was_found_genuine() {
        let mut routes = expecting(PeerId(1));
        checks(&mut routes, PeerId(1), 7);
        assert_eq!(routes.find(from(7), None, MEDIA), None);
        routes.confirm(PeerId(1), from(8));
        routes.forget_heard();
        routes.confirm(PeerId(1), from(7));
        assert_eq!(routes.find(from(7), None, MEDIA), None);
        checks(&mut routes, PeerId(1), 7);
        routes.confirm(PeerId(1), from(7));
        routes.forget_heard();
        assert_eq!(routes.find(from(7), None, MEDIA), Some(PeerId(1)));
    }

    #[test]
    fn a_check_that_is_not_found_genuine_moves_no_media() {
        let (first, second) = (IpAddr::from([198, 51, 100, 1]), IpAddr::from([198, 51, 100, 2]));
        let mut routes = expecting(PeerId(1));
        let check = check("ufrag1:theirs");
        routes.find(from(7), Some(first), &check);
        routes.confirm(PeerId(1), from(7));
        routes.find(from(7), Some(second), &check);
        assert_eq!(
            (routes.confirmed_local_for(from(7)), routes.local_for(from(7))),
            (Some(first), Some(second))
        );
        routes.confirm(PeerId(1), from(7));
        assert_eq!(routes.confirmed_local_for(from(7)), Some(second));
    }

    #[test]
    fn a_viewer_that_roams_for_long_is_known_at_its_last_addresses() {
        let mut routes = expecting(PeerId(1));
        for port in 1..=100 {
            checks(&mut routes, PeerId(1), port);
            routes.confirm(PeerId(1), from(port));
            routes.forget_heard();
            assert_eq!(routes.find(from(port), None, MEDIA), Some(PeerId(1)));
        }
        assert_eq!(routes.by_address.len(), MAX_ADDRESSES_PER_PEER);
        routes.forget(PeerId(1), "ufrag1");
        assert!(routes.by_address.is_empty() && routes.by_ufrag.is_empty() && routes.addresses.is_empty());
    }

    #[test]
    fn an_address_that_became_anothers_stays_when_the_first_goes() {
        let mut routes = expecting(PeerId(1));
        routes.expect("ufrag2".into(), PeerId(2));
        for peer in [PeerId(1), PeerId(2)] {
            checks(&mut routes, peer, 7);
            routes.confirm(peer, from(7));
        }
        routes.forget_heard();
        routes.forget(PeerId(1), "ufrag1");
        assert_eq!(routes.find(from(7), None, MEDIA), Some(PeerId(2)));
    }

    #[test]
    fn a_port_of_tcp_is_another_than_that_of_udp_and_is_nobodys_once_it_is_lost() {
        let mut routes = expecting(PeerId(1));
        checks(&mut routes, PeerId(1), 7);
        routes.confirm(PeerId(1), from(7));
        let tcp = TransportAddress::tcp(from(7).socket);
        assert_eq!(routes.find(tcp, None, MEDIA), None);
        routes.find(tcp, None, &check("ufrag1:theirs"));
        routes.confirm(PeerId(1), tcp);
        routes.forget_heard();
        assert_eq!(routes.find(tcp, None, MEDIA), Some(PeerId(1)));
        routes.lose(tcp);
        assert_eq!(routes.find(tcp, None, MEDIA), None);
        // It came and ended before its check was answered.
        routes.find(tcp, None, &check("ufrag1:theirs"));
        routes.lose(tcp);
        routes.confirm(PeerId(1), tcp);
        assert_eq!(routes.find(tcp, None, MEDIA), None);
        assert_eq!(routes.forget(PeerId(1), "ufrag1"), [from(7)]);
    }
}
