//! The hubs that have viewers, each with the feed that cuts its frames.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::{Cut, Cutter};
use understudy_core::fanout::history::History;

use super::routes::PeerId;
use crate::broadcast::Renditions;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProgramId(u64);

/// A frame of one program, on its way to the owner.
pub(super) struct Fed {
    pub program: ProgramId,
    pub cut: Arc<Cut>,
}

pub(super) struct Program {
    pub id: ProgramId,
    pub name: String,
    pub hub: Renditions,
    pub viewers: Vec<PeerId>,
    /// What is sent again to whoever asks.
    pub history: History,
    anchor: Option<Anchor>,
    feed: AbortHandle,
}

impl Program {
    /// Where the captured timeline stands on our clocks. Picture and sound share it.
    pub fn anchor(&mut self, cut: &Cut, now: Instant) -> Anchor {
        let pts = cut.frame.pts;
        match self.anchor {
            Some(anchor) if anchor.holds(pts, now) => anchor,
            _ => *self.anchor.insert(Anchor { pts, instant: now, wall: SystemTime::now() }),
        }
    }

    /// Another viewer is the first: should the kernel's room end, it does not always end for the same.
    pub fn rotate(&mut self) {
        if !self.viewers.is_empty() {
            self.viewers.rotate_left(1);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

/// A handful at most, so a list is enough.
pub(super) struct Programs {
    all: Vec<Program>,
    next: u64,
    fed: mpsc::Sender<Fed>,
}

impl Programs {
    pub fn new(fed: mpsc::Sender<Fed>) -> Self {
        Self { all: Vec::new(), next: 0, fed }
    }

    /// Adds a viewer; the first of a hub starts its feed.
    pub fn join(&mut self, name: &str, hub: Renditions, viewer: PeerId) -> ProgramId {
        if let Some(program) =
            self.all.iter_mut().find(|program| program.name == name && program.hub.are(&hub))
        {
            program.viewers.push(viewer);
            return program.id;
        }
        self.next += 1;
        let id = ProgramId(self.next);
        let feed = tokio::spawn(feed(id, hub.clone(), self.fed.clone())).abort_handle();
        self.all.push(Program {
            id,
            name: name.to_owned(),
            hub,
            viewers: vec![viewer],
            history: History::default(),
            anchor: None,
            feed,
        });
        id
    }

    /// Removes a viewer; the last of a hub ends its feed. Tells the name it was of.
    pub fn leave(&mut self, id: ProgramId, viewer: PeerId) -> Option<String> {
        let program = self.get_mut(id)?;
        program.viewers.retain(|other| *other != viewer);
        let name = program.name.clone();
        self.all.retain(|program| !program.viewers.is_empty());
        Some(name)
    }

    pub fn get(&self, id: ProgramId) -> Option<&Program> {
        self.all.iter().find(|program| program.id == id)
    }

    pub fn get_mut(&mut self, id: ProgramId) -> Option<&mut Program> {
        self.all.iter_mut().find(|program| program.id == id)
    }

    pub fn viewers_of(&self, name: &str) -> Vec<PeerId> {
        let programs = self.all.iter().filter(|program| program.name == name);
        programs.flat_map(|program| program.viewers.iter().copied()).collect()
    }

    pub fn count(&self, name: &str) -> usize {
        self.all.iter().filter(|program| program.name == name).map(|program| program.viewers.len()).sum()
    }
}

/// Waits for the owner, not the other way round: if it is slow, the hub drops to a keyframe for us.
async fn feed(program: ProgramId, hub: Renditions, fed: mpsc::Sender<Fed>) {
    let mut frames = hub.subscribe();
    let mut cutter = Cutter::default();
    loop {
        let cut = Arc::new(cutter.cut(frames.next().await));
        if fed.send(Fed { program, cut }).await.is_err() {
            return;
        }
    }
}
