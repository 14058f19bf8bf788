//! Recordings: which may begin, how far one may go, and why it ended.

mod told;

use std::time::Duration;

use crate::report::Stance;
use crate::spec::Choice;

pub use crate::spec::Limits;
pub use told::{Progress, told};

/// Each has a thread and, on a disk that stalls, some fragments that wait for it.
const MOST_RUNNING: usize = 4;
/// With those that have ended: each is a file.
const MOST_KEPT: usize = 32;

/// A recording to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub id: String,
    pub choice: Choice,
    pub limits: Limits,
}

/// Who began one, and ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Somebody over HTTP, or nobody any more.
    Anybody,
    /// A livestream that asks for it.
    Livestream,
}

/// How one is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// All that came is in the file.
    Finished,
    /// The file ends with its last whole fragment.
    AtOnce,
}

/// Why one ended. The file plays to its end, whichever it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Stopped,
    Duration,
    Size,
    /// The disk has no more room, or only what others need.
    DiskFull,
    /// The disk takes less than is recorded.
    DiskSlow,
    Failed(String),
}

/// Why none was begun, stopped or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("recording already in progress")]
    InProgress,
    #[error("recording already completed: delete it first, or record under another id")]
    Completed,
    #[error("{MOST_RUNNING} recordings are in progress, which is the most: stop one first")]
    Busy,
    #[error("there are {MOST_KEPT} recordings, which is the most: delete one first")]
    Full,
    #[error("the session ends and begins no recording")]
    Drained,
    #[error("no active recording to stop")]
    NoneActive,
    #[error("no recording found")]
    Unknown,
    #[error("recording must be stopped first")]
    Running,
    #[error("recording is that of the participant's resource: only whoever ends that ends it")]
    Owned,
}

/// A recording that there is.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    pub id: &'a str,
    pub is_running: bool,
    pub owner: Owner,
}

/// Whether one of that id may begin beside these.
pub fn may_start(id: &str, kept: &[Kept<'_>], stance: Stance) -> Result<(), Refusal> {
    match find(id, kept) {
        _ if stance == Stance::Drained => Err(Refusal::Drained),
        Some(Kept { is_running: true, .. }) => Err(Refusal::InProgress),
        Some(Kept { owner: Owner::Livestream, .. }) => Err(Refusal::Owned),
        Some(_) => Err(Refusal::Completed),
        None if kept.iter().filter(|one| one.is_running).count() >= MOST_RUNNING => Err(Refusal::Busy),
        None if kept.len() >= MOST_KEPT => Err(Refusal::Full),
        None => Ok(()),
    }
}

/// One that has ended by itself may be stopped, too.
pub fn may_stop(id: &str, kept: &[Kept<'_>]) -> Result<(), Refusal> {
    match find(id, kept).ok_or(Refusal::NoneActive)?.owner {
        Owner::Livestream => Err(Refusal::Owned),
        Owner::Anybody => Ok(()),
    }
}

pub fn may_delete(id: &str, kept: &[Kept<'_>]) -> Result<(), Refusal> {
    match find(id, kept) {
        None => Err(Refusal::Unknown),
        Some(Kept { owner: Owner::Livestream, .. }) => Err(Refusal::Owned),
        Some(Kept { is_running: true, .. }) => Err(Refusal::Running),
        Some(_) => Ok(()),
    }
}

fn find<'a>(id: &str, kept: &[Kept<'a>]) -> Option<Kept<'a>> {
    kept.iter().find(|one| one.id == id).copied()
}

impl End {
    /// As lists tell it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Duration => "duration",
            Self::Size => "size",
            Self::DiskFull => "disk_full",
            Self::DiskSlow => "disk_slow",
            Self::Failed(_) => "failed",
        }
    }

    /// What went wrong, for people, if something did.
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Stopped | Self::Duration | Self::Size => None,
            Self::DiskFull => Some("the disk is full".to_owned()),
            Self::DiskSlow => Some("the disk takes less than is recorded".to_owned()),
            Self::Failed(why) => Some(why.clone()),
        }
    }
}

/// How much there is of a recording, held against its limits.
#[derive(Debug)]
pub struct Tally {
    limits: Limits,
    /// Of the first picture, on the program's timeline.
    began: Option<Duration>,
    bytes: u64,
}

impl Tally {
    pub const fn new(limits: Limits) -> Self {
        Self { limits, began: None, bytes: 0 }
    }

