//! The session's recordings: those that run, and those that lie on the disk.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use understudy_core::recording::{self, Kept, Owner, Refusal, Stop, Wanted};
use understudy_core::report::Stance;

use super::{Handle, Mail};
use crate::egress::recording::State;
use crate::egress::{Recorder, Recording};
use crate::program::Program;

/// A file is finished or removed within this; a recording itself gives its disk less.
const PATIENCE: Duration = Duration::from_secs(7);

/// A file that is being removed.
pub(super) type Removal = JoinHandle<io::Result<()>>;

pub(super) struct Recordings {
    pub(super) recorder: Recorder,
    pub(super) mailbox: mpsc::Sender<Mail>,
    pub(super) kept: BTreeMap<String, Entry>,
    /// What livestreams ask for, by name.
    pub(super) asked: BTreeMap<String, super::kept::Asked>,
    /// What they asked for, until it has ended.
    pub(super) ending: Vec<super::kept::Following>,
}

pub(super) struct Entry {
    pub(super) recording: Recording,
    pub(super) origin: Origin,
    /// What it is of; none: it is of nothing that is shown any more.
    of: Option<Program>,
}

impl Entry {
    pub(super) fn new(recording: Recording, program: &Program, origin: Origin) -> Self {
        Self { recording, origin, of: Some(program.clone()) }
    }
}

/// Who began it, whoever may end it by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Caller,
    Livestream,
}

/// One of them, as people are told of it.
#[derive(Clone, Debug)]
pub struct RecordingView {
    pub id: String,
    /// When it was started.
    pub since: SystemTime,
    pub path: PathBuf,
    pub state: watch::Receiver<State>,
}

/// Why a recording was not started, stopped or deleted.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The site's.
    #[error("failed to {0}")]
    Disk(String),
    #[error("the session has ended")]
    Ended,
}

impl Recordings {
    pub(super) fn new(recorder: Recorder, mailbox: mpsc::Sender<Mail>) -> Self {
        let left = recorder.left().into_iter();
        let entry = |recording| Entry { recording, origin: Origin::Caller, of: None };
        let kept = left.map(|(id, recording)| (id, entry(recording))).collect();
        Self { recorder, mailbox, kept, asked: BTreeMap::new(), ending: Vec::new() }
    }

    pub(super) async fn start(
        &mut self,
        wanted: Wanted,
        program: &Program,
        stance: Stance,
    ) -> Result<(), RecordingError> {
        recording::may_start(&wanted.id, &self.facts(), stance)?;
        let id = wanted.id.clone();
        let started = self.recorder.start(wanted, program).await;
        let recording = started.map_err(|error| RecordingError::Disk(format!("start recording: {error}")))?;
        self.kept.insert(id, Entry::new(recording, program, Origin::Caller));
        Ok(())
    }

    /// What is of another program than that is finished: nothing comes of it any more.
    pub(super) fn finish_others(&mut self, program: &Program) {
        for Entry { recording, of, .. } in self.kept.values_mut() {
            if of.as_ref().is_some_and(|of| !of.is(program)) {
                recording.stop(Stop::Finished);
                *of = None;
            }
        }
    }

    /// It ends soon, which what is answered tells.
    pub(super) fn stop(&self, id: &str, how: Stop) -> Result<watch::Receiver<State>, Refusal> {
        recording::may_stop(id, &self.facts())?;
        let Entry { recording, .. } = self.kept.get(id).ok_or(Refusal::NoneActive)?;
        recording.stop(how);
        Ok(recording.state())
    }

    /// It is known no more; its file is gone soon, whether or not somebody waits for that.
    pub(super) fn delete(&mut self, id: &str) -> Result<Removal, Refusal> {
        recording::may_delete(id, &self.facts())?;
        let Entry { recording, .. } = self.kept.remove(id).ok_or(Refusal::Unknown)?;
        let path = recording.path().to_owned();
        Ok(tokio::task::spawn_blocking(move || std::fs::remove_file(path)))
    }

    pub(super) fn are_running(&self) -> bool {
        self.kept.values().any(|kept| kept.recording.is_running())
    }

    pub(super) fn views(&self) -> Vec<RecordingView> {
        let view = |(id, Entry { recording, .. }): (&String, &Entry)| RecordingView {
            id: id.clone(),
            since: recording.since(),
            path: recording.path().to_owned(),
            state: recording.state(),
        };
        self.kept.iter().map(view).collect()
    }

    /// Ends all, with their files finished.
    pub(super) async fn end(self) {
        let states = self.kept.values().map(|Entry { recording, .. }| {
            recording.stop(Stop::Finished);
            ended(recording.state())
        });
        futures::future::join_all(states).await;
    }

    pub(super) fn facts(&self) -> Vec<Kept<'_>> {
        let owner = |id: &str| if self.is_asked(id) { Owner::Livestream } else { Owner::Anybody };
        let facts = self.kept.iter().map(|(id, kept)| Kept {
            id,
            is_running: kept.recording.is_running(),
            owner: owner(id),
        });
        facts.collect()
    }
}

/// Resolves when its file is as it will be, or does not become so in time.
async fn ended(mut state: watch::Receiver<State>) {
    let ended = state.wait_for(|state| state.ended.is_some());
    // What it ended of, its state says.
    let _ = tokio::time::timeout(PATIENCE, ended).await;
}

impl Handle {
    pub async fn start_recording(&self, wanted: Wanted) -> Result<(), RecordingError> {
        let (answer, answered) = oneshot::channel();
        self.record(Mail::Record(Box::new(wanted), answer)).await?;
        answered.await.map_err(|_| RecordingError::Ended)?
    }

    /// Its file is finished then.
    pub async fn stop_recording(&self, id: &str, how: Stop) -> Result<(), RecordingError> {
        let (answer, answered) = oneshot::channel();
        self.record(Mail::Finish(id.to_owned(), how, answer)).await?;
        ended(answered.await.map_err(|_| RecordingError::Ended)??).await;
        Ok(())
    }

    /// Its file is gone then.
    pub async fn delete_recording(&self, id: &str) -> Result<(), RecordingError> {
        let (answer, answered) = oneshot::channel();
        self.record(Mail::Delete(id.to_owned(), answer)).await?;
        let removal = answered.await.map_err(|_| RecordingError::Ended)??;
        let removed = tokio::time::timeout(PATIENCE, removal).await;
        let removed = removed.map_err(io::Error::from).and_then(|ended| ended.map_err(io::Error::other)?);
        match removed {
            // Somebody else removed it.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RecordingError::Disk(format!("delete recording: {error}")))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Those that run, and those that lie on the disk.
    pub fn recordings(&self) -> Vec<RecordingView> {
        self.recordings.borrow().clone()
    }

    async fn record(&self, message: Mail) -> Result<(), RecordingError> {
        self.mailbox.send(message).await.map_err(|_| RecordingError::Ended)
    }
}
