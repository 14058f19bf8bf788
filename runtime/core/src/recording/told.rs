//! What is told of a recording that a livestream asks for.

use super::{End, Refusal};
use crate::condition::{Severity, Status};
use crate::report::{Picture, livestream};

const BROKEN: Status = Status::False(Severity::Error);
const COMING: Status = Status::False(Severity::Info);

/// What a person can do about a disk.
const ROOM: &str = "fetch and delete others (POST /recording/delete), or raise tmpSizeLimit of the RuntimeProfile and \
                    UNDERSTUDY_RECORDINGS_MB in its extraEnv, and then change the limits of this one or make the livestream anew; \
                    what was recorded until then plays";

/// How it goes with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Why it has not begun; it does once that is over.
    Refused(Refusal),
    /// There is no picture of it yet.
    Awaited,
    /// What comes is written.
    Written,
    /// Nothing was written for a while.
    Still,
    Ended(End),
}

/// Whether it is recorded or was, as it should be, with a reason and a message.
pub fn told(picture: Picture<'_>, progress: &Progress) -> (Status, &'static str, String) {
    let (status, reason, message) = livestream(picture);
    match progress {
        Progress::Ended(end) => ended(end),
        Progress::Refused(refusal) => refused(*refusal),
        Progress::Awaited if status == Status::True => {
            (COMING, "WaitingForPicture", "the file has no picture yet".to_owned())
        }
        Progress::Written | Progress::Still if reason == "Serving" => {
            (status, reason, "it is written to a file, which can be fetched".to_owned())
        }
        Progress::Awaited | Progress::Written | Progress::Still => (status, reason, message.to_owned()),
    }
}

fn ended(end: &End) -> (Status, &'static str, String) {
    let whole = |limit| format!("it has come to its longest {limit}, and its file can be fetched");
    match end {
        End::Stopped => (COMING, "Stopped", "it was stopped".to_owned()),
        End::Duration => (Status::True, "DurationReached", whole("duration")),
        End::Size => (Status::True, "SizeReached", whole("size")),
        End::DiskFull => (BROKEN, "DiskFull", format!("the disk is full: {ROOM}")),
        End::DiskSlow => {
            let what = "the disk takes less than is recorded: make the livestream anew on another node, or of a smaller picture";
            (BROKEN, "DiskSlow", what.to_owned())
        }
        End::Failed(why) => (BROKEN, "RecordingFailed", why.clone()),
    }
}

fn refused(refusal: Refusal) -> (Status, &'static str, String) {
    match refusal {
        Refusal::InProgress | Refusal::Completed => (
            BROKEN,
            "NameTaken",
            "a recording of this name was started over HTTP: once it is stopped and deleted there, this one begins"
                .to_owned(),
        ),
        Refusal::Busy | Refusal::Full => (BROKEN, "TooManyRecordings", format!("{refusal}: then this one begins")),
        Refusal::Drained | Refusal::NoneActive | Refusal::Unknown | Refusal::Running | Refusal::Owned => {
            (BROKEN, "RecordingFailed", refusal.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_ready_once_there_is_something_of_it_and_stays_so_at_its_limits() {
        let (proven, silent) = (Picture::Proven, Picture::Silent("no"));
        for (picture, progress, status, reason) in [
            (Picture::Without, Progress::Awaited, BROKEN, "NoPage"),
            (Picture::Awaited, Progress::Awaited, COMING, "WaitingForPicture"),
            (proven, Progress::Awaited, COMING, "WaitingForPicture"),
            (proven, Progress::Written, Status::True, "Serving"),
            (proven, Progress::Still, Status::True, "Serving"),
            (silent, Progress::Written, Status::True, "ServingWithoutSound"),
            (Picture::Failed("no"), Progress::Written, BROKEN, "CaptureFailed"),
            (Picture::Without, Progress::Ended(End::Duration), Status::True, "DurationReached"),
            (proven, Progress::Ended(End::Size), Status::True, "SizeReached"),
            (proven, Progress::Ended(End::Stopped), COMING, "Stopped"),
        ] {
            let told = told(picture, &progress);
            assert_eq!((told.0, told.1), (status, reason), "{progress:?} of {picture:?}");
        }
    }

    #[test]
    fn what_went_wrong_says_what_to_do() {
        for (progress, reason, words) in [
            (Progress::Ended(End::DiskFull), "DiskFull", "delete others"),
            (Progress::Ended(End::DiskSlow), "DiskSlow", "takes less"),
            (Progress::Ended(End::Failed("no".into())), "RecordingFailed", "no"),
            (Progress::Refused(Refusal::Completed), "NameTaken", "deleted there"),
            (Progress::Refused(Refusal::Busy), "TooManyRecordings", "stop one first"),
            (Progress::Refused(Refusal::Full), "TooManyRecordings", "delete one first"),
        ] {
            let (status, told, message) = told(Picture::Proven, &progress);
            assert_eq!((status, told), (BROKEN, reason));
            assert!(message.contains(words), "{message}");
        }
    }
}
