//! What ffmpeg says of itself: what there is in its inputs and outputs by the lines of its log, how far it is by its report.
//!
//! The report (`-progress pipe:1`) is told apart from the log because the line of numbers in the log is missing at most log
//! levels, ends in a carriage return that other lines run into, and counts in units of its own (`kB` by 5.1, `KiB` by 9).

mod lines;
mod report;
mod told;

use serde::Serialize;

pub use lines::Said;
pub use report::Report;
pub use told::{Probe, ProbeStream, Rate, Shown, ShownStream};

/// A stream of an input or an output, as `Stream #0:0: Video: h264 …` has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stream {
    /// Which input or output.
    pub index: usize,
    /// Which stream of it.
    pub stream: usize,
    pub kind: Kind,
    /// `h264`.
    pub codec: String,
    /// `High`; empty when it is not said.
    pub profile: String,
    /// How the container names the codec: `avc1`, `[27][0][0][0]`; empty when it is not said.
    pub tag: String,
    /// `eng`; empty when it is not said.
    pub language: String,
    /// A picture that goes with sound, as the cover of a record: it never moves.
    pub is_cover: bool,
    /// Of a picture; `yuv420p`.
    pub pixels: String,
    pub width: u32,
    pub height: u32,
    /// Pictures a second.
    pub fps: f64,
    /// Of sound.
    pub sampling_hz: u32,
    /// `stereo`.
    pub layout: String,
    pub channels: u8,
    pub bitrate_kbps: f64,
    /// Of an output, what makes it: `libx264`, `copy`; of an input, the codec.
    pub coder: String,
}

/// What a stream is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Video,
    Audio,
    Subtitle,
    Attachment,
    #[default]
    Data,
}

impl Kind {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Subtitle => "subtitle",
            Self::Attachment => "attachment",
            Self::Data => "data",
        }
    }
}

/// An input or an output, as `Input #0, flv, from '…':` begins it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    pub index: usize,
    /// `flv`, `mov,mp4,m4a,3gp,3g2,mj2`.
    pub format: String,
    pub address: String,
    /// 0 when it is not known.
    pub duration_seconds: f64,
    pub streams: Vec<Stream>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    pub frame: u64,
    pub fps: f64,
    /// The encoder's quantizer.
    pub q: f64,
    pub size_bytes: u64,
    /// Of the output, in seconds.
    pub time_seconds: f64,
    pub bitrate_kbps: f64,
    /// 1: as fast as it plays.
    pub speed: f64,
    pub drop: u64,
    pub dup: u64,
}

impl Progress {
    /// Whether frames or time have gone on since `before`. Who is told no time goes by the size.
    pub fn has_moved_since(&self, before: &Self) -> bool {
        let times = (self.time_seconds, before.time_seconds);
        self.frame != before.frame
            || times.0 != times.1
            || (times == (0.0, 0.0) && self.size_bytes != before.size_bytes)
    }
}
