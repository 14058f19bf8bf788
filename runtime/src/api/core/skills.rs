//! `/api/v3/skills`: which ffmpeg there is. What it can do, clients find out by asking it for something.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::process::Processes;

/// What processes can do. Lists that the source system fills are empty: nobody has to look there before making a process.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Skills {
    ffmpeg: Ffmpeg,
    filter: Vec<String>,
    hwaccels: Vec<String>,
    codecs: Codecs,
    devices: Muxers,
    formats: Muxers,
    protocols: Protocols,
}

/// The program.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Ffmpeg {
    /// Empty: it could not be asked.
    version: String,
    compiler: String,
    configuration: String,
    libraries: Vec<String>,
}

#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Codecs {
    audio: Vec<String>,
    video: Vec<String>,
    subtitle: Vec<String>,
}

#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Muxers {
    demuxers: Vec<String>,
    muxers: Vec<String>,
}

#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Protocols {
    input: Vec<String>,
    output: Vec<String>,
}

/// What the program said of itself when it was asked; empty: it was not, or did not answer. Clones are the same.
#[derive(Clone)]
pub(in crate::api) struct Known {
    processes: Processes,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Known {
    pub(super) fn new(processes: Processes) -> Self {
        Self { processes, lines: Arc::default() }
    }
}

pub(super) fn view(known: Known) -> Router {
    Router::new().route("/skills", get(skills)).with_state(known)
}

/// What starts the program.
pub(super) fn inspect(known: Known) -> Router {
    Router::new().route("/skills/reload", get(reload)).with_state(known)
}

/// See which ffmpeg there is.
#[utoipa::path(
    get, path = "/api/v3/skills", tag = "processes",
    responses((status = 200, body = Skills)), security(("view" = [])),
)]
pub(in crate::api) async fn skills(State(known): State<Known>) -> Json<Skills> {
    let mut lines = known.lines.lock().await;
    if lines.is_empty() {
        *lines = known.processes.version().await;
    }
    Json(Skills::of(&lines))
}

/// Ask ffmpeg anew what it is.
#[utoipa::path(
    get, path = "/api/v3/skills/reload", tag = "processes",
    responses((status = 200, body = Skills)), security(("control" = [])),
)]
pub(in crate::api) async fn reload(State(known): State<Known>) -> Json<Skills> {
    let mut lines = known.lines.lock().await;
    *lines = known.processes.version().await;
    Json(Skills::of(&lines))
}

impl Skills {
    fn of(lines: &[String]) -> Self {
        let after = |start: &str| {
            let found = lines.iter().find_map(|line| line.trim().strip_prefix(start));
            found.unwrap_or_default().to_owned()
        };
        let version = after("ffmpeg version ").split(' ').next().unwrap_or_default().to_owned();
        let ffmpeg = Ffmpeg {
            version,
            compiler: after("built with "),
            configuration: after("configuration: "),
            libraries: Vec::new(),
        };
        Self {
            ffmpeg,
            filter: Vec::new(),
            hwaccels: Vec::new(),
            codecs: Codecs::default(),
            devices: Muxers::default(),
            formats: Muxers::default(),
            protocols: Protocols::default(),
        }
    }
}
