//! What is watched, each with its viewers and the feeds that cut its frames.
//!
//! A picture is fed once a step that somebody is shown, the sound once for all.
//!
//! ```text
//!   program ─┬─ Full ────> feed ─> viewers
//!            ├─ Half ────> feed ─> viewers, and those who come from another step
//!            └─ sound ───> feed ─> everybody
//! ```

mod picture;

pub(super) use picture::Picture;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use understudy_core::fanout::clock::Anchor;
use understudy_core::fanout::cut::{Cut, Cutter};
use understudy_core::media::{Kind, VideoCodec};
use understudy_core::rendition::{Audio, Step, Video};

use super::directory::PeerId;
use crate::broadcast::Hub;
use crate::program::Program;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DistributionId(u64);

/// Another feed of the same hub counts its packets anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FeedId(u64);

/// A frame of one distribution, on its way to the owner.
pub(super) struct Fed {
    pub distribution: DistributionId,
    pub feed: FeedId,
    pub cut: Arc<Cut>,
}

pub(super) struct Distribution {
    pub id: DistributionId,
    pub name: String,
    program: Program,
    /// Of its picture.
    codec: VideoCodec,
    pictures: Vec<Picture>,
    /// Dropped, it ends.
    _sound: Feed,
    anchor: Option<Anchor>,
    feeds: Feeds,
}

impl Distribution {
    /// Where the captured timeline stands on our clocks. Pictures and sound share it.
    pub fn anchor(&mut self, cut: &Cut, now: Instant) -> Anchor {
        let pts = cut.frame.pts;
        match self.anchor {
            Some(anchor) if anchor.holds(pts, now) => anchor,
            _ => *self.anchor.insert(Anchor { pts, instant: now, wall: SystemTime::now() }),
        }
    }

    /// Keeps a frame for those who ask for it again or begin with it, and tells who is shown it.
    pub fn take(&mut self, fed: &Fed) -> Vec<PeerId> {
        let is_sound = fed.cut.frame.kind() == Kind::Audio;
        let shown = |picture: &&mut Picture| is_sound || picture.feed.id == fed.feed;
        let mut viewers = Vec::new();
        for picture in self.pictures.iter_mut().filter(shown) {
            picture.history.keep(&fed.cut);
            picture.rotate();
            viewers.extend_from_slice(&picture.viewers);
        }
        viewers
    }

    /// Who is to be shown the picture of that feed.
    pub fn arriving(&self, feed: FeedId) -> Option<&[PeerId]> {
        self.pictures.iter().find(|picture| picture.feed.id == feed).map(|picture| &*picture.arriving)
    }

    pub fn picture(&self, step: Step) -> Option<&Picture> {
        self.pictures.iter().find(|picture| picture.step == step)
    }

    /// Whether there are smaller steps.
    pub fn has_steps(&self) -> bool {
        self.program.has_steps()
    }

    /// A viewer of another step is to be shown this one. It is fed from now on.
    pub fn expect(&mut self, step: Step, viewer: PeerId) {
        self.fed(step).arriving.push(viewer);
    }

    /// It is shown this step from now on, and none other.
    pub fn moved(&mut self, step: Step, viewer: PeerId) {
        self.forget(viewer);
        self.fed(step).viewers.push(viewer);
        self.tidy();
    }

    /// It stays where it is.
    pub fn stays(&mut self, viewer: PeerId) {
        self.pictures.iter_mut().for_each(|picture| picture.arriving.retain(|other| *other != viewer));
        self.tidy();
    }

    fn forget(&mut self, viewer: PeerId) {
        self.pictures.iter_mut().for_each(|picture| picture.forget(viewer));
    }

    /// What nobody is shown is not fed.
    fn tidy(&mut self) {
        self.pictures.retain(|picture| !picture.is_idle());
    }

    fn fed(&mut self, step: Step) -> &mut Picture {
        let place = self.pictures.iter().position(|picture| picture.step == step).unwrap_or_else(|| {
            let hub = self.program.video(Video { codec: self.codec, step, ..Video::default() });
            let feed = self.feeds.feed(self.id, &hub);
            self.pictures.push(Picture::new(step, hub, feed));
            self.pictures.len() - 1
        });
        &mut self.pictures[place]
    }

    fn viewers(&self) -> impl Iterator<Item = PeerId> {
        self.pictures.iter().flat_map(|picture| picture.viewers.iter().copied())
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

    /// Adds a viewer, who is shown everything; the first starts the feeds.
    pub fn join(
        &mut self,
        name: &str,
        (program, codec): (&Program, VideoCodec),
        viewer: PeerId,
    ) -> DistributionId {
        let same =
            |other: &Distribution| other.name == name && other.codec == codec && other.program.is_as(program);
        let place = self.all.iter().position(same).unwrap_or_else(|| {
            self.next += 1;
            let id = DistributionId(self.next);
            let mut feeds = Feeds { next: 0, fed: self.fed.clone() };
            self.all.push(Distribution {
                id,
                name: name.to_owned(),
                program: program.clone(),
                codec,
                pictures: Vec::new(),
                _sound: feeds.feed(id, &program.audio(Audio::default())),
                anchor: None,
                feeds,
            });
            self.all.len() - 1
        });
        let distribution = &mut self.all[place];
        distribution.fed(Step::Full).viewers.push(viewer);
        distribution.id
    }

    /// Removes a viewer; the last ends the feeds. Tells the name it was of.
    pub fn leave(&mut self, id: DistributionId, viewer: PeerId) -> Option<String> {
        let distribution = self.get_mut(id)?;
        distribution.forget(viewer);
        distribution.tidy();
        let name = distribution.name.clone();
        self.all.retain(|distribution| !distribution.pictures.is_empty());
        Some(name)
    }

    pub fn get(&self, id: DistributionId) -> Option<&Distribution> {
        self.all.iter().find(|distribution| distribution.id == id)
    }

    pub fn get_mut(&mut self, id: DistributionId) -> Option<&mut Distribution> {
        self.all.iter_mut().find(|distribution| distribution.id == id)
    }

    /// What those of a distribution see who are shown that step.
    pub fn picture(&self, id: Option<DistributionId>, step: Step) -> Option<&Picture> {
        self.get(id?)?.picture(step)
    }

    pub fn viewers_of(&self, name: &str) -> Vec<PeerId> {
        let distributions = self.all.iter().filter(|distribution| distribution.name == name);
        distributions.flat_map(Distribution::viewers).collect()
    }
}

/// Starts feeds, and tells them apart.
struct Feeds {
    next: u64,
    fed: mpsc::Sender<Fed>,
}

/// Dropped, it ends.
pub(super) struct Feed {
    id: FeedId,
    task: AbortHandle,
}

impl Feeds {
    fn feed(&mut self, distribution: DistributionId, hub: &Hub) -> Feed {
        self.next += 1;
        let id = FeedId(self.next);
        let task = tokio::spawn(feed(distribution, id, hub.clone(), self.fed.clone())).abort_handle();
        Feed { id, task }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for the owner, not the other way round: if it is slow, the hub drops to a keyframe for us. Begun before the first viewer is
/// in, who may never be.
async fn feed(distribution: DistributionId, feed: FeedId, hub: Hub, fed: mpsc::Sender<Fed>) {
    let mut frames = hub.subscribe_ahead();
    let mut cutter = Cutter::default();
    loop {
        let cut = Arc::new(cutter.cut(frames.next().await));
        if fed.send(Fed { distribution, feed, cut }).await.is_err() {
            return;
        }
    }
}
