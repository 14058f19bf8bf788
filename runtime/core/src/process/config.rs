//! What a process is to do, as its API takes and tells it (`/api/v3/process`).
//!
//! What an address may be is not judged here.

mod draft;

use serde::Serialize;

pub use draft::{Invalid, Reason};

/// What payload types RTP leaves to whoever uses it (RFC 3551 §6).
pub const PAYLOAD_TYPES: std::ops::RangeInclusive<u8> = 96..=127;

/// A process as it is stored. As JSON it has also `type`, which is always `ffmpeg`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Config {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whatever its owner likes to find it by.
    pub reference: String,
    /// At least one.
    pub input: Vec<Io>,
    /// At least one.
    pub output: Vec<Io>,
    /// Of ffmpeg as a whole: they stand before the first input.
    pub options: Vec<String>,
    /// Whether it is started again when it has ended, for as long as its order is to run.
    pub reconnect: bool,
    pub reconnect_delay_seconds: u64,
    /// Whether it is started when it is made.
    pub autostart: bool,
    /// 0: it may stand still for as long as it likes.
    pub stale_timeout_seconds: u64,
    pub limits: Limits,
    pub webrtc: WebRtc,
}

/// An input or an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Io {
    /// Unique among inputs or outputs.
    pub id: String,
    pub address: String,
    pub options: Vec<String>,
    pub cleanup: Vec<Cleanup>,
}

/// Which files of an output are taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cleanup {
    /// A glob, under the data directory.
    pub pattern: String,
    /// The newest that stay; 0: as many as there are.
    pub max_files: u64,
    /// 0: for ever.
    pub max_file_age_seconds: u64,
    /// When the process is deleted.
    pub purge_on_delete: bool,
}

/// What a process may use; 0: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Limits {
    /// Percent of one core: 200 are two.
    pub cpu_usage: f64,
    pub memory_mbytes: u64,
    /// For how long it may use more.
    pub waitfor_seconds: u64,
}

/// How it is watched by WebRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WebRtc {
    pub enabled: bool,
    /// Of RTP, of [`PAYLOAD_TYPES`].
    pub video_pt: u8,
    /// Another one.
    pub audio_pt: u8,
    /// Whether picture and sound are encoded even if they could be passed on as they are.
    pub force_transcode: bool,
}

/// What runs a process: there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Ffmpeg,
}

impl Default for WebRtc {
    fn default() -> Self {
        Self { enabled: false, video_pt: 102, audio_pt: 111, force_transcode: false }
    }
}

#[cfg(test)]
mod tests;
