//! When a source rests: it is there, and nothing of it is decoded, because nobody looks or listens.
//!
//! ```text
//!            nobody needs it      for WARM, and it plays
//!   Awake ──────────────────> Idle ──────────────────────> Resting
//!     ^                        │                              │
//!     └── somebody needs it ───┴──────────────────────────────┘
//! ```
//!
//! It is not put to rest before it has been seen to play: that it rests says that it would play.

use std::time::Duration;

/// From the last need to the rest: longer than a page takes to be loaded again.
pub const WARM: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rest {
    #[default]
    Awake,
    /// Nobody has needed it since.
    Idle {
        since: Duration,
    },
    Resting,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Rests,
    Wakes,
}

impl Rest {
    /// `needed`: somebody looks or listens, or nobody knows whether they do. `plays`: it has been seen to, and does not stall.
    pub fn look(&mut self, now: Duration, needed: bool, plays: bool) -> Option<Change> {
        let before = *self;
        *self = match before {
            _ if needed => Self::Awake,
            Self::Awake => Self::Idle { since: now },
            Self::Idle { since } if plays && now.saturating_sub(since) >= WARM => Self::Resting,
            Self::Idle { .. } | Self::Resting => before,
        };
        match (before, *self) {
            (Self::Resting, Self::Resting) => None,
            (Self::Resting, _) => Some(Change::Wakes),
            (_, Self::Resting) => Some(Change::Rests),
            _ => None,
        }
    }

    pub fn rests(self) -> bool {
        self == Self::Resting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_source_that_nobody_needs_rests_after_a_while_and_wakes_at_once() {
        let mut rest = Rest::default();
        assert_eq!(rest.look(at(1), false, true), None);
        assert_eq!(rest.look(at(10), false, true), None, "it stays warm");
        assert_eq!(rest.look(at(11), false, true), Some(Change::Rests));
        assert_eq!(rest.look(at(12), false, true), None);
        assert!(rest.rests());
        assert_eq!(rest.look(at(13), true, true), Some(Change::Wakes));
        assert!(!rest.rests());
    }

    #[test]
    fn a_source_that_is_needed_in_between_begins_to_wait_anew() {
        let mut rest = Rest::default();
        rest.look(at(1), false, true);
        rest.look(at(9), true, true);
        assert_eq!(rest.look(at(10), false, true), None);
        assert_eq!(rest.look(at(19), false, true), None);
        assert_eq!(rest.look(at(20), false, true), Some(Change::Rests));
    }

    #[test]
    fn what_has_not_been_seen_to_play_does_not_rest() {
        let mut rest = Rest::default();
        rest.look(at(1), false, false);
        assert_eq!(rest.look(at(60), false, false), None);
        assert_eq!(rest.look(at(61), false, true), Some(Change::Rests));
    }
}
