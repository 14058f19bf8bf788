//! A recording: a program's picture and sound in one file, fragment by fragment, so that what was written plays whatever becomes of
//! the rest.
//!
//! It reads the same encoders as everybody else. A task takes their units, a thread writes: what a disk keeps waiting waits in
//! between, and no picture is lost for it.

mod disk;
mod metrics;
mod reading;

pub use metrics::Metrics;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime};

use tokio::sync::{oneshot, watch};
use understudy_core::recording::{End, Stop, Wanted};

use crate::program::Program;
use disk::Disk;
use reading::Reading;

/// Fragments that wait for the disk: one comes each two or three seconds. A disk that stalls for longer is too slow.
const WAITING: usize = 8;

/// Local disks make a file in milliseconds, others in some network round trips.
const OPEN: Duration = Duration::from_secs(2);

/// Makes recordings. Clones are the same.
#[derive(Clone, Debug)]
pub struct Recorder {
    directory: PathBuf,
    metrics: Metrics,
}

/// One that runs, or has ended. Dropped, it ends as if it were stopped; its file stays.
#[derive(Debug)]
pub struct Recording {
    since: SystemTime,
    path: PathBuf,
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
    /// `directory`: where the files are kept.
    pub const fn new(directory: PathBuf, metrics: Metrics) -> Self {
        Self { directory, metrics }
    }

    /// Records from the next keyframe on.
    pub async fn start(&self, wanted: Wanted, program: &Program) -> io::Result<Recording> {
        let since = SystemTime::now();
        let path = self.directory.join(name(&wanted.id, since));
        let disk = open(path.clone()).await?;
        let (state, states) = watch::channel(State::default());
        let (stop, stopped) = watch::channel(None);
        let (pieces, waiting) = sync_channel(WAITING);
        let (outcome, written) = oneshot::channel();
        let (wrote, bytes) = (state.clone(), self.metrics.bytes());
        let write = move || {
            let written = disk.write(&waiting, |piece| {
                bytes.inc_by(piece as u64);
                wrote.send_modify(|state| state.wrote(piece, SystemTime::now()));
            });
            // The task has gone if it waited too long, which it has told.
            let _ = outcome.send(written);
        };
        std::thread::Builder::new().name("recording".to_owned()).spawn(write)?;
        let reading = Reading { stopped, pieces, written, state, metrics: self.metrics.running() };
        tokio::spawn(reading.run(program.at(wanted.frame_rate), wanted));
        Ok(Recording { since, path, state: states, stop })
    }
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
    fn wrote(&mut self, bytes: usize, at: SystemTime) {
        // What comes first says what is in the file, and nothing of it.
        self.recorded = (self.bytes > 0).then_some(at);
        self.bytes += bytes as u64;
    }
}

/// Of its id and of when it began: what another process left under the same id stays.
fn name(id: &str, since: SystemTime) -> String {
    let began = jiff::Timestamp::try_from(since).unwrap_or_default();
    format!("{id}-{}.mp4", began.strftime("%Y%m%dT%H%M%SZ"))
}

async fn open(path: PathBuf) -> io::Result<Disk> {
    let opening = tokio::task::spawn_blocking(move || Disk::create(&path));
    match tokio::time::timeout(OPEN, opening).await {
        Ok(opened) => opened.map_err(io::Error::other)?,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(test)]
mod tests;
