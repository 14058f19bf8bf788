//! How one streamer stands: whether what it shows is there, who watches, and when it is over.
//!
//! ```text
//!              Shown                 Lost
//!   Starting ────────> Active ────────────────> Starting   (a restart)
//!      │ PATIENCE                                  │
//!      └──────────────> Failed <───────────────────┘
//!                         │ Shown
//!                         └──────> Active
//! ```
//!
//! What it shows is repaired by the session, with its own back-off; here it is told, with how often.

use std::time::{Duration, Instant};

/// From nothing to be seen to the word that it has failed: a browser and its display start anew within this, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Life {
    state: State,
    /// Times that what it shows was lost and came again.
    restarts: u32,
    /// Nobody for so long: it ends. None: it stays.
    idle: Option<Duration>,
    /// Since when nobody watches.
    alone: Option<Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Starting { since: Instant },
    Active,
    Failed { reason: String },
}

/// What happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is something to be seen.
    Shown,
    /// There is not, any more.
    Lost,
    /// So many watch.
    Watched(usize),
    /// Time has passed; what is said of a source that shows nothing yet.
    Passed { complaint: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status<'a> {
    Starting,
    Active,
    Failed { reason: &'a str },
}

impl Life {
    /// It begins with nobody, and with nothing to be seen.
    pub fn new(idle: Option<Duration>, now: Instant) -> Self {
        Self { state: State::Starting { since: now }, restarts: 0, idle, alone: Some(now) }
    }

    pub fn on(&mut self, event: Event, now: Instant) {
        match (event, &self.state) {
            (Event::Shown, _) => self.state = State::Active,
            (Event::Lost, State::Active) => {
                self.restarts = self.restarts.saturating_add(1);
                self.state = State::Starting { since: now };
            }
            (Event::Lost, _) => {}
            (Event::Watched(0), _) => self.alone = self.alone.or(Some(now)),
            (Event::Watched(_), _) => self.alone = None,
            (Event::Passed { complaint }, State::Starting { since }) if now >= *since + PATIENCE => {
                self.state = State::Failed { reason: complaint };
            }
            (Event::Passed { .. }, _) => {}
        }
    }

    pub fn status(&self) -> Status<'_> {
        match &self.state {
            State::Starting { .. } => Status::Starting,
            State::Active => Status::Active,
            State::Failed { reason } => Status::Failed { reason },
        }
    }

    pub const fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Nobody has watched for as long as it may be so.
    pub fn is_over(&self, now: Instant) -> bool {
        self.over_at().is_some_and(|at| now >= at)
    }

    /// When time alone changes it; none: it does not.
    pub fn due(&self) -> Option<Instant> {
        let failing = match self.state {
            State::Starting { since } => Some(since + PATIENCE),
            State::Active | State::Failed { .. } => None,
        };
        failing.into_iter().chain(self.over_at()).min()
    }

    fn over_at(&self) -> Option<Instant> {
        Some(self.alone? + self.idle?)
    }
}

impl<'a> Status<'a> {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Failed { .. } => "failed",
        }
    }

    pub const fn reason(self) -> Option<&'a str> {
        match self {
            Self::Failed { reason } => Some(reason),
            Self::Starting | Self::Active => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn passed() -> Event {
        Event::Passed { complaint: "no display".to_owned() }
    }

    #[test]
    fn it_is_active_when_something_is_seen_and_failed_when_nothing_was_for_too_long() {
        let now = Instant::now();
        let mut life = Life::new(None, now);
        assert_eq!((life.status(), life.due()), (Status::Starting, Some(now + PATIENCE)));
        life.on(passed(), now + PATIENCE - SECOND);
        assert_eq!(life.status(), Status::Starting);
        life.on(passed(), now + PATIENCE);
        assert_eq!(life.status(), Status::Failed { reason: "no display" });
        assert_eq!((life.status().name(), life.status().reason()), ("failed", Some("no display")));
        life.on(Event::Lost, now + PATIENCE);
        assert_eq!(life.status().name(), "failed", "it has been lost before");
        life.on(Event::Shown, now + PATIENCE);
        assert_eq!((life.status(), life.due()), (Status::Active, None));
    }

    #[test]
    fn what_was_lost_and_came_again_is_counted() {
        let now = Instant::now();
        let mut life = Life::new(None, now);
        life.on(Event::Shown, now);
        for restarts in 1..3 {
            life.on(Event::Lost, now + SECOND);
            assert_eq!((life.status(), life.restarts()), (Status::Starting, restarts));
            assert_eq!(life.due(), Some(now + SECOND + PATIENCE), "its patience begins anew");
            life.on(Event::Lost, now + SECOND);
            life.on(Event::Shown, now + SECOND);
        }
        assert_eq!(life.status(), Status::Active);
    }

    #[test]
    fn without_a_policy_it_stays_with_nobody_and_with_one_it_ends_after_the_last_has_left() {
        let now = Instant::now();
        let mut stays = Life::new(None, now);
        stays.on(Event::Shown, now);
        assert!(!stays.is_over(now + 1_000_000 * SECOND) && stays.due().is_none());
        let mut ends = Life::new(Some(10 * SECOND), now);
        ends.on(Event::Shown, now);
        assert_eq!(ends.due(), Some(now + 10 * SECOND));
        ends.on(Event::Watched(1), now + SECOND);
        assert!(!ends.is_over(now + 100 * SECOND));
        ends.on(Event::Watched(0), now + 50 * SECOND);
        ends.on(Event::Watched(0), now + 55 * SECOND);
        assert!(!ends.is_over(now + 59 * SECOND) && ends.is_over(now + 60 * SECOND));
    }
}
