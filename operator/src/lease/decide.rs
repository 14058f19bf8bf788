//! Who may lead. Pure: the lease as it was read, when this process first saw it so, and now.
//!
//! The times written in a lease are never compared with this machine's clock: a lease is over when nobody has changed it
//! for its duration, as measured here. Clocks may differ as they like.

use std::time::{Duration, Instant};

/// A lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Empty: given back.
    pub(crate) holder: String,
    /// How long the holder's word counts.
    pub(crate) duration: Duration,
    /// How often it changed hands.
    pub(crate) transitions: u64,
    /// When this process first saw this very state of the lease.
    pub(crate) unchanged_since: Instant,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nobody has ever had it.
    Create,
    /// It is ours: say so again.
    Renew,
    /// It is free: take it, with this number of transitions.
    Take { transitions: u64 },
    /// Another has it.
    Wait,
}

/// `me` is unique to this process.
pub(crate) fn decide(lease: Option<&Observed>, me: &str, now: Instant) -> Step {
    let Some(lease) = lease else { return Step::Create };
    let silent = now.saturating_duration_since(lease.unchanged_since);
    if lease.holder == me {
        Step::Renew
    } else if lease.holder.is_empty() || silent > lease.duration {
        Step::Take { transitions: lease.transitions + 1 }
    } else {
        Step::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn lease(holder: &str, unchanged_since: Instant) -> Observed {
        Observed { holder: holder.into(), duration: DURATION, transitions: 7, unchanged_since }
    }

    #[test]
    fn a_lease_that_nobody_made_is_created() {
        assert_eq!(decide(None, "a", Instant::now()), Step::Create);
    }

    #[test]
    fn the_holder_renews_even_when_it_is_late() {
        let start = Instant::now();
        assert_eq!(decide(Some(&lease("a", start)), "a", start + 2 * DURATION), Step::Renew);
    }

    #[test]
    fn another_waits_until_the_lease_was_silent_for_its_duration() {
        let start = Instant::now();
        let held = lease("a", start);
        assert_eq!(decide(Some(&held), "b", start + DURATION), Step::Wait);
        let late = start + DURATION + Duration::from_millis(1);
        assert_eq!(decide(Some(&held), "b", late), Step::Take { transitions: 8 });
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let start = Instant::now();
        assert_eq!(decide(Some(&lease("", start)), "b", start), Step::Take { transitions: 8 });
    }
}
