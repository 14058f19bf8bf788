//! A viewer on a third WebRTC stack (pion), as a child process.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::{program, settings};

/// Start, handshake and the report, besides the watching itself, on a machine that does more than this.
const OVERHEAD: Duration = Duration::from_secs(60);

/// What arrived.
#[derive(Debug, Deserialize)]
pub struct Seen {
    pub video: Stream,
    pub audio: Stream,
    /// From the request to the first whole picture.
    pub first_picture_ms: u32,
    pub delete_status: u16,
}

/// What arrived of one track.
#[derive(Debug, Deserialize)]
pub struct Stream {
    /// As it was answered: the media type and the parameters of `a=fmtp`.
    pub codec: String,
    pub packets: u32,
    /// Sequence numbers between the first and the last that never came.
    pub missing: u32,
    /// From the first packet to the last, by their timestamps.
    pub seconds: f64,
}

/// Watches for so many seconds and writes the picture, a bare H.264 stream, into that file: what arrived, or why nothing
/// did.
pub async fn watch(url: &str, seconds: u32, picture: &Path) -> Result<Seen, String> {
    let watch = settings::cache().join("pion/watch");
    program::needs(&watch, "sh e2e/pion/setup.sh");
    let mut command = program::command(watch);
    command.args(["-url", url, "-seconds", &seconds.to_string(), "-picture"]).arg(picture);
    let said = program::output(&mut command, Duration::from_secs(seconds.into()) + OVERHEAD).await?;
    serde_json::from_str(&said).map_err(|error| format!("pion's viewer said {said}: {error}"))
}
