//! One who watches and steers a streamer over its socket, on another WebRTC stack (aiortc), as a child process.

use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::{program, settings};

/// Start, handshake and the report, besides the watching itself, on a machine that does more than this.
const OVERHEAD: Duration = Duration::from_secs(80);

/// What it was told, and what arrived.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// The names of the messages.
    pub told: Vec<String>,
    /// As `ConnectionComplete` said last.
    pub size: (u32, u32),
    /// What came on the channel of that name.
    pub general: Vec<String>,
    pub frames: u32,
    pub width: u32,
    pub height: u32,
    /// Of the last picture, Y, U and V of the pixel in its middle.
    pub middle: (u8, u8, u8),
    pub audio_seconds: f64,
    pub tone_hz: f64,
    pub tone_duty: f64,
}

/// What it does.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub url: String,
    pub token: Option<String>,
    /// What it says first, on the older socket.
    pub first: Option<String>,
    /// Whether it offers channels at once, as older clients do.
    pub offers: bool,
    pub seconds: u32,
    /// Virtual keys, pressed and let go of.
    pub press: Vec<u16>,
    /// Those that are not let go of.
    pub hold: Vec<u16>,
    pub text: Option<String>,
}

impl Peer {
    pub fn new(url: impl Into<String>, seconds: u32) -> Self {
        Self { url: url.into(), seconds, ..Self::default() }
    }

    /// Does all of it, and tells what came of it or why nothing did.
    pub async fn run(&self) -> Result<Told, String> {
        let deadline = Duration::from_secs(self.seconds.into()) + OVERHEAD;
        let said = program::output(&mut self.command(), deadline).await?;
        serde_json::from_str(&said).map_err(|error| format!("the peer said {said}: {error}"))
    }

    /// The same as a process of its own, for tests that end it themselves.
    pub fn start(&self) -> Child {
        self.command().spawn().expect("the peer must start")
    }

    fn command(&self) -> Command {
        let python = settings::cache().join("venv/bin/python");
        program::needs(&python, "sh e2e/probe/setup.sh");
        let mut command = program::command(python);
        command.arg(settings::repository().join("e2e/probe/peer.py"));
        command.args(["--url", &self.url, "--seconds", &self.seconds.to_string()]);
        for (option, given) in [("token", &self.token), ("first", &self.first), ("type", &self.text)] {
            if let Some(given) = given {
                // One argument: what is given may begin with a dash.
                command.arg(format!("--{option}={given}"));
            }
        }
        if self.offers {
            command.arg("--offer");
        }
        for (option, keys) in [("--press", &self.press), ("--hold", &self.hold)] {
            for key in keys {
                command.args([option, &key.to_string()]);
            }
        }
        command
    }
}
