//! Peers of whom nothing is heard: first they let go of what they hold, then they are no longer here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Peer;

/// A peer that is there says so several times in that time (consent to send is asked for less often, but media is acknowledged all
/// the time): a key that nobody holds any more must not stay down for longer than people put up with.
pub const LETS_GO_AFTER: Duration = Duration::from_secs(2);
/// It may come back from a tunnel or another network until then, and still be who it was.
pub const GONE_AFTER: Duration = Duration::from_secs(10);

/// When each peer was last heard of.
#[derive(Debug, Default)]
pub struct Silence {
    peers: BTreeMap<Peer, Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    heard: Instant,
    let_go: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapsed {
    /// What it holds is to be released; it is still here.
    LetGo(Peer),
    /// It is not here any more, and is forgotten.
    Gone(Peer),
}

impl Silence {
    /// A sign of life, of one that is new too.
    pub fn heard(&mut self, peer: Peer, now: Instant) {
        let last = self.peers.entry(peer).or_insert(Last { heard: now, let_go: false });
        *last = Last { heard: last.heard.max(now), let_go: false };
    }

    pub fn leave(&mut self, peer: Peer) {
        self.peers.remove(&peer);
    }

    /// When [`Self::expired`] has something to tell.
    pub fn expires_at(&self) -> Option<Instant> {
        self.peers.values().map(|last| last.next()).min()
    }

    /// Each is told once.
    pub fn expired(&mut self, now: Instant) -> Vec<Lapsed> {
        let mut lapsed = Vec::new();
        self.peers.retain(|peer, last| {
            let is_here = now < last.heard + GONE_AFTER;
            if !last.let_go && now >= last.heard + LETS_GO_AFTER {
                last.let_go = true;
                lapsed.push(Lapsed::LetGo(*peer));
            }
            if !is_here {
                lapsed.push(Lapsed::Gone(*peer));
            }
            is_here
        });
        lapsed
    }
}

impl Last {
    fn next(self) -> Instant {
        self.heard + if self.let_go { GONE_AFTER } else { LETS_GO_AFTER }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Peer = Peer(1);
    const BOB: Peer = Peer(2);

    #[test]
    fn a_silent_peer_lets_go_after_two_seconds_and_is_gone_after_ten() {
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut silence = Silence::default();
        assert_eq!(silence.expires_at(), None);
        silence.heard(ADA, start);
        silence.heard(BOB, after(1_000));
        assert_eq!(silence.expires_at(), Some(after(2_000)));
        assert_eq!(silence.expired(after(1_999)), []);
        assert_eq!(silence.expired(after(2_000)), [Lapsed::LetGo(ADA)]);
        assert_eq!(silence.expired(after(2_500)), []);
        silence.heard(BOB, after(2_900));
        assert_eq!(silence.expires_at(), Some(after(4_900)));
        silence.leave(BOB);
        assert_eq!(silence.expires_at(), Some(after(10_000)));
        assert_eq!(silence.expired(after(10_000)), [Lapsed::Gone(ADA)]);
        assert_eq!((silence.expired(after(20_000)), silence.expires_at()), (vec![], None));
    }

    #[test]
    fn a_peer_that_is_heard_of_again_is_as_it_was_before() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::default();
        silence.heard(ADA, start);
        silence.expired(after(3));
        silence.heard(ADA, after(9));
        assert_eq!(silence.expired(after(10)), []);
        assert_eq!(silence.expired(after(11)), [Lapsed::LetGo(ADA)]);
    }

    #[test]
    fn nobody_is_gone_who_was_not_told_to_let_go() {
        let start = Instant::now();
        let mut silence = Silence::default();
        silence.heard(ADA, start);
        assert_eq!(silence.expired(start + GONE_AFTER), [Lapsed::LetGo(ADA), Lapsed::Gone(ADA)]);
    }
}
