//! Recordings that livestreams ask for. Each is one of the session's, called by the livestream's name, and begins once there is
//! something to be seen.

use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use understudy_core::recording::{self, Progress, Refusal, Stop, Wanted};
use understudy_core::report::Stance;

use super::Mail;
use super::recordings::{Entry, Origin, Recordings};
use crate::egress::recording::{State, stem};
use crate::program::Program;

/// What a livestream asks for.
pub(super) struct Asked {
    wanted: Wanted,
    /// Of what.
    program: Program,
    begun: Begun,
}

enum Begun {
    /// Why not, if that is not for want of a picture.
    No(Option<Refusal>),
    Yes(Following),
}

/// Follows one that has begun.
pub(super) struct Following {
    progress: watch::Receiver<Progress>,
    /// Tells the session of each change.
    _teller: AbortOnDropHandle<()>,
}

/// The file of one, for whoever is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) since: SystemTime,
    /// When it ended, and with how many bytes.
    pub(super) ended: Option<(SystemTime, u64)>,
}

impl Recordings {
    /// These are asked for, and no others: what is asked for no more, or otherwise, or of another program, is finished, and its file
    /// stays. `shows`: there is something to be seen. Whether there are others now than before.
    pub(super) fn ask(&mut self, wanted: Vec<Wanted>, program: &Program, shows: bool) -> bool {
        self.ending.retain(|ending| !matches!(*ending.progress.borrow(), Progress::Ended(_)));
        self.finish_others(program);
        let before = std::mem::take(&mut self.asked);
        let is_the_same = |asked: &Asked| wanted.contains(&asked.wanted) && asked.program.is(program);
        let (kept, over): (Vec<_>, Vec<_>) = before.into_iter().partition(|(_, asked)| is_the_same(asked));
        for (id, asked) in over {
            if let Begun::Yes(following) = asked.begun {
                self.finish(&id);
                self.ending.push(following);
            }
        }
        self.asked.extend(kept);
        let mut is_other = false;
        for wanted in wanted {
            if !self.is_asked(&wanted.id) {
                is_other |= shows && self.put_aside(&wanted.id);
                let begun = if shows { self.begin(&wanted, program) } else { Begun::No(None) };
                is_other |= matches!(begun, Begun::Yes(_));
                let program = program.clone();
                self.asked.insert(wanted.id.clone(), Asked { wanted, program, begun });
            }
        }
        is_other
    }

    /// Whether a livestream asks for that recording.
    pub(super) fn is_asked(&self, id: &str) -> bool {
        self.asked.get(id).is_some_and(Asked::has_begun)
    }

    /// How it goes with what a livestream of that name asks for.
    pub(super) fn progress(&self, name: &str) -> Progress {
        match self.asked.get(name).map(|asked| &asked.begun) {
            None | Some(Begun::No(None)) => Progress::Awaited,
            Some(Begun::No(Some(refusal))) => Progress::Refused(*refusal),
            Some(Begun::Yes(following)) => following.progress.borrow().clone(),
        }
    }

    /// What it is written to, once there is something in it.
    pub(super) fn file(&self, name: &str) -> Option<File> {
        let Entry { recording, .. } = self.kept.get(name).filter(|_| self.is_asked(name))?;
        let state = recording.state().borrow().clone();
        let ended = state.ended.map(|ended| (ended.at, state.bytes));
        state.recorded.map(|_| File { since: recording.since(), ended })
    }

    fn begin(&mut self, wanted: &Wanted, program: &Program) -> Begun {
        let id = &wanted.id;
        match recording::may_start(id, &self.facts(), Stance::Told) {
            // It begins once one that was told to has ended.
            Err(Refusal::Busy) if !self.ending.is_empty() => return Begun::No(None),
            Err(refusal) => return Begun::No(Some(refusal)),
            Ok(()) => {}
        }
        let recording = self.recorder.begin(wanted.clone(), program);
        let following = Following::new(recording.state(), self.mailbox.clone());
        self.kept.insert(id.clone(), Entry::new(recording, program, Origin::Livestream));
        Begun::Yes(following)
    }

    fn finish(&self, id: &str) {
        if let Some(Entry { recording, .. }) = self.kept.get(id) {
            recording.stop(Stop::Finished);
        }
    }

    /// What an earlier livestream of that name left is known by its file's name from now on, and not at all if there is nothing in
    /// it. Whether there was any.
    fn put_aside(&mut self, id: &str) -> bool {
        let is_livestreams = |entry: &Entry| entry.origin == Origin::Livestream;
        if !self.kept.get(id).is_some_and(is_livestreams) {
            return false;
        }
        let Some(entry) = self.kept.remove(id) else { return false };
        let state = entry.recording.state().borrow().clone();
        if state.ended.is_none() || state.bytes > 0 {
            self.kept.insert(stem(id, entry.recording.since()), entry);
        }
        true
    }
}

impl Asked {
    const fn has_begun(&self) -> bool {
        matches!(self.begun, Begun::Yes(_))
    }
}

impl Following {
    fn new(state: watch::Receiver<State>, mailbox: mpsc::Sender<Mail>) -> Self {
        let (tell, progress) = watch::channel(Progress::Awaited);
        let teller = tokio::spawn(follow(state, tell, mailbox));
        Self { progress, _teller: AbortOnDropHandle::new(teller) }
    }
}

/// Tells how it goes, also when that changes because nothing happens, until it has ended or the session has.
async fn follow(
    mut state: watch::Receiver<State>,
    tell: watch::Sender<Progress>,
    mailbox: mpsc::Sender<Mail>,
) {
    loop {
        let (now, until) = state.borrow_and_update().progress(Instant::now());
        if super::told::replace(&tell, now) && mailbox.send(Mail::Recording).await.is_err() {
            return;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            () = crate::deadline::reached(until) => {}
        }
    }
}

#[cfg(test)]
mod tests;
