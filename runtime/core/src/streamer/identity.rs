//! Who somebody is, over several connections: a browser that lost its network comes back before its old socket is known to be dead.
//!
//! An identity is its owner's secret, as a token is: whoever knows it is taken for that person, with the rights of their own token.
//! Others know a peer by its `peer_id`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// In bytes; a UUID has 36.
pub const LONGEST: usize = 64;

/// How long somebody who has left is known.
pub const KNOWN: Duration = Duration::from_secs(30);

/// Who have left and are known; of more the one that left first is not.
const MOST: usize = 64;

/// 1 to [`LONGEST`] letters, digits, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity(String);

impl Identity {
    pub fn parse(text: &str) -> Option<Self> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        ((1..=LONGEST).contains(&text.len()) && text.bytes().all(is_known)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Identity {
    /// It is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// What somebody was to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub peer_id: String,
    /// As they called themselves.
    pub name: String,
    /// Whether they steered, where one does at a time.
    pub was_host: bool,
}

/// Those who have left.
#[derive(Debug, Default)]
pub struct Memory(BTreeMap<Identity, (Instant, Known)>);

impl Memory {
    pub fn leaves(&mut self, identity: Identity, known: Known, now: Instant) {
        self.forget(now);
        self.0.insert(identity, (now, known));
        if self.0.len() > MOST {
            let first =
                self.0.iter().min_by_key(|(_, (left, _))| *left).map(|(identity, _)| identity.clone());
            first.and_then(|first| self.0.remove(&first));
        }
    }

    /// Who comes back, once.
    pub fn returns(&mut self, identity: &Identity, now: Instant) -> Option<Known> {
        self.forget(now);
        self.0.remove(identity).map(|(_, known)| known)
    }

    fn forget(&mut self, now: Instant) {
        self.0.retain(|_, (left, _)| now.saturating_duration_since(*left) <= KNOWN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(number: usize) -> Known {
        Known { peer_id: number.to_string(), name: String::new(), was_host: false }
    }

    fn identity(number: usize) -> Identity {
        Identity::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn an_identity_is_short_plain_and_never_printed() {
        let longest = "a".repeat(LONGEST);
        for good in ["a", "5d1f-A_9", &longest] {
            assert_eq!(format!("{:?}", Identity::parse(good).unwrap()), "Identity");
        }
        for bad in ["", "a b", "ä", "a/b", &format!("{longest}a")] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_has_left_is_known_for_a_while_and_comes_back_once() {
        let (now, mut memory) = (Instant::now(), Memory::default());
        memory.leaves(identity(1), known(1), now);
        memory.leaves(identity(2), known(2), now);
        assert_eq!(memory.returns(&identity(3), now), None);
        assert_eq!(memory.returns(&identity(1), now + KNOWN), Some(known(1)));
        assert_eq!(memory.returns(&identity(1), now + KNOWN), None, "it is here");
        assert_eq!(memory.returns(&identity(2), now + KNOWN + Duration::from_millis(1)), None);
    }

    #[test]
    fn many_who_leave_are_not_all_kept() {
        let (now, mut memory) = (Instant::now(), Memory::default());
        for number in 0..=MOST {
            let left = now + Duration::from_millis(u64::try_from(number).unwrap());
            memory.leaves(identity(number), known(number), left);
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(memory.returns(&identity(0), later), None);
        assert_eq!(memory.returns(&identity(MOST), later), Some(known(MOST)));
    }
}
