//! When to ask the encoder for a keyframe.
//!
//! ```text
//!            request                    due: issue
//!   idle ───────────────> wanted ───────────────────> resting ── gap over ──> idle
//!     ^                     │ a keyframe came anyway     │ request: wanted again, after the gap
//!     └─────────────────────┘<───────────────────────────┘
//! ```
//! A keyframe costs every reader several ordinary frames. Whoever joins has no picture and is served soon; whoever
//! lost something has one, waits longer, and so cannot tax the rest.

use std::time::{Duration, Instant};

/// Joiners within this time share a keyframe: three frames at 30 fps.
pub const JOIN_GAP: Duration = Duration::from_millis(100);
/// What LiveKit uses between two answers to picture loss.
pub const REPAIR_GAP: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A reader has no picture yet.
    Join,
    /// A reader lost part of the picture it had.
    Repair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Now,
    At(Instant),
    Never,
}

/// Everything asked for and not yet served, merged into one wish.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requests {
    wanted: Option<Need>,
    issued_at: Option<Instant>,
}

impl Requests {
    pub fn want(&mut self, need: Need) {
        self.wanted = match (self.wanted, need) {
            (Some(Need::Join), _) | (_, Need::Join) => Some(Need::Join),
            _ => Some(Need::Repair),
        };
    }

    pub fn due(&self, now: Instant) -> Due {
        let Some(need) = self.wanted else { return Due::Never };
        let gap = match need {
            Need::Join => JOIN_GAP,
            Need::Repair => REPAIR_GAP,
        };
        match self.issued_at.map(|at| at + gap) {
            Some(at) if at > now => Due::At(at),
            _ => Due::Now,
        }
    }

    /// The encoder is asked; what for, if that is wanted still.
    pub fn issued(&mut self, now: Instant) -> Option<Need> {
        self.issued_at = Some(now);
        self.wanted.take()
    }

    /// A keyframe went out to everyone, whether asked for or not.
    pub fn produced(&mut self) {
        self.wanted = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(need: Need) -> (Requests, Instant) {
        let now = Instant::now();
        let mut requests = Requests::default();
        requests.want(need);
        (requests, now)
    }

    #[test]
    fn the_first_request_is_served_at_once() {
        let (requests, now) = asked(Need::Repair);
        assert_eq!(requests.due(now), Due::Now);
    }

    #[test]
    fn a_storm_of_requests_is_one_request() {
        let (mut requests, now) = asked(Need::Repair);
        requests.want(Need::Repair);
        requests.want(Need::Join);
        requests.issued(now);
        assert_eq!(requests.due(now), Due::Never);
    }

    #[test]
    fn a_repair_soon_after_a_keyframe_waits_but_is_not_forgotten() {
        let (mut requests, now) = asked(Need::Repair);
        requests.issued(now);
        requests.want(Need::Repair);
        assert_eq!(requests.due(now), Due::At(now + REPAIR_GAP));
        assert_eq!(requests.due(now + REPAIR_GAP), Due::Now);
    }

    #[test]
    fn a_joiner_waits_less_than_a_reader_that_already_has_a_picture() {
        let (mut requests, now) = asked(Need::Repair);
        requests.issued(now);
        requests.want(Need::Repair);
        requests.want(Need::Join);
        requests.want(Need::Repair);
        assert_eq!(requests.due(now), Due::At(now + JOIN_GAP));
    }

    #[test]
    fn a_keyframe_that_came_by_itself_serves_everyone_who_waited() {
        let (mut requests, now) = asked(Need::Join);
        requests.produced();
        assert_eq!(requests.due(now), Due::Never);
    }
}
