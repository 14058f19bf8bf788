//! What a picture or sound is encoded as.
//!
//! A rendition is encoded once for all who ask for the same one. What is left open is as the session says, and follows it.

use crate::media::{AudioCodec, VideoCodec};
use crate::spec::{Bitrate, FrameRate, Resolution};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Video {
    pub codec: VideoCodec,
    /// The picture is scaled; where its shape is another one, there are borders.
    pub size: Option<Resolution>,
    /// No more than what the picture is read at.
    pub frame_rate: Option<FrameRate>,
    pub bitrate: Option<Bitrate>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audio {
    pub codec: AudioCodec,
    pub bitrate: Option<Bitrate>,
}
