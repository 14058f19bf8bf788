//! A recording: a program's picture and sound in one file, fragment by fragment, so that what was written plays whatever becomes of
//! the rest.
//!
//! It reads the same encoders as everybody else. A task takes their units, a thread writes: what a disk keeps waiting waits in
//! between, and no picture is lost for it.

mod disk;
mod left;
mod metrics;
mod reading;
mod room;

pub use metrics::Metrics;
pub use room::Room;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use understudy_core::recording::{End, Progress, Stop, Wanted};

use crate::program::Program;
use disk::Disk;
use reading::Reading;
use room::Share;

/// Fragments that wait for the disk: one comes each two or three seconds. A disk that stalls for longer is too slow.
const WAITING: usize = 8;

/// A fragment comes each two or three seconds: a disk that has taken none for so long takes none.
const WRITTEN: Duration = Duration::from_secs(10);

/// Local disks make a file in milliseconds, others in some network round trips.
const OPEN: Duration = Duration::from_secs(2);

/// Makes recordings. Clones are the same.
#[derive(Clone, Debug)]
pub struct Recorder {
    directory: PathBuf,
    room: Room,
    metrics: Metrics,
    /// Whether nothing else is kept there.
    owns: bool,
}

/// One that runs, or has ended. Dropped, it ends as if it were stopped; its file stays.
#[derive(Debug)]
pub struct Recording {
    since: SystemTime,
    path: PathBuf,
    /// For as long as the file is known.
    share: Arc<Share>,
    state: watch::Receiver<State>,
    stop: watch::Sender<Option<Stop>>,
}

/// How far one is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// On the disk, all of which plays.
    pub bytes: u64,
    /// When the last of them was written; none: there is no picture yet.
    pub recorded: Option<SystemTime>,
    /// The same by a clock that nobody sets.
    pub(crate) evidence: Option<Instant>,
    /// Units that were dropped because nobody took them in time.
    pub lost: u64,
    pub ended: Option<Ended>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub at: SystemTime,
    pub why: End,
}

impl Recorder {
    /// `directory`: where the files are kept; `room`: what they may take there.
    pub const fn new(directory: PathBuf, room: Room, metrics: Metrics) -> Self {
        Self { directory, room, metrics, owns: false }
    }

    /// The same where nothing else is kept there: what an earlier process left there is this one's.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { owns: true, ..self }
    }

    /// What an earlier process left, by the names of its files.
    pub fn left(&self) -> Vec<(String, Recording)> {
        if self.owns { left::found(&self.directory, &self.room) } else { Vec::new() }
    }

    /// Records from the next keyframe on.
    pub async fn start(&self, wanted: Wanted, program: &Program) -> io::Result<Recording> {
        let (recording, inside) = self.prepare(&wanted.id);
        let disk = open(recording.path.clone(), Arc::clone(&recording.share)).await?;
        self.record(disk, inside, wanted, program)?;
        Ok(recording)
    }

    /// The same for who does not wait: that no file can be made is an end like any other.
    pub fn begin(&self, wanted: Wanted, program: &Program) -> Recording {
        let (recording, inside) = self.prepare(&wanted.id);
        let (recorder, path, program) = (self.clone(), recording.path.clone(), program.clone());
        let share = Arc::clone(&recording.share);
        tokio::spawn(async move {
            let state = inside.state.clone();
            let opened = open(path, share).await;
            let begun = opened.and_then(|disk| recorder.record(disk, inside, wanted, &program));
            if let Err(error) = begun {
                let why = disk::end(error);
                tracing::warn!(why = why.word(), fault = why.fault(), "a recording cannot begin");
                recorder.metrics.running().ended(&why, 0);
                state.send_modify(|state| state.ended = Some(Ended { at: SystemTime::now(), why }));
            }
        });
        recording
    }

    fn prepare(&self, id: &str) -> (Recording, Inside) {
        let since = SystemTime::now();
        let path = self.directory.join(format!("{}.mp4", stem(id, since)));
        let (state, states) = watch::channel(State::default());
        let (stop, stopped) = watch::channel(None);
        let share = self.room.share();
        (Recording { since, path, share, state: states, stop }, Inside { state, stopped })
    }

    fn record(&self, disk: Disk, inside: Inside, wanted: Wanted, program: &Program) -> io::Result<()> {
        let Inside { state, stopped } = inside;
        let (pieces, waiting) = sync_channel(WAITING);
        let (outcome, written) = oneshot::channel();
        let (wrote, bytes) = (state.clone(), self.metrics.bytes());
        let write = move || {
            let written = disk.write(&waiting, |piece| {
                bytes.inc_by(piece as u64);
                wrote.send_modify(|state| state.wrote(piece));
            });
            // The task has gone if it waited too long, which it has told.
            let _ = outcome.send(written);
        };
        std::thread::Builder::new().name("recording".to_owned()).spawn(write)?;
        let reading = Reading { stopped, pieces, written, state, metrics: self.metrics.running() };
        tokio::spawn(reading.run(program.at(wanted.choice), wanted));
        Ok(())
    }
}

/// What a recording is told, and tells, from inside.
struct Inside {
    state: watch::Sender<State>,
    stopped: watch::Receiver<Option<Stop>>,
}

impl Recording {
    pub const fn since(&self) -> SystemTime {
        self.since
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn state(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    pub fn is_running(&self) -> bool {
        self.state.borrow().ended.is_none()
    }

    /// It ends soon, which its state tells.
    pub fn stop(&self, how: Stop) {
        self.stop.send_replace(Some(how));
    }
}

impl State {
    fn wrote(&mut self, bytes: usize) {
        // What comes first says what is in the file, and nothing of it.
        let shows = self.bytes > 0;
        (self.recorded, self.evidence) = (shows.then(SystemTime::now), shows.then(Instant::now));
        self.bytes += bytes as u64;
    }

    /// How it goes, and when it will go otherwise by itself.
    pub fn progress(&self, now: Instant) -> (Progress, Option<Instant>) {
        match (&self.ended, self.evidence.map(|at| at + WRITTEN)) {
            (Some(ended), _) => (Progress::Ended(ended.why.clone()), None),
            (None, None) => (Progress::Awaited, None),
            (None, Some(until)) if until > now => (Progress::Written, Some(until)),
            (None, Some(_)) => (Progress::Still, None),
        }
    }
}

/// Of its id and of when it began: what another process left under the same id stays.
pub fn stem(id: &str, since: SystemTime) -> String {
    let began = jiff::Timestamp::try_from(since).unwrap_or_default();
    format!("{id}-{}", began.strftime("%Y%m%dT%H%M%S%3fZ"))
}

async fn open(path: PathBuf, share: Arc<Share>) -> io::Result<Disk> {
    let opening = tokio::task::spawn_blocking(move || Disk::create(&path, share));
    match tokio::time::timeout(OPEN, opening).await {
        Ok(opened) => opened.map_err(io::Error::other)?,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
