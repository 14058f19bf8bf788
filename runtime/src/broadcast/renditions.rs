//! One rendition of the picture and one of the sound, of the same program.

use understudy_core::media::Kind;

use super::{Hub, Metrics};

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
}
