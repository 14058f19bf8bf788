//! Whose datagram is this: by address, and before an address is known by the user fragment in an ICE check.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use super::stun::addressed_ufrag;

/// A viewer checks from each of its interfaces, and from new ones when it roams; more is somebody filling the table.
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
    by_address: HashMap<SocketAddr, Route>,
}

impl Routes {
    pub fn expect(&mut self, ufrag: String, peer: PeerId) {
        self.by_ufrag.insert(ufrag, peer);
    }

    /// An ICE check always says whom it is for, even from an address that belonged to another viewer before.
    pub fn find(&mut self, from: SocketAddr, local: Option<IpAddr>, datagram: &[u8]) -> Option<PeerId> {
        let Some(ufrag) = addressed_ufrag(datagram) else {
            return self.by_address.get(&from).map(|route| route.peer);
        };
        let peer = *self.by_ufrag.get(ufrag)?;
        let known = self.by_address.get(&from).is_some_and(|route| route.peer == peer);
        if !known && self.addresses_of(peer) >= MAX_ADDRESSES_PER_PEER {
            return None;
        }
        self.by_address.insert(from, Route { peer, local });
        Some(peer)
    }

    pub fn local_for(&self, to: SocketAddr) -> Option<IpAddr> {
        self.by_address.get(&to)?.local
    }

    pub fn forget(&mut self, peer: PeerId) {
        self.by_ufrag.retain(|_, other| *other != peer);
        self.by_address.retain(|_, route| route.peer != peer);
    }

    fn addresses_of(&self, peer: PeerId) -> usize {
        self.by_address.values().filter(|route| route.peer == peer).count()
    }
}
