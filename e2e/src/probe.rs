//! A viewer on another WebRTC stack (aiortc), as a child process.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};

use crate::{program, settings};

/// Start, handshake and the report, besides the watching itself, on a machine that does more than this.
const OVERHEAD: Duration = Duration::from_secs(80);

/// See [`Watch::whole`].
const LOOKS: u32 = 3;

/// What arrived.
#[derive(Debug, Deserialize)]
pub struct Seen {
    pub frames: u32,
    /// The least of all whole seconds.
    pub distinct_per_second: u32,
    /// Of each whole second.
    pub seconds: Vec<u32>,
    /// The most numbers between two frames that followed each other.
    pub max_gap_frames: u32,
    pub first_frame_ms: u32,
    pub width: u32,
    pub height: u32,
    pub audio_seconds: f64,
    pub tone_hz: f64,
    /// The part of the time that the tone is heard.
    pub tone_duty: f64,
    pub delete_status: u16,
}

/// What to watch.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    pub url: String,
    pub token: Option<String>,
    pub seconds: u32,
    /// Length in frames of the clip that repeats; none: numbers only rise.
    pub clip_frames: Option<u32>,
    /// The share of the media packets to lose on the way, 0 to 1.
    pub loss: f64,
    /// Whether the server is to offer, and this viewer answers.
    pub answers: bool,
    /// What it knows of codecs of the picture, as `VP8`; none: all that its stack does.
    pub codec: Option<&'static str>,
}

/// Sits at a desk: lines of JSON go to it and come from it, as `desk.py` says.
pub fn at_desk(arguments: &[&str]) -> Child {
    let mut command = python("desk.py");
    command.args(arguments).stdin(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().expect("the guest must start")
}

/// What was told in a call, and what arrived of the other side.
#[derive(Debug, Deserialize)]
pub struct Called {
    /// The types of what the other side said, in order.
    pub told: Vec<String>,
    pub frames: u32,
    /// How many pictures that differ there were in each whole second, after the first.
    pub seconds: Vec<u32>,
    pub tone_hz: f64,
    pub tone_duty: f64,
}

/// Calls, or is called, with arguments as `calling.py` takes them: what arrived, or why nothing did.
pub async fn called(arguments: &[&str]) -> Result<Called, String> {
    let mut command = python("calling.py");
    command.args(arguments);
    let said = program::output(&mut command, OVERHEAD).await?;
    serde_json::from_str(&said).map_err(|error| format!("the caller said {said}: {error}"))
}

fn python(script: &str) -> Command {
    let python = settings::cache().join("venv/bin/python");
    program::needs(&python, "sh e2e/probe/setup.sh");
    let mut command = program::command(python);
    command.arg(settings::repository().join("e2e/probe").join(script));
    command
}

impl Watch {
    pub fn new(url: impl Into<String>, seconds: u32) -> Self {
        Self { url: url.into(), seconds, ..Self::default() }
    }

    /// Watches, and tells what arrived or why nothing did.
    pub async fn run(&self) -> Result<Seen, String> {
        let mut command = self.command();
        let deadline = Duration::from_secs(self.seconds.into()) + OVERHEAD;
        let said = program::output(&mut command, deadline).await?;
        serde_json::from_str(&said).map_err(|error| format!("the probe said {said}: {error}"))
    }

    /// The same as a process of its own, for tests that end it themselves.
    pub fn start(&self) -> Child {
        self.command().spawn().expect("the probe must start")
    }

    fn command(&self) -> Command {
        let mut command = python("probe.py");
        command.args(["--url", &self.url, "--json", "--seconds", &self.seconds.to_string()]);
        if let Some(token) = &self.token {
            // One argument: a token may begin with a dash.
            command.arg(format!("--token={token}"));
        }
        if let Some(frames) = self.clip_frames {
            command.args(["--modulo", &frames.to_string()]);
        }
        if self.loss > 0.0 {
            command.args(["--drop", &self.loss.to_string()]);
        }
        if self.answers {
            command.arg("--answer");
        }
        if let Some(codec) = self.codec {
            command.args(["--codec", codec]);
        }
        command
    }
}

impl Watch {
    /// For a viewer that shall regain its picture after a repair: looks until it is whole again, a few times at most.
    /// Where nothing was broken one look must do.
    pub async fn whole(&self) -> Result<Seen, String> {
        let mut complaint = String::new();
        for _ in 0..LOOKS {
            let seen = self.run().await?;
            match seen.is_the_test_picture() {
                Ok(()) => return Ok(seen),
                Err(why) => complaint = why,
            }
        }
        Err(complaint)
    }
}

impl Seen {
    /// The test picture at its full rate with its tone, as it must arrive everywhere.
    ///
    /// A browser on an idle display shows 29.5 new pictures a second and skips none (measured), hence 28 and a gap of at
    /// most 4.
    pub fn is_the_test_picture(&self) -> Result<(), String> {
        let picture = self.distinct_per_second >= 28 && self.max_gap_frames <= 4;
        let sound = (self.tone_hz - 1000.0).abs() < 10.0 && (0.12..0.3).contains(&self.tone_duty);
        match (picture, sound) {
            (true, true) => Ok(()),
            (false, _) => Err(format!("the picture is not whole: {self:?}")),
            (_, false) => Err(format!("the tone is not heard: {self:?}")),
        }
    }
}
