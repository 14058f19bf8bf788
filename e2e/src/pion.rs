//! A viewer on a third WebRTC stack (pion), as a child process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::destination::TOKEN;
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
        let mut command = watching();
        command.arg("-serve").args(arguments).arg("-picture").arg(pictures);
        let (server, said, port) = listening(command).await;
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

/// A WHIP server that people are invited to: it wants [`TOKEN`], and serves until it is dropped.
pub struct Stage {
    pub port: u16,
    _server: Child,
    pictures: TempDir,
}

/// How it was asked, and what came.
#[derive(Debug, Deserialize)]
pub struct Told {
    pub posts: u32,
    pub redirected: u32,
    pub unauthorised: u32,
    pub deletes: u32,
    /// That were not ended.
    pub sessions: u32,
    /// Of the last that came, so far.
    pub seen: Option<Seen>,
}

impl Stage {
    /// At any port, with further arguments of the program.
    pub async fn start(arguments: &[&str]) -> Self {
        Self::at(0, arguments).await
    }

    pub async fn at(port: u16, arguments: &[&str]) -> Self {
        let (mut command, pictures) = (watching(), tempfile::tempdir().expect("a folder"));
        command.args(["-serve", "-streams", "0", "-token", TOKEN, "-port", &port.to_string()]);
        command.args(arguments).arg("-picture").arg(pictures.path().join("picture"));
        let (server, _said, port) = listening(command).await;
        Self { port, _server: server, pictures }
    }

    /// What it was asked, and what came.
    pub async fn told(&self) -> Result<Told, reqwest::Error> {
        reqwest::get(self.url("/seen")).await?.json().await
    }

    /// Has no more whom it has, and answers who comes with that; 0: lets them in again.
    pub async fn evicts(&self, status: u16) {
        let asked = reqwest::Client::new().post(self.url(&format!("/evict/{status}"))).send().await;
        asked.and_then(reqwest::Response::error_for_status).expect("the server must answer");
    }

    /// The picture of whoever came first, as far as it has come: a bare H.264 stream.
    pub fn picture(&self) -> PathBuf {
        self.pictures.path().join("picture0.h264")
    }

    /// Where it is published to: `/whip`, or `/moved/STATUS`, which redirects there with that status.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

fn watching() -> tokio::process::Command {
    let watch = settings::cache().join("pion/watch");
    program::needs(&watch, "sh e2e/pion/setup.sh");
    program::command(watch)
}

/// Starts a server: besides it what it goes on to say, and its port.
async fn listening(mut command: tokio::process::Command) -> (Child, Lines<BufReader<ChildStdout>>, u16) {
    let mut server = command.stderr(std::process::Stdio::inherit()).spawn().expect("the server must start");
    let mut said = BufReader::new(server.stdout.take().expect("it is kept")).lines();
    let port = said.next_line().await.expect("it must say something").expect("it must run");
    (server, said, port.parse().expect("a port"))
}

/// Watches for so many seconds and writes the picture, a bare H.264 stream, into that file: what arrived, or why nothing
/// did.
pub async fn watch(url: &str, seconds: u32, picture: &Path) -> Result<Seen, String> {
    let mut command = watching();
    command.args(["-url", url, "-seconds", &seconds.to_string(), "-picture"]).arg(picture);
    let said = program::output(&mut command, Duration::from_secs(seconds.into()) + OVERHEAD).await?;
    serde_json::from_str(&said).map_err(|error| format!("pion's viewer said {said}: {error}"))
}
