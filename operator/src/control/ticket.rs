//! Resume tickets: what a session shows instead of a token that would have to be reviewed. Whoever holds one was reviewed a
//! moment ago. It is good for one process of one pod at one address, with every replica, since all share the key, and for so
//! short a time that a copy of it is soon worth nothing.

use crate::control::identity::PodRef;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::IpAddr;
use std::time::Duration;

/// Longer than a hand-over takes; a session that was without an operator for longer costs one token review.
const VALID: Duration = Duration::from_secs(10 * 60);
/// How often a session that is linked gets a new one: what it holds is good for half of [`VALID`] at least.
pub(super) const RENEWED: Duration = Duration::from_secs(5 * 60);
const SIGNATURE_BYTES: usize = 32;

/// Makes and checks tickets.
pub struct Tickets {
    key: [u8; 32],
}

/// Who may show a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder<'a> {
    /// Of its process.
    pub(super) boot_id: &'a str,
    /// From where it dials.
    pub(super) address: IpAddr,
}

impl Tickets {
    /// `key` is shared by all replicas.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// A ticket of this holder for this pod. `now` is the time since 1970.
    pub(super) fn issue(&self, pod: &PodRef, holder: Holder<'_>, now: Duration) -> Vec<u8> {
        let text = format!("{}\n{}\n{}\n{}", pod.namespace, pod.name, pod.uid, (now + VALID).as_secs());
        let signature = self.mac(text.as_bytes(), holder).finalize().into_bytes();
        [&signature[..], text.as_bytes()].concat()
    }

    /// The pod that the ticket was made for; `None` if it was not made here, or for another holder, or has run out.
    pub(super) fn check(&self, ticket: &[u8], holder: Holder<'_>, now: Duration) -> Option<PodRef> {
        let (signature, text) = ticket.split_at_checked(SIGNATURE_BYTES)?;
        self.mac(text, holder).verify_slice(signature).ok()?;
        let mut lines = std::str::from_utf8(text).ok()?.split('\n').map(str::to_owned);
        let pod = PodRef { namespace: lines.next()?, name: lines.next()?, uid: lines.next()? };
        let end: u64 = lines.next()?.parse().ok()?;
        (now.as_secs() < end).then_some(pod)
    }

    /// The holder is signed and not written down. What may hold anything comes last.
    fn mac(&self, text: &[u8], holder: Holder<'_>) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC must take a key of any length");
        mac.update(text);
        mac.update(format!("\n{}\n{}", holder.address.to_canonical(), holder.boot_id).as_bytes());
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

    fn holder(boot_id: &'static str, address: &str) -> Holder<'static> {
        Holder { boot_id, address: address.parse().unwrap() }
    }

    fn ada() -> Holder<'static> {
        holder("b1", "10.244.0.9")
    }

    #[test]
    fn a_ticket_names_its_pod_until_it_runs_out() {
        let tickets = Tickets::new([7; 32]);
        let ticket = tickets.issue(&pod(), ada(), NOW);
        assert_eq!(tickets.check(&ticket, ada(), NOW), Some(pod()));
        assert_eq!(tickets.check(&ticket, ada(), NOW + VALID), None);
    }

    #[test]
    fn a_linked_session_never_holds_a_ticket_that_is_about_to_run_out() {
        assert!(RENEWED * 2 <= VALID && VALID <= Duration::from_secs(15 * 60));
    }

    #[test]
    fn a_ticket_is_worth_nothing_to_another_process_or_at_another_address() {
        let tickets = Tickets::new([7; 32]);
        let ticket = tickets.issue(&pod(), ada(), NOW);
        for thief in [holder("b2", "10.244.0.9"), holder("b1", "10.244.0.8"), holder("b1", "fd00::9")] {
            assert_eq!(tickets.check(&ticket, thief, NOW), None, "{thief:?}");
        }
        let same = holder("b1", "::ffff:10.244.0.9");
        assert_eq!(tickets.check(&ticket, same, NOW), Some(pod()), "as a listener of both families shows it");
    }

    #[test]
    fn a_ticket_that_was_touched_is_worth_nothing() {
        let tickets = Tickets::new([7; 32]);
        let ticket = tickets.issue(&pod(), ada(), NOW);
        for position in 0..ticket.len() {
            let mut touched = ticket.clone();
            touched[position] ^= 1;
            assert_eq!(tickets.check(&touched, ada(), NOW), None, "byte {position}");
        }
        assert_eq!(tickets.check(&[], ada(), NOW), None);
        assert_eq!(Tickets::new([8; 32]).check(&ticket, ada(), NOW), None, "another authority's");
    }
}
