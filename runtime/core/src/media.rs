//! Encoded media: what a stream is, and the pieces of it that every way out shares.

use std::time::Duration;

use bytes::Bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Video,
    Audio,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoCodec {
    /// Constrained baseline, without B-frames, as Annex B with SPS and PPS before each IDR: what every viewer decodes.
    #[default]
    H264,
    /// What decodes it is in every browser, and beside Opus in every page that has no WebRTC.
    Vp8,
    /// Without B-frames, a sequence header before each I-frame: what JSMpeg decodes, which has nothing but a script.
    Mpeg1,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AudioCodec {
    /// Packets of 20 ms.
    #[default]
    Opus,
    /// AAC-LC: what RTMP, MPEG-TS and MP4 are played with everywhere. Bare access units, without ADTS (`crate::aac`).
    Aac,
    /// MPEG-1 layer II, frames of 1152 samples: the sound beside MPEG-1.
    Mp2,
}

/// What the units of a stream are, as a muxer has to know it before it has seen one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    Video {
        codec: VideoCodec,
        /// Pixels.
        width: u32,
        height: u32,
        /// At most so many come.
        frames_per_second: u32,
    },
    Audio {
        codec: AudioCodec,
        sample_rate_hz: u32,
        channels: u32,
    },
    /// A picture and its sound together, as an MPEG transport stream: a unit is whole packets, one with `key` begins with
    /// tables and a keyframe. It is read as a picture is.
    Transport,
}

/// One access unit of video or one packet of audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub track: Track,
    /// When it is shown, on one monotonic timeline that video and audio share: the difference between two units of
    /// different kinds is their difference on stage.
    pub pts: Duration,
    /// When it is to be decoded, on the same timeline: the same as `pts` unless units are shown in another order.
    pub dts: Duration,
    pub duration: Duration,
    /// Decodable without anything before it. Every unit of audio is.
    pub key: bool,
    pub payload: Bytes,
}

impl Kind {
    /// As protocols call it: the top-level type of its media types (RFC 6838 §4.2).
    pub const fn media(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }

    /// As people are told of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Video => "picture",
            Self::Audio => "sound",
        }
    }
}

impl Track {
    pub const fn h264(width: u32, height: u32, frames_per_second: u32) -> Self {
        Self::Video { codec: VideoCodec::H264, width, height, frames_per_second }
    }

    /// Opus is decoded at 48 kHz, whatever went into it (RFC 7587 §4.1).
    pub const fn opus(channels: u32) -> Self {
        Self::Audio { codec: AudioCodec::Opus, sample_rate_hz: 48_000, channels }
    }

    pub const fn mp2(sample_rate_hz: u32, channels: u32) -> Self {
        Self::Audio { codec: AudioCodec::Mp2, sample_rate_hz, channels }
    }

    pub const fn aac(sample_rate_hz: u32, channels: u32) -> Self {
        Self::Audio { codec: AudioCodec::Aac, sample_rate_hz, channels }
    }

    /// For tests to which it does not matter.
    #[cfg(test)]
    pub(crate) const fn any(kind: Kind) -> Self {
        match kind {
            Kind::Video => Self::h264(1280, 720, 30),
            Kind::Audio => Self::opus(2),
        }
    }

    pub const fn kind(&self) -> Kind {
        match self {
            Self::Video { .. } | Self::Transport => Kind::Video,
            Self::Audio { .. } => Kind::Audio,
        }
    }
}

impl Unit {
    pub const fn kind(&self) -> Kind {
        self.track.kind()
    }

    /// Whether a reader that has nothing yet can begin here with a picture.
    pub fn starts_picture(&self) -> bool {
        self.kind() == Kind::Video && self.key
    }
}
