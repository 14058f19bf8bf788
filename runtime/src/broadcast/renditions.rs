//! One rendition of the picture and one of the sound, of the same program.

use understudy_core::fanout::keyframe::Need;
use understudy_core::media::{Kind, Unit};

use super::{Hub, Metrics, Subscriber};

/// Their frames share a timeline. Clones are the same.
#[derive(Clone)]
pub struct Renditions {
    pub video: Hub,
    pub audio: Hub,
}

impl Renditions {
    pub fn new(metrics: &Metrics) -> Self {
        let hub = |kind| Hub::new(kind, metrics.clone());
        Self { video: hub(Kind::Video), audio: hub(Kind::Audio) }
    }

    pub fn of(&self, kind: Kind) -> &Hub {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }

    pub fn subscribe(&self) -> Both {
        Both { video: self.video.subscribe(), audio: self.audio.subscribe() }
    }

    pub fn request_keyframe(&self, need: Need) {
        self.video.request_keyframe(need);
    }

    /// Whether both are the same hubs.
    pub fn are(&self, other: &Self) -> bool {
        self.video.is(&other.video) && self.audio.is(&other.audio)
    }
}

/// Takes the frames of both as they come.
pub struct Both {
    video: Subscriber,
    audio: Subscriber,
}

impl Both {
    /// The next frame of either. Can be dropped and called again without losing one.
    pub async fn next(&mut self) -> Unit {
        tokio::select! {
            frame = self.video.next() => frame,
            frame = self.audio.next() => frame,
        }
    }
}
