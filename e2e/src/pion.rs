//! A viewer on a third WebRTC stack (pion), as a child process.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

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
    /// Of a server that names a TURN server: how many relays that gave, and how many were not given back.
    pub relays: u32,
    pub relays_left: u32,
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

/// A WHIP server that takes so many streams.
pub struct Server {
    pub url: String,
    server: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Leaves the checks of ICE to whoever comes, if it is lite. Several come to one port. The pictures go into files whose names
    /// begin so, `0.h264` and so on.
    pub async fn start(is_lite: bool, streams: u32, pictures: &Path) -> Self {
        Self::with(&[&format!("-lite={is_lite}"), "-streams", &streams.to_string()], pictures).await
    }

    /// The same for one stream, with further arguments of the program.
    pub async fn with(arguments: &[&str], pictures: &Path) -> Self {
        let watch = settings::cache().join("pion/watch");
        program::needs(&watch, "sh e2e/pion/setup.sh");
        let mut command = program::command(watch);
        command.arg("-serve").args(arguments).arg("-picture").arg(pictures);
        let mut server =
            command.stderr(std::process::Stdio::inherit()).spawn().expect("the server must start");
        let mut said = BufReader::new(server.stdout.take().expect("it is kept")).lines();
        let port = said.next_line().await.expect("it must say something").expect("it must run");
        Self { url: format!("http://127.0.0.1:{port}/whip"), server, said }
    }

    /// What arrived of each stream, once all were ended.
    pub async fn ended(mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        let told = async {
            while let Some(told) = self.said.next_line().await.expect("it must say something") {
                all.push(serde_json::from_str(&told).expect("what is told must be read"));
            }
            self.server.wait().await.expect("it must end");
        };
        tokio::time::timeout(OVERHEAD, told).await.expect("it must end in time");
        all
    }
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
