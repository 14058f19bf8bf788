//! Recordings of programs that the tests fill themselves.

use bytes::Bytes;
use tempfile::TempDir;
use understudy_core::media::{Track, Unit};
use understudy_core::recording::Limits;
use understudy_core::spec::Choice;

use super::*;
use crate::broadcast::{self, Renditions};

pub(crate) const FRAME: Duration = Duration::from_millis(100);
/// One picture of so many is a keyframe.
pub(crate) const GROUP: u32 = 10;

struct Stage {
    media: Renditions,
    program: Program,
    recorder: Recorder,
    directory: TempDir,
}

impl Stage {
    fn new() -> Self {
        let media = Renditions::new(&broadcast::Metrics::default());
        let program = Program::of(&media, watch::channel(true).1);
        let directory = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(directory.path().to_owned(), Room::unbounded(), Metrics::default());
        Self { media, program, recorder, directory }
    }

    async fn start(&self, limits: Limits) -> Recording {
        let wanted = Wanted { id: "a".to_owned(), choice: Choice::default(), limits };
        let recording = self.recorder.start(wanted, &self.program).await.unwrap();
        self.media.video.demand().wait_for(|readers| *readers > 0).await.unwrap();
        recording
    }

    /// Shows so many pictures, each once the one before is taken.
    async fn show(&self, pictures: std::ops::Range<u32>) {
        for number in pictures {
            self.media.video.publish(picture(number));
            tokio::task::yield_now().await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// One of a file that a test records.
pub(crate) fn picture(number: u32) -> Unit {
    let key = number.is_multiple_of(GROUP);
    let sets: &[u8] = if key { b"\0\0\0\x01\x67\x42\xc0\x1f\0\0\0\x01\x68\xce\x3c\x80" } else { b"" };
    let slice = [&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }][..], &[7; 500]].concat();
    let pts = FRAME * number;
    let payload = Bytes::from([sets, &slice].concat());
    Unit { track: Track::h264(320, 240, 10), pts, dts: pts, duration: FRAME, key, payload }
}

/// How it ended.
async fn end(recording: &Recording) -> (End, State) {
    let mut state = recording.state();
    let ended = state.wait_for(|state| state.ended.is_some());
    let state = tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap().unwrap().clone();
    (state.ended.clone().unwrap().why, state)
}

/// How many fragments a file has.
fn fragments(recording: &Recording) -> usize {
    let file = std::fs::read(recording.path()).unwrap();
    file.windows(4).filter(|name| name == b"moof").count()
}

#[tokio::test]
async fn what_came_is_in_the_file_when_it_is_stopped() {
    let stage = Stage::new();
    let recording = stage.start(Limits::default()).await;
    stage.show(0..GROUP * 2 + 5).await;
    recording.stop(Stop::Finished);
    let (why, state) = end(&recording).await;
    assert_eq!((why, fragments(&recording), state.lost), (End::Stopped, 3, 0));
    assert_eq!(state.bytes, std::fs::metadata(recording.path()).unwrap().len());
    assert!(!recording.is_running() && state.recorded.is_some());
}

#[tokio::test]
async fn what_comes_while_nobody_has_time_is_not_lost() {
    let stage = Stage::new();
    let recording = stage.start(Limits::default()).await;
    // Without a pause in which it could be taken: seconds of it.
    (0..GROUP * 4).for_each(|number| stage.media.video.publish(picture(number)));
    recording.stop(Stop::Finished);
    let (_, state) = end(&recording).await;
    assert_eq!((fragments(&recording), state.lost), (4, 0));
}

#[tokio::test]
async fn one_that_is_stopped_at_once_ends_with_its_last_fragment() {
    let stage = Stage::new();
    let recording = stage.start(Limits::default()).await;
    stage.show(0..GROUP * 2 + 5).await;
    recording.stop(Stop::AtOnce);
    assert_eq!((end(&recording).await.0, fragments(&recording)), (End::Stopped, 2));
}

#[tokio::test]
async fn one_ends_by_itself_at_its_limits() {
    let stage = Stage::new();
    let recording = stage.start(Limits { duration: Some(FRAME * 15), bytes: None }).await;
    stage.show(0..GROUP * 2).await;
    assert_eq!((end(&recording).await.0, fragments(&recording)), (End::Duration, 2));

    let stage = Stage::new();
    let most = 7_000;
    let recording = stage.start(Limits { duration: None, bytes: Some(most) }).await;
    stage.show(0..GROUP * 3).await;
    let (why, state) = end(&recording).await;
    assert_eq!((why, fragments(&recording)), (End::Size, 1));
    assert!(state.bytes <= most, "{}", state.bytes);
}

#[tokio::test]
async fn what_is_dropped_is_finished() {
    let stage = Stage::new();
    let recording = stage.start(Limits::default()).await;
    stage.show(0..GROUP).await;
    let (mut state, path) = (recording.state(), recording.path().to_owned());
    drop(recording);
    let ended = state.wait_for(|state| state.ended.is_some());
    tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap().unwrap();
    assert!(path.metadata().unwrap().len() > 5_000);
}

#[test]
fn what_lies_under_a_name_is_never_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.mp4");
    std::fs::write(&path, "another's").unwrap();
    let refused = Disk::create(&path, Room::unbounded().share()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).unwrap(), b"another's");
}

