//! When a process's ffmpeg is started, ended and started again.
//!
//! ```text
//!                 spawn ┌──────────> failed <───────────┐
//!                failed │               │               │ exit ≠ 0, 255
//!   finished ──────> starting ────> running ──────> finishing ──────> killed
//!      ^                │ stop          │ exit 0, 255   │ exit after we asked
//!      └────────────────┴───────────────┴───────────────┘
//!   finished, failed, killed ── order is start: after the delay if it reconnects ──> starting
//! ```
//! What is ordered and what is so are two things. Only a command changes the order. An exit is judged by what was asked for:
//! once ffmpeg has been told to end, it has finished, whatever its code.

mod table;

use std::time::Duration;

use super::config::Config;

pub use table::Machine;

/// What is to be so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    Start,
    #[default]
    Stop,
}

/// What is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Exec {
    #[default]
    Finished,
    Starting,
    Running,
    /// It has been told to end.
    Finishing,
    Failed,
    Killed,
}

/// What people command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Start,
    Stop,
    /// It begins anew, if it is to run.
    Restart,
    /// The same; addresses are looked up anew by the driver, before it tells of this.
    Reload,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Command(Command),
    /// The child is there.
    Spawned,
    /// There is none; why, for people.
    Unspawned(String),
    /// The start is not waited for any more, since it is to end: there was no run.
    GivenUp,
    /// The child is gone. If its words ask for other legs, [`Event::Better`] comes before this.
    Exited(Exit),
    /// Frames or time of its output have moved on.
    Moved,
    /// What it has used in the last second.
    Used(Usage),
    /// The next run has other legs than this one, which cannot be played: no failure.
    Better,
    /// [`Machine::due`] has come.
    Time,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    /// By a signal, as the system numbers it.
    Signal(i32),
}

/// What a child uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Percent of one core.
    pub cpu_percent: f64,
    pub memory_bytes: u64,
}

/// What the driver shall do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Build the command anew, start it and answer with [`Event::Spawned`] or [`Event::Unspawned`].
    Spawn,
    /// SIGINT.
    Interrupt,
    /// SIGKILL.
    Kill,
    /// To be told: the run is over.
    Ended(Ended),
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// One of `Finished`, `Failed`, `Killed`.
    pub exec: Exec,
    /// `None`: it never ran.
    pub exit: Option<Exit>,
    /// Why it was told to end, if it was.
    pub asked: Option<Cause>,
    /// Of SIGINT.
    pub interrupts: u8,
    /// SIGKILL was sent.
    pub was_killed: bool,
    /// Why it could not be started.
    pub unspawned: Option<String>,
}

/// Why a child is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is to stop.
    Stopped,
    /// It is to begin anew.
    Restarted,
    /// Its output has not moved on for too long.
    Stale,
    /// It used more than it may for too long.
    Limits,
    /// Other legs.
    Legs,
}

/// How a process is dealt with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Policy {
    /// After which delay it is started again; `None`: never.
    pub reconnect: Option<Duration>,
    /// `None`: it may stand still.
    pub stale: Option<Duration>,
    /// Percent of one core; `None`: no limit.
    pub cpu_percent: Option<f64>,
    pub memory_bytes: Option<u64>,
    /// For how long it may use more.
    pub grace: Duration,
}

/// How often each was entered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States {
    pub finished: u64,
    pub starting: u64,
    pub running: u64,
    pub finishing: u64,
    pub failed: u64,
    pub killed: u64,
}

impl Order {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

impl Exec {
    pub const ALL: [Self; 6] =
        [Self::Finished, Self::Starting, Self::Running, Self::Finishing, Self::Failed, Self::Killed];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Finishing => "finishing",
            Self::Failed => "failed",
            Self::Killed => "killed",
        }
    }
}

impl Command {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
        }
    }

    /// The command of that word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Start, Self::Stop, Self::Restart, Self::Reload].into_iter().find(|one| one.word() == word)
    }
}

impl Cause {
    pub const ALL: [Self; 5] = [Self::Stopped, Self::Restarted, Self::Stale, Self::Limits, Self::Legs];

    /// Of a bounded set, for metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::Stale => "stale",
            Self::Limits => "limits",
            Self::Legs => "legs",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Stopped => "it was told to stop",
            Self::Restarted => "it was told to begin anew",
            Self::Stale => "it made no progress for stale_timeout_seconds",
            Self::Limits => "it used more than its limits for limits.waitfor_seconds",
            Self::Legs => "what it sends to viewers could not be played as it was",
        }
    }
}

impl Policy {
    pub fn of(config: &Config) -> Self {
        let limits = &config.limits;
        let seconds = Duration::from_secs;
        Self {
            reconnect: config.reconnect.then(|| seconds(config.reconnect_delay_seconds)),
            stale: (config.stale_timeout_seconds > 0).then(|| seconds(config.stale_timeout_seconds)),
            cpu_percent: (limits.cpu_usage > 0.0).then_some(limits.cpu_usage),
            memory_bytes: (limits.memory_mbytes > 0)
                .then(|| limits.memory_mbytes.saturating_mul(1024 * 1024)),
            grace: seconds(limits.waitfor_seconds),
        }
    }

    fn is_exceeded(&self, usage: &Usage) -> bool {
        self.cpu_percent.is_some_and(|most| usage.cpu_percent > most)
            || self.memory_bytes.is_some_and(|most| usage.memory_bytes > most)
    }
}

#[cfg(test)]
mod tests;
