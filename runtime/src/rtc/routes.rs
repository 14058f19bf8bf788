//! One loop's part in who is where: it finds out which checks are genuine.
//!
//! The stack says so by answering a check, or by checking back. Whoever is not confirmed by the end of a turn is a stranger again.

use std::collections::HashMap;
use std::net::IpAddr;

use super::directory::{Directory, PeerId};
use super::stun::addressed_ufrag;
use super::transport_address::TransportAddress;

pub(super) struct Routes {
    directory: Directory,
    /// Senders of this turn's checks, which may be anybody.
    heard: HashMap<TransportAddress, Route>,
}

#[derive(Clone, Copy, Debug)]
struct Route {
    peer: PeerId,
    /// The address of ours that it used: answers leave from there.
    local: Option<IpAddr>,
}

impl Routes {
    pub fn new(directory: Directory) -> Self {
        Self { directory, heard: HashMap::new() }
    }

    /// A datagram came for that peer: if it is a check, its sender says so.
    pub fn hear(&mut self, peer: PeerId, from: TransportAddress, local: Option<IpAddr>, datagram: &[u8]) {
        if addressed_ufrag(datagram).is_some() {
            self.heard.insert(from, Route { peer, local });
        }
    }

    /// A check of that peer from there was genuine: what else comes from there is the peer's. Tells which of its addresses gave
    /// way.
    pub fn confirm(&mut self, peer: PeerId, from: TransportAddress) -> Option<TransportAddress> {
        let route = self.heard.get(&from).filter(|route| route.peer == peer)?;
        self.directory.claim(peer, from, route.local)
    }

    /// Nothing comes from there any more.
    pub fn lose(&mut self, from: TransportAddress) {
        self.heard.remove(&from);
        self.directory.lose(from);
    }

    /// The turn is over.
    pub fn forget_heard(&mut self) {
        self.heard.clear();
    }

    /// Answers to a check leave from where it came to.
    pub fn local_for(&self, to: TransportAddress) -> Option<IpAddr> {
        self.heard.get(&to).map_or_else(|| self.directory.local_for(to), |route| route.local)
    }

    /// Media leaves from where a genuine check came to.
    pub fn confirmed_local_for(&self, to: TransportAddress) -> Option<IpAddr> {
        self.directory.local_for(to)
    }

    /// Whether a check of that peer from there was genuine.
    pub fn is_at(&self, peer: PeerId, at: TransportAddress) -> bool {
        self.directory.is_claimed(peer, at)
    }

    /// A peer that we check may be at these, too.
    pub fn hope(&self, peer: PeerId, at: &[TransportAddress]) {
        self.directory.hope(peer, at);
    }

    /// A peer's checks name this user fragment from now on.
    pub fn rename(&self, peer: PeerId, ufrag: &str) {
        self.directory.rename(peer, ufrag);
    }

    /// Tells which addresses were its own.
    pub fn forget(&self, peer: PeerId) -> Vec<TransportAddress> {
        self.directory.forget(peer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::rtc::directory::{Home, LoopId};
    use crate::rtc::stun::check;

    const MEDIA: &[u8] = &[0x80, 0, 0, 0];

    fn from(port: u16) -> TransportAddress {
        TransportAddress::udp(SocketAddr::from(([192, 0, 2, 1], port)))
    }

    fn expecting() -> (Directory, Routes, Home) {
        let directory = Directory::new(1);
        let home = directory.expect(LoopId(0), "session", "ours");
        (directory.clone(), Routes::new(directory), home)
    }

    #[test]
    fn an_address_belongs_to_nobody_before_its_check_was_found_genuine() {
        let (directory, mut routes, home) = expecting();
        let checks = |routes: &mut Routes| routes.hear(home.peer, from(7), None, &check("ours:theirs"));
        checks(&mut routes);
        assert_eq!(directory.find(from(7), MEDIA), None);
        routes.confirm(home.peer, from(8));
        routes.forget_heard();
        routes.confirm(home.peer, from(7));
        assert_eq!(directory.find(from(7), MEDIA), None);
        checks(&mut routes);
        routes.confirm(home.peer, from(7));
        routes.forget_heard();
        assert_eq!(directory.find(from(7), MEDIA), Some(home));
    }

    #[test]
    fn a_check_that_is_not_found_genuine_moves_no_media() {
        let (first, second) = (IpAddr::from([198, 51, 100, 1]), IpAddr::from([198, 51, 100, 2]));
        let (_, mut routes, home) = expecting();
        let check = check("ours:theirs");
        routes.hear(home.peer, from(7), Some(first), &check);
        routes.confirm(home.peer, from(7));
        routes.hear(home.peer, from(7), Some(second), &check);
        assert_eq!(
            (routes.confirmed_local_for(from(7)), routes.local_for(from(7))),
            (Some(first), Some(second))
        );
        routes.confirm(home.peer, from(7));
        assert_eq!(routes.confirmed_local_for(from(7)), Some(second));
    }

    #[test]
    fn what_is_no_check_says_nothing_of_its_sender() {
        let (directory, mut routes, home) = expecting();
        routes.hear(home.peer, from(7), None, MEDIA);
        routes.confirm(home.peer, from(7));
        assert!(!directory.knows(from(7)));
    }
}
