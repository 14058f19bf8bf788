//! Recordings that livestreams ask for, of a program that the tests fill themselves.

use std::time::Duration;

use tempfile::TempDir;
use understudy_core::recording::{End, Limits};
use understudy_core::spec::{Choice, FrameRate};

use super::*;
use crate::broadcast::{self, Renditions};
use crate::egress::recording::tests::{FRAME, GROUP, picture};
use crate::egress::{Recorder, recording};

const LONG: Duration = Duration::from_secs(30);

struct Stage {
    media: Renditions,
    program: Program,
    recordings: Recordings,
    _messages: mpsc::Receiver<Mail>,
    _directory: TempDir,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(
            directory.path().to_owned(),
            recording::Room::unbounded(),
            recording::Metrics::default(),
        );
        Self::of(recorder, directory)
    }

    fn of(recorder: Recorder, directory: TempDir) -> Self {
        let media = Renditions::new(&broadcast::Metrics::default());
        let program = Program::of(&media, watch::channel(true).1);
        let (mailbox, _messages) = mpsc::channel(64);
        let recordings = Recordings::new(recorder, mailbox);
        Self { media, program, recordings, _messages, _directory: directory }
    }

    /// Livestreams ask for these, of what can be seen.
    fn ask(&mut self, wanted: &[Wanted]) -> bool {
        self.recordings.ask(wanted.to_vec(), &self.program, true)
    }

    /// What somebody records over HTTP.
    async fn start(&mut self, wanted: Wanted) {
        self.recordings.start(wanted, &self.program, Stance::Told).await.unwrap();
    }

    /// Shows so many pictures to whoever reads.
    async fn show(&self, pictures: std::ops::Range<u32>) {
        self.show_to(1, pictures).await;
    }

    /// The same, once there are as many readers.
    async fn show_to(&self, count: usize, pictures: std::ops::Range<u32>) {
        self.media.video.demand().wait_for(|readers| *readers >= count).await.unwrap();
        pictures.for_each(|number| self.media.video.publish(picture(number)));
    }

    async fn until(&self, name: &str, so: impl Fn(&Progress) -> bool) {
        let Some(Asked { begun: Begun::Yes(following), .. }) = self.recordings.asked.get(name) else {
            panic!("{name} has not begun");
        };
        let mut progress = following.progress.clone();
        tokio::time::timeout(LONG, progress.wait_for(so)).await.expect("it must become so").unwrap();
    }

    fn ids(&self) -> Vec<&str> {
        self.recordings.kept.keys().map(String::as_str).collect()
    }
}

fn wanted(seconds: u64) -> Wanted {
    let limits = Limits { duration: Some(Duration::from_secs(seconds)), bytes: None };
    Wanted { id: "a".to_owned(), choice: Choice::default(), limits }
}

#[tokio::test]
async fn one_begins_once_there_is_something_to_be_seen_and_ends_with_its_livestream() {
    let mut stage = Stage::new();
    assert!(!stage.recordings.ask(vec![wanted(60)], &stage.program, false));
    assert_eq!((stage.recordings.progress("a"), stage.ids().len()), (Progress::Awaited, 0));
    assert!(stage.ask(&[wanted(60)]) && !stage.ask(&[wanted(60)]), "it begins once");
    assert_eq!((stage.recordings.progress("a"), stage.recordings.file("a")), (Progress::Awaited, None));
    stage.show(0..GROUP * 2).await;
    stage.until("a", |progress| *progress == Progress::Written).await;
    assert_eq!(stage.recordings.file("a").unwrap().ended, None);
    let state = stage.recordings.kept["a"].recording.state();
    stage.ask(&[]);
    let mut ended = state.clone();
    tokio::time::timeout(LONG, ended.wait_for(|state| state.ended.is_some())).await.unwrap().unwrap();
    assert_eq!(
        (stage.ids(), stage.recordings.file("a")),
        (vec!["a"], None),
        "its file stays, and is nobody's"
    );
    assert!(stage.recordings.delete("a").is_ok());
}

#[tokio::test]
async fn what_is_asked_for_otherwise_is_another_file_and_the_earlier_one_can_still_be_fetched() {
    let mut stage = Stage::new();
    let otherwise = |seconds| Wanted {
        choice: Choice { frame_rate: Some(FrameRate::THIRTY), ..Choice::default() },
        ..wanted(seconds)
    };
    stage.ask(&[wanted(60)]);
    stage.show(0..GROUP * 2).await;
    stage.until("a", |progress| *progress == Progress::Written).await;
    let first = &stage.recordings.kept["a"].recording;
    let (since, path) = (first.since(), first.path().to_owned());
    assert!(stage.ask(&[otherwise(60)]));
    assert_eq!(stage.ids(), ["a", &stem("a", since)]);
    let second = stage.recordings.kept["a"].recording.path().to_owned();
    assert!(second != path && path.metadata().unwrap().len() > 0);
    // It follows within the second, and nothing stands in its way.
    let fails = |progress: &Progress| matches!(progress, Progress::Ended(End::Failed(_)));
    assert!(tokio::time::timeout(FRAME * 3, stage.until("a", fails)).await.is_err());
    assert!(second.exists());
}

