//! The fingers on one touch screen, of whomever: each has a number of its own for as long as it is down.

use crate::steering::{Act, Contact, Peer};

/// As many as touch screens tell apart; who comes with one more is not felt.
const MOST_FINGERS: usize = 10;

/// By their numbers, the finger of the peer that is there.
#[derive(Debug, Default)]
pub(super) struct Fingers {
    down: [Option<(Peer, u32)>; MOST_FINGERS],
}

impl Fingers {
    pub(super) fn touch(&mut self, peer: Peer, id: u32, contact: Contact) -> Option<Act> {
        let known = self.down.iter().position(|finger| *finger == Some((peer, id)));
        let (number, contact) = match (known, contact) {
            // Its end was lost: it is where it says.
            (Some(number), Contact::Down(place)) => (number, Contact::Move(place)),
            (Some(number), contact) => (number, contact),
            (None, Contact::Down(_)) => (self.down.iter().position(Option::is_none)?, contact),
            (None, _) => return None,
        };
        if let Some(finger) = self.down.get_mut(number) {
            *finger = (contact != Contact::Up).then_some((peer, id));
        }
        Some(Act::Touch { id: u32::try_from(number).ok()?, contact })
    }

    /// Tells the numbers of those that were down.
    pub(super) fn lift(&mut self, peer: Peer) -> Vec<u32> {
        let there = (0..).zip(&mut self.down);
        let lifted =
            there.filter_map(|(number, finger)| finger.take_if(|(of, _)| *of == peer).map(|_| number));
        lifted.collect()
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = Peer> {
        self.down.iter().flatten().map(|(peer, _)| *peer)
    }
}
