//! Resume tickets: what a session shows instead of a token that would have to be reviewed. Whoever holds one was reviewed
//! before; it names the pod, runs out, and is good with every replica, since all share the key.

use crate::control::identity::PodRef;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::time::Duration;

/// Longer than a hand-over or an outage of the operator; an older one costs one token review.
const VALID: Duration = Duration::from_secs(24 * 3600);
const SIGNATURE_BYTES: usize = 32;

/// Makes and checks tickets.
pub struct Tickets {
    key: [u8; 32],
}

impl Tickets {
    /// `key` is shared by all replicas.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A ticket for this pod. `now` is the time since 1970.
    pub fn issue(&self, pod: &PodRef, now: Duration) -> Vec<u8> {
        let text = format!("{}\n{}\n{}\n{}", pod.namespace, pod.name, pod.uid, (now + VALID).as_secs());
        let signature = self.mac(text.as_bytes()).finalize().into_bytes();
        [&signature[..], text.as_bytes()].concat()
    }

    /// The pod that the ticket was made for; `None` if it was not made here, or has run out.
    pub fn check(&self, ticket: &[u8], now: Duration) -> Option<PodRef> {
        let (signature, text) = ticket.split_at_checked(SIGNATURE_BYTES)?;
        self.mac(text).verify_slice(signature).ok()?;
        let mut lines = std::str::from_utf8(text).ok()?.split('\n').map(str::to_owned);
        let pod = PodRef { namespace: lines.next()?, name: lines.next()?, uid: lines.next()? };
        let end: u64 = lines.next()?.parse().ok()?;
        (now.as_secs() < end).then_some(pod)
    }

    fn mac(&self, text: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC must take a key of any length");
        mac.update(text);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn pod() -> PodRef {
        PodRef { namespace: "demo".into(), name: "ada-1".into(), uid: "u1".into() }
    }

    #[test]
    fn a_ticket_names_its_pod_until_it_runs_out() {
        let tickets = Tickets::new([7; 32]);
        let ticket = tickets.issue(&pod(), NOW);
        assert_eq!(tickets.check(&ticket, NOW), Some(pod()));
        assert_eq!(tickets.check(&ticket, NOW + VALID), None);
    }

    #[test]
    fn a_ticket_that_was_touched_is_worth_nothing() {
        let tickets = Tickets::new([7; 32]);
        let ticket = tickets.issue(&pod(), NOW);
        for position in 0..ticket.len() {
            let mut touched = ticket.clone();
            touched[position] ^= 1;
            assert_eq!(tickets.check(&touched, NOW), None, "byte {position}");
        }
        assert_eq!(tickets.check(&[], NOW), None);
        assert_eq!(Tickets::new([8; 32]).check(&ticket, NOW), None, "another authority's");
    }
}
