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
    /// The term of its holder, or of the last one.
    pub(crate) term: u64,
    /// When this process first saw this very state of the lease.
    pub(crate) unchanged_since: Instant,
}

/// What to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is not there: make it, with this term.
    Create { term: u64 },
    /// It is ours: say so again.
    Renew,
    /// It is free: take it, with this term.
    Take { term: u64 },
    /// Another has it.
    Wait,
}

/// `me` is unique to this process. `clock` is the lowest term that may begin now: it rises faster than leaders change, so that
/// a lease that was deleted, or put back as it once was, goes on above all terms that were ever given.
pub(crate) fn decide(lease: Option<&Observed>, me: &str, now: Instant, clock: u64) -> Step {
    let Some(lease) = lease else { return Step::Create { term: clock.max(1) } };
    let silent = now.saturating_duration_since(lease.unchanged_since);
    if lease.holder == me {
        Step::Renew
    } else if lease.holder.is_empty() || silent > lease.duration {
        Step::Take { term: clock.max(lease.term + 1) }
    } else {
        Step::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: Duration = Duration::from_secs(15);

    fn lease(holder: &str, unchanged_since: Instant) -> Observed {
        Observed { holder: holder.into(), duration: DURATION, term: 7, unchanged_since }
    }

    #[test]
    fn a_lease_that_nobody_made_is_created() {
        assert_eq!(decide(None, "a", Instant::now(), 5), Step::Create { term: 5 });
        assert_eq!(decide(None, "a", Instant::now(), 0), Step::Create { term: 1 });
    }

    #[test]
    fn the_holder_renews_even_when_it_is_late() {
        let start = Instant::now();
        assert_eq!(decide(Some(&lease("a", start)), "a", start + 2 * DURATION, 0), Step::Renew);
    }

    #[test]
    fn another_waits_until_the_lease_was_silent_for_its_duration() {
        let start = Instant::now();
        let held = lease("a", start);
        assert_eq!(decide(Some(&held), "b", start + DURATION, 0), Step::Wait);
        let late = start + DURATION + Duration::from_millis(1);
        assert_eq!(decide(Some(&held), "b", late, 0), Step::Take { term: 8 });
    }

    #[test]
    fn a_lease_that_was_given_back_is_taken_at_once() {
        let start = Instant::now();
        assert_eq!(decide(Some(&lease("", start)), "b", start, 0), Step::Take { term: 8 });
    }

    #[test]
    fn a_term_is_above_that_of_a_lease_that_is_gone() {
        let (start, given_at) = (Instant::now(), 1000);
        let Step::Create { term } = decide(None, "a", start, given_at) else { panic!("nobody has it") };
        let held = Observed { term, ..lease("", start) };
        assert_eq!(decide(Some(&held), "b", start, given_at), Step::Take { term: 1001 });
        assert_eq!(decide(None, "c", start, given_at + 60), Step::Create { term: 1060 });
        let put_back = lease("", start);
        assert_eq!(decide(Some(&put_back), "c", start, given_at + 60), Step::Take { term: 1060 });
    }
}
