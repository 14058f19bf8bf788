//! What a streamer is asked to be: the body of `POST /api/streamers`, and the same fields in the first message of the older socket.
//!
//! What a display shows is encoded once for all who watch anything of this runtime, as the session says: what is asked for of
//! picture and sound is judged, and otherwise a wish.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{APP, HOST, Id, LONGEST_ID};

/// Longer is for ever.
const LONGEST_IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// On a side, in pixels: more no codec here carries.
const LARGEST: u32 = 8192;
/// Frames a second; clients ask for what their screen has.
const FASTEST: u32 = 1000;

/// What stands in the body beside [`Media`].
#[derive(Clone, Debug, Deserialize)]
struct Rest {
    /// None: one is made.
    #[serde(default)]
    streamer_id: Option<String>,
    #[serde(deserialize_with = "may_be_null")]
    client_unique_id: Option<String>,
    /// Not of the source system. Nobody for so long: it ends.
    #[serde(default)]
    idle_timeout_seconds: Option<u64>,
}

/// What both ways in have in common; all of it is needed.
#[derive(Clone, Debug, Deserialize)]
pub struct Media {
    pub host_id: u32,
    pub app_id: u32,
    /// In kbit/s.
    pub bitrate: u32,
    pub packet_size: u32,
    pub fps: u32,
    pub width: u32,
    pub height: u32,
    pub video_sample_queue_size: u32,
    pub play_audio_local: bool,
    pub audio_sample_queue_size: u32,
    /// A mask; what is not known in it stands for H.264, which is what there is.
    pub video_supported_formats: u32,
    pub video_colorspace: Colorspace,
    pub video_color_range_full: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Colorspace {
    Rec601,
    Rec709,
    Rec2020,
}

/// A streamer that can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// None: one is made.
    pub id: Option<Id>,
    pub client: Option<String>,
    /// What it shows: whether there is such an app is for whoever has them.
    pub app: u32,
    pub shape: Shape,
    /// Nobody for so long: it ends. None: it stays.
    pub idle: Option<Duration>,
}

/// What is said of the picture until there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub width: u32,
    pub height: u32,
    pub fps: u32,
}

/// Why there cannot be such a streamer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller's fault; the field is named.
    #[error("{0}")]
    Invalid(String),
    /// In the words of the source system.
    #[error("Host not found")]
    Host,
    #[error(
        "there is no app {app}: {APP} is this runtime's own display, and its session's document names {pages} pages beside"
    )]
    App { app: u32, pages: usize },
}

impl Order {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let body: Value =
            serde_json::from_slice(body).map_err(|error| Refusal::Invalid(error.to_string()))?;
        // A list would be read as the fields in their order.
        if !body.is_object() {
            return Err(Refusal::Invalid("invalid type: expected an object".to_owned()));
        }
        let rest: Rest = read(&body)?;
        let id = rest.streamer_id.as_deref().map(id).transpose()?;
        let client = client(rest.client_unique_id)?;
        let idle = rest.idle_timeout_seconds.map(idle).transpose()?;
        let media = read::<Media>(&body)?;
        Ok(Self { id, client, app: media.app_id, shape: media.judge()?, idle })
    }
}

impl Media {
    /// What of it can be carried out.
    pub fn judge(&self) -> Result<Shape, Refusal> {
        for (field, value, most) in
            [("width", self.width, LARGEST), ("height", self.height, LARGEST), ("fps", self.fps, FASTEST)]
        {
            if !(1..=most).contains(&value) {
                return Err(Refusal::Invalid(format!("{field}: must be 1 to {most}, got {value}")));
            }
        }
        if self.bitrate == 0 {
            return Err(Refusal::Invalid("bitrate: must be at least 1 kbit/s".to_owned()));
        }
        match self.host_id {
            HOST => Ok(Shape { width: self.width, height: self.height, fps: self.fps }),
            _ => Err(Refusal::Host),
        }
    }
}

/// What is not of that kind is refused with the name of its field. Fields that it does not have are passed over.
pub(super) fn read<'de, T: Deserialize<'de>>(document: &'de Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let (path, why) = (error.path().to_string(), error.inner());
        Refusal::Invalid(if path == "." { why.to_string() } else { format!("{path}: {why}") })
    })
}

/// An id that somebody gave.
fn id(text: &str) -> Result<Id, Refusal> {
    let words =
        || format!("streamer_id: must be 1 to {LONGEST_ID} letters, digits, - _ . and :, no dot first");
    Id::parse(text).ok_or_else(|| Refusal::Invalid(words()))
}

/// What a client calls itself.
pub(super) fn client(given: Option<String>) -> Result<Option<String>, Refusal> {
    match given {
        Some(name) if name.len() > LONGEST_ID => {
            Err(Refusal::Invalid(format!("client_unique_id: must have at most {LONGEST_ID} bytes")))
        }
        given => Ok(given.filter(|name| !name.is_empty())),
    }
}

fn idle(seconds: u64) -> Result<Duration, Refusal> {
    let longest = LONGEST_IDLE.as_secs();
    match (1..=longest).contains(&seconds) {
        true => Ok(Duration::from_secs(seconds)),
        false => {
            Err(Refusal::Invalid(format!("idle_timeout_seconds: must be 1 to {longest}, got {seconds}")))
        }
    }
}

/// It has to be there: `Option` alone would let it be left out.
fn may_be_null<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(value)
}

#[cfg(test)]
mod tests;