    pub const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Whether what is of that moment is beyond its end.
    pub fn is_past(&self, at: Duration) -> bool {
        let since = self.began.map(|began| at.saturating_sub(began));
        since.zip(self.limits.duration).is_some_and(|(since, most)| since >= most)
    }

    /// Whether so many bytes more, told at that moment, are within its size; they count then.
    pub fn takes(&mut self, at: Duration, bytes: usize) -> bool {
        self.began.get_or_insert(at);
        let after = self.bytes.saturating_add(bytes as u64);
        let takes = self.limits.bytes.is_none_or(|most| after <= most);
        if takes {
            self.bytes = after;
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNNING: Kept<'_> = Kept { id: "a", is_running: true, owner: Owner::Anybody };
    const ENDED: Kept<'_> = Kept { id: "a", is_running: false, owner: Owner::Anybody };

    #[test]
    fn an_id_is_recorded_once_until_it_is_deleted() {
        let start = |kept: &[Kept<'_>]| may_start("a", kept, Stance::Told);
        assert_eq!(start(&[]), Ok(()));
        assert_eq!(start(&[RUNNING]), Err(Refusal::InProgress));
        assert_eq!(start(&[ENDED]), Err(Refusal::Completed));
        assert_eq!(may_start("b", &[RUNNING, ENDED], Stance::Told), Ok(()));
        assert_eq!(may_start("b", &[], Stance::Drained), Err(Refusal::Drained));
    }

    #[test]
    fn there_are_not_more_than_there_may_be() {
        assert_eq!(may_start("b", &[RUNNING; MOST_RUNNING], Stance::Told), Err(Refusal::Busy));
        assert_eq!(may_start("b", &[ENDED; MOST_KEPT - 1], Stance::Told), Ok(()));
        assert_eq!(may_start("b", &[ENDED; MOST_KEPT], Stance::Told), Err(Refusal::Full));
    }

    #[test]
    fn one_that_runs_is_stopped_before_it_is_deleted() {
        assert_eq!(may_delete("a", &[RUNNING]), Err(Refusal::Running));
        assert_eq!(may_delete("a", &[ENDED]), Ok(()));
        assert_eq!(may_delete("b", &[ENDED]), Err(Refusal::Unknown));
        assert_eq!(may_stop("a", &[RUNNING]), Ok(()));
        assert_eq!(may_stop("a", &[ENDED]), Ok(()), "it ended by itself meanwhile");
        assert_eq!(may_stop("a", &[]), Err(Refusal::NoneActive));
    }

    #[test]
    fn one_that_a_livestream_asks_for_is_ended_by_nobody_else() {
        let owned = |is_running| [Kept { id: "a", is_running, owner: Owner::Livestream }];
        for kept in [owned(true), owned(false)] {
            assert_eq!(may_stop("a", &kept), Err(Refusal::Owned));
            assert_eq!(may_delete("a", &kept), Err(Refusal::Owned));
        }
        assert_eq!(may_start("a", &owned(true), Stance::Told), Err(Refusal::InProgress));
        assert_eq!(may_start("a", &owned(false), Stance::Told), Err(Refusal::Owned));
    }

    #[test]
    fn time_counts_from_the_first_picture() {
        let second = Duration::from_secs;
        let mut tally = Tally::new(Limits { duration: Some(second(2)), bytes: None });
        assert!(!tally.is_past(second(100)), "nothing has begun");
        assert!(tally.takes(second(100), 1));
        assert!(!tally.is_past(second(101)) && tally.is_past(second(102)));
        assert!(!Tally::new(Limits::default()).is_past(second(1000)));
    }

    #[test]
    fn what_would_make_it_too_large_is_not_taken() {
        let mut tally = Tally::new(Limits { duration: None, bytes: Some(10) });
        let takes = [4, 6, 1, 0].map(|bytes| tally.takes(Duration::ZERO, bytes));
        assert_eq!(takes, [true, true, false, true]);
    }

    #[test]
    fn only_what_went_wrong_is_told_as_a_fault() {
        assert!([End::Stopped, End::Duration, End::Size].iter().all(|end| end.fault().is_none()));
        assert!([End::DiskFull, End::DiskSlow].iter().all(|end| end.fault().is_some()));
        assert_eq!(End::Failed("why".into()).fault().as_deref(), Some("why"));
    }
}
