//! When roots follow one another. Pure: ages and now are arguments.
//!
//! ```text
//!            rotate_after               publish_for                  keep_for
//! current ───────────────> + next ───────────────────> next is ────────────────> current
//!                Prepare    (both are      Promote      current,        Drop
//!                            trusted)                   the old one
//!                                                       is trusted
//! ```
//! A session reads the roots that it trusts when it dials. Before a root signs anything it was published for so long that
//! every session has it, and after the last signature of the old one it stays so long that nobody needs it any more.

use jiff::Timestamp;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How fast roots follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Age at which a root gets a successor.
    pub rotate_after: Duration,
    /// For how long a successor is published before it signs.
    pub publish_for: Duration,
    /// For how long a root is trusted after its successor has begun to sign.
    pub keep_for: Duration,
    /// How often a leader looks whether something is to be done; the first time this long after it began, when it has
    /// published what there is.
    pub check_every: Duration,
}

impl Default for Times {
    /// A year is what people keep certificates for; whoever steals the key has what is left of it. A week is far more than the
    /// minutes in which a kubelet follows a ConfigMap: it covers nodes that are away over holidays.
    fn default() -> Self {
        Self {
            rotate_after: 365 * DAY,
            publish_for: 7 * DAY,
            keep_for: 7 * DAY,
            check_every: Duration::from_secs(10 * 60),
        }
    }
}

/// When what there is came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ages {
    /// The root that signs was made.
    pub(super) made: Timestamp,
    /// Its successor was published.
    pub(super) next: Option<Timestamp>,
    /// Its predecessor signed last.
    pub(super) retired: Option<Timestamp>,
}

/// What to do. One at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Keep,
    /// Make a successor, and publish it.
    Prepare,
    /// Have the successor sign.
    Promote,
    /// Trust the predecessor no longer.
    Drop,
}

/// There are never more than two roots at a time.
pub(super) fn decide(ages: Ages, times: &Times, now: Timestamp) -> Step {
    // Of what is in the future, after a clock was set back, nothing is over.
    let over = |since: Timestamp, time: Duration| {
        Duration::try_from(now.duration_since(since)).is_ok_and(|elapsed| elapsed >= time)
    };
    match ages {
        Ages { retired: Some(retired), .. } if over(retired, times.keep_for) => Step::Drop,
        Ages { retired: Some(_), .. } => Step::Keep,
        Ages { next: Some(next), .. } if over(next, times.publish_for) => Step::Promote,
        Ages { next: None, made, .. } if over(made, times.rotate_after) => Step::Prepare,
        Ages { .. } => Step::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const YEARS: u32 = 20;

    fn at(time: Duration) -> Timestamp {
        Timestamp::UNIX_EPOCH + time
    }

    /// Roots by their number, and what an operator that looks now and then makes of them.
    struct World {
        ages: Ages,
        signs: u32,
        trusted: Vec<u32>,
    }

    impl World {
        fn new() -> Self {
            Self {
                ages: Ages { made: at(Duration::ZERO), next: None, retired: None },
                signs: 0,
                trusted: vec![0],
            }
        }

        fn look(&mut self, now: Timestamp) {
            match decide(self.ages, &Times::default(), now) {
                Step::Keep => {}
                Step::Prepare => {
                    self.ages.next = Some(now);
                    self.trusted.push(self.signs + 1);
                }
                Step::Promote => {
                    let made = self.ages.next.take().unwrap();
                    (self.ages.made, self.ages.retired) = (made, Some(now));
                    self.signs += 1;
                }
                Step::Drop => {
                    self.ages.retired = None;
                    self.trusted.retain(|root| *root == self.signs);
                }
            }
        }
    }

    /// Over many years, for an operator that looks each so often: whoever read the roots within the last `stale` time trusts
    /// what is shown to him.
    fn serves_sessions_that_are_behind_by(stale: Duration, looks_each: Duration) -> u32 {
        let mut world = World::new();
        // What was read, and when it was read last: between two steps of a rotation it is the same each time.
        let mut read: Vec<(Timestamp, Vec<u32>)> = Vec::new();
        let mut now = at(Duration::ZERO);
        while now < at(YEARS * 365 * DAY) {
            world.look(now);
            match read.last_mut() {
                Some((when, trusted)) if *trusted == world.trusted => *when = now,
                _ => read.push((now, world.trusted.clone())),
            }
            read.retain(|(when, _)| *when >= now - stale);
            for (when, trusted) in &read {
                assert!(
                    trusted.contains(&world.signs),
                    "{} is shown at {now}, {trusted:?} read at {when}",
                    world.signs
                );
            }
            assert!(world.trusted.len() <= 2);
            now += looks_each;
        }
        world.signs
    }

    #[test]
    fn over_twenty_years_nobody_meets_a_root_that_he_does_not_trust() {
        for looks_each in [HOUR, 5 * HOUR, 2 * DAY, 40 * DAY] {
            let rotations = serves_sessions_that_are_behind_by(6 * DAY, looks_each);
            assert!((15..=19).contains(&rotations), "{rotations} rotations, looking each {looks_each:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_changes_nothing() {
        let times = Times::default();
        let later = at(1000 * DAY);
        for ages in [
            Ages { made: later, next: None, retired: None },
            Ages { made: later, next: Some(later), retired: None },
            Ages { made: later, next: None, retired: Some(later) },
        ] {
            assert_eq!(decide(ages, &times, at(DAY)), Step::Keep);
        }
    }
}