/// A disk that takes nothing until it is told to, and what is read for it.
struct Stalled {
    stage: Stage,
    recording: watch::Receiver<State>,
    go: std::sync::mpsc::Sender<()>,
    stop: watch::Sender<Option<Stop>>,
    taken: std::thread::JoinHandle<usize>,
}

impl Stalled {
    /// So many fragments may wait for it.
    async fn new(waiting: usize) -> Self {
        let stage = Stage::new();
        let (state, recording) = watch::channel(State::default());
        let (pieces, waiting) = sync_channel::<Bytes>(waiting);
        let (outcome, written) = oneshot::channel();
        let (stop, stopped) = watch::channel(None);
        let (go, told) = std::sync::mpsc::channel();
        let taken = std::thread::spawn(move || {
            told.recv().unwrap();
            let taken = waiting.iter().count();
            outcome.send(Ok(())).unwrap();
            taken
        });
        let reading = Reading { stopped, pieces, written, state, metrics: Metrics::default().running() };
        let wanted = Wanted { id: "a".to_owned(), choice: Choice::default(), limits: Limits::default() };
        tokio::spawn(reading.run(stage.program.clone(), wanted));
        stage.media.video.demand().wait_for(|readers| *readers > 0).await.unwrap();
        Self { stage, recording, go, stop, taken }
    }

    /// Why it ended, how many units were lost, and how many pieces the disk was given.
    async fn end(mut self) -> (End, u64, usize) {
        self.go.send(()).unwrap();
        let ended = self.recording.wait_for(|state| state.ended.is_some());
        let state = tokio::time::timeout(Duration::from_secs(20), ended).await.unwrap().unwrap().clone();
        (state.ended.unwrap().why, state.lost, self.taken.join().unwrap())
    }
}

#[tokio::test]
async fn what_a_disk_keeps_waiting_for_a_while_is_not_lost() {
    let stalled = Stalled::new(8).await;
    stalled.stage.show(0..GROUP * 6 + 1).await;
    stalled.stop.send_replace(Some(Stop::Finished));
    // What the file begins with, and seven fragments.
    assert_eq!(stalled.end().await, (End::Stopped, 0, 8));
}

#[tokio::test]
async fn a_disk_that_takes_less_than_is_recorded_ends_it() {
    let stalled = Stalled::new(2).await;
    stalled.stage.show(0..GROUP * 6).await;
    // It has seen enough by itself.
    stalled.stage.media.video.demand().wait_for(|readers| *readers == 0).await.unwrap();
    assert_eq!(stalled.end().await, (End::DiskSlow, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_written_no_more_is_told_as_such_after_a_while() {
    let mut state = State::default();
    let now = || Instant::now();
    assert_eq!(state.progress(now()), (Progress::Awaited, None));
    state.wrote(100);
    assert_eq!(state.progress(now()), (Progress::Awaited, None), "that is what a file begins with");
    state.wrote(100);
    assert_eq!(state.progress(now()), (Progress::Written, Some(now() + WRITTEN)));
    tokio::time::advance(WRITTEN).await;
    assert_eq!(state.progress(now()), (Progress::Still, None));
}

#[tokio::test]
async fn that_no_file_can_be_made_is_an_end_for_who_does_not_wait() {
    let stage = Stage::new();
    let recorder =
        Recorder::new(stage.directory.path().join("nowhere"), Room::unbounded(), Metrics::default());
    let wanted = Wanted { id: "a".to_owned(), choice: Choice::default(), limits: Limits::default() };
    let (why, _) = end(&recorder.begin(wanted, &stage.program)).await;
    assert!(matches!(why, End::Failed(_)), "{why:?}");
}
