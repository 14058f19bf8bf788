//! An encoded frame, the unit that every output shares.

use std::time::Duration;

use bytes::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Video,
    Audio,
}

/// One access unit of video or one packet of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: Kind,
    /// On one monotonic timeline that video and audio share: the difference between two frames of different
    /// kinds is their difference on stage.
    pub captured_at: Duration,
    pub duration: Duration,
    /// Decodable without anything before it. Every audio frame is.
    pub keyframe: bool,
    /// Video: one H.264 access unit in Annex B form, constrained baseline, with SPS and PPS before each IDR.
    /// Audio: one Opus packet.
    pub payload: Bytes,
}

impl Frame {
    /// Whether a reader that has nothing yet can begin here with a picture.
    pub fn starts_picture(&self) -> bool {
        self.kind == Kind::Video && self.keyframe
    }
}
