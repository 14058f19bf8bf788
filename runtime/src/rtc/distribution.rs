//! What is watched, each with its viewers and the feed that cuts its frames.

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
pub(super) struct DistributionId(u64);

/// A frame of one distribution, on its way to the owner.
pub(super) struct Fed {
    pub distribution: DistributionId,
    pub cut: Arc<Cut>,
}

pub(super) struct Distribution {
    pub id: DistributionId,
    pub name: String,
    pub media: Renditions,
    pub viewers: Vec<PeerId>,
    /// What is sent again to whoever asks.
    pub history: History,
    anchor: Option<Anchor>,
    feed: AbortHandle,
}

impl Distribution {
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

impl Drop for Distribution {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

/// A handful at most, so a list is enough.
pub(super) struct Distributions {
    all: Vec<Distribution>,
    next: u64,
    fed: mpsc::Sender<Fed>,
}

impl Distributions {
    pub fn new(fed: mpsc::Sender<Fed>) -> Self {
        Self { all: Vec::new(), next: 0, fed }
    }

    /// Adds a viewer; the first starts the feed.
    pub fn join(&mut self, name: &str, media: Renditions, viewer: PeerId) -> DistributionId {
        if let Some(distribution) = self
            .all
            .iter_mut()
            .find(|distribution| distribution.name == name && distribution.media.are(&media))
        {
            distribution.viewers.push(viewer);
            return distribution.id;
        }
        self.next += 1;
        let id = DistributionId(self.next);
        let feed = tokio::spawn(feed(id, media.clone(), self.fed.clone())).abort_handle();
        self.all.push(Distribution {
            id,
            name: name.to_owned(),
            media,
            viewers: vec![viewer],
            history: History::default(),
            anchor: None,
            feed,
        });
        id
    }

    /// Removes a viewer; the last ends the feed. Tells the name it was of.
    pub fn leave(&mut self, id: DistributionId, viewer: PeerId) -> Option<String> {
        let distribution = self.get_mut(id)?;
        distribution.viewers.retain(|other| *other != viewer);
        let name = distribution.name.clone();
        self.all.retain(|distribution| !distribution.viewers.is_empty());
        Some(name)
    }

    pub fn get(&self, id: DistributionId) -> Option<&Distribution> {
        self.all.iter().find(|distribution| distribution.id == id)
    }

    pub fn get_mut(&mut self, id: DistributionId) -> Option<&mut Distribution> {
        self.all.iter_mut().find(|distribution| distribution.id == id)
    }

    pub fn viewers_of(&self, name: &str) -> Vec<PeerId> {
        let distributions = self.all.iter().filter(|distribution| distribution.name == name);
        distributions.flat_map(|distribution| distribution.viewers.iter().copied()).collect()
    }

    pub fn count(&self, name: &str) -> usize {
        self.all
            .iter()
            .filter(|distribution| distribution.name == name)
            .map(|distribution| distribution.viewers.len())
            .sum()
    }
}

/// Waits for the owner, not the other way round: if it is slow, the hub drops to a keyframe for us.
async fn feed(distribution: DistributionId, media: Renditions, fed: mpsc::Sender<Fed>) {
    let mut frames = media.subscribe();
    let mut cutter = Cutter::default();
    loop {
        let cut = Arc::new(cutter.cut(frames.next().await));
        if fed.send(Fed { distribution, cut }).await.is_err() {
            return;
        }
    }
}