#[tokio::test]
async fn where_as_many_run_as_may_one_that_is_changed_begins_once_the_earlier_one_has_ended() {
    let mut stage = Stage::new();
    let all = |seconds| {
        ["a", "b", "c", "d"]
            .map(|id| Wanted { id: id.to_owned(), ..wanted(if id == "a" { seconds } else { 60 }) })
    };
    stage.ask(&all(60));
    stage.show(0..GROUP * 2).await;
    let mut state = stage.recordings.kept["a"].recording.state();
    stage.ask(&all(50));
    assert_eq!(stage.recordings.progress("a"), Progress::Awaited, "that is no fault");
    tokio::time::timeout(LONG, state.wait_for(|state| state.ended.is_some())).await.unwrap().unwrap();
    assert!(stage.ask(&all(50)));
}

#[tokio::test]
async fn one_of_which_there_is_nothing_is_not_kept() {
    let mut stage = Stage::new();
    let directory = tempfile::tempdir().unwrap();
    stage.recordings.recorder = Recorder::new(
        directory.path().join("nowhere"),
        recording::Room::unbounded(),
        recording::Metrics::default(),
    );
    stage.ask(&[wanted(60)]);
    stage.until("a", |progress| matches!(progress, Progress::Ended(_))).await;
    stage.ask(&[wanted(50)]);
    assert_eq!(stage.ids(), ["a"]);
}

#[tokio::test]
async fn one_that_ended_stays_so_and_says_how_much_there_is_of_it() {
    let mut stage = Stage::new();
    stage.ask(&[wanted(1)]);
    stage.show(0..GROUP * 3).await;
    stage.until("a", |progress| *progress == Progress::Ended(End::Duration)).await;
    assert!(!stage.ask(&[wanted(1)]), "nothing is begun anew");
    assert!(stage.recordings.file("a").unwrap().ended.is_some_and(|(_, bytes)| bytes > 500));
}

#[tokio::test]
async fn what_somebody_records_under_its_name_goes_on_and_it_begins_once_that_is_deleted() {
    let mut stage = Stage::new();
    stage.start(wanted(60)).await;
    assert!(!stage.ask(&[wanted(60)]));
    assert_eq!(stage.recordings.progress("a"), Progress::Refused(Refusal::InProgress));
    let mut state = stage.recordings.stop("a", Stop::AtOnce).unwrap();
    tokio::time::timeout(LONG, state.wait_for(|state| state.ended.is_some())).await.unwrap().unwrap();
    stage.ask(&[wanted(60)]);
    assert_eq!(stage.recordings.progress("a"), Progress::Refused(Refusal::Completed));
    stage.recordings.delete("a").unwrap().await.unwrap().unwrap();
    assert!(stage.ask(&[wanted(60)]));
    assert_eq!(stage.recordings.stop("a", Stop::AtOnce).err(), Some(Refusal::Owned));
}

#[tokio::test]
async fn a_disk_that_takes_no_file_is_an_end_that_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(
        directory.path().join("nowhere"),
        recording::Room::unbounded(),
        recording::Metrics::default(),
    );
    let mut stage = Stage::of(recorder, directory);
    stage.ask(&[wanted(60)]);
    stage.until("a", |progress| matches!(progress, Progress::Ended(End::Failed(_)))).await;
    assert_eq!(stage.recordings.file("a"), None);
}

#[tokio::test]
async fn what_is_of_another_program_is_another_file_whoever_asked_for_it() {
    let mut stage = Stage::new();
    stage.ask(&[wanted(60)]);
    stage.start(Wanted { id: "b".to_owned(), ..wanted(60) }).await;
    stage.show_to(2, 0..GROUP * 2).await;
    stage.until("a", |progress| *progress == Progress::Written).await;
    let before = ["a", "b"].map(|id| stage.recordings.kept[id].recording.state());
    stage.media = Renditions::new(&broadcast::Metrics::default());
    stage.program = Program::of(&stage.media, watch::channel(true).1);
    assert!(stage.ask(&[wanted(60)]));
    for mut state in before {
        tokio::time::timeout(LONG, state.wait_for(|state| state.ended.is_some())).await.unwrap().unwrap();
    }
    stage.show(0..GROUP * 2).await;
    stage.until("a", |progress| *progress == Progress::Written).await;
}
