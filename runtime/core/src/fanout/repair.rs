//! How often one viewer may ask for a picture that everybody pays for.
//!
//! A keyframe costs every viewer of a hub several ordinary frames. Who loses pictures now and then is helped at once; whose
//! network loses them all the time is helped less and less often, until it was content for a while.

use std::time::{Duration, Instant};

/// As long as a hub waits between two repairs anyway.
pub const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The picture of a viewer that always loses stands no longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, Debug, Default)]
pub struct Patience(Option<Served>);

#[derive(Clone, Copy, Debug)]
struct Served {
    at: Instant,
    wait: Duration,
}

impl Patience {
    /// Whether a report of a lost picture is passed on now. Those that are not need not be remembered: a viewer without a
    /// picture repeats them (RFC 4585 §6.3.1). What it does not know of is to be asked for at [`Self::admits_at`].
    pub fn admits(&mut self, now: Instant) -> bool {
        let wait = match self.0 {
            Some(served) if now < served.at + served.wait => return false,
            Some(served) if now < served.at + served.wait * 4 => (served.wait * 2).min(LONGEST_WAIT),
            _ => FIRST_WAIT,
        };
        self.0 = Some(Served { at: now, wait });
        true
    }

    /// From when on one is passed on, unless that is now.
    pub fn admits_at(&self, now: Instant) -> Option<Instant> {
        self.0.map(|served| served.at + served.wait).filter(|at| *at > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_that_loses_all_the_time_is_helped_less_and_less_often() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let asks = (0..600).map(|n| start + Duration::from_millis(100) * n);
        let helped: Vec<Instant> = asks.filter(|now| patience.admits(*now)).collect();
        // After 0, 0.5, 1.5, 3.5 and 7.5 s, and from then on each 8 s.
        assert_eq!(helped.len(), 11);
        assert!(helped[10] - helped[9] >= LONGEST_WAIT);
    }

    #[test]
    fn a_wish_that_is_not_passed_on_is_at_the_time_that_is_told() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        assert_eq!(patience.admits_at(start), None);
        assert!(patience.admits(start));
        let at = patience.admits_at(start).expect("it must wait");
        assert!(!patience.admits(at - Duration::from_millis(1)) && patience.admits(at));
    }

    #[test]
    fn whoever_was_content_for_a_while_is_helped_at_once_again() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        assert!(patience.admits(start));
        assert!(!patience.admits(start + FIRST_WAIT / 2));
        assert!(patience.admits(start + FIRST_WAIT));
        let later = start + Duration::from_secs(20);
        assert!(patience.admits(later));
        assert!(!patience.admits(later + FIRST_WAIT / 2));
        assert!(patience.admits(later + FIRST_WAIT));
    }
}
