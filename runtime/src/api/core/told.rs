//! A process as datarhei's clients read it.

use std::time::Instant;

use serde::Serialize;
use serde_json::Value;
use understudy_core::process::log::Log;
use understudy_core::process::machine::Order;
use understudy_core::process::said::Shown;
use utoipa::ToSchema;

use crate::process::{Listed, View, WebRtc};

/// Which parts of a process are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) config: bool,
    pub(super) state: bool,
    pub(super) report: bool,
    pub(super) metadata: bool,
}

/// A process.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Process {
    id: String,
    /// Always `ffmpeg`.
    r#type: &'static str,
    reference: String,
    /// Seconds since 1970.
    created_at: u64,
    updated_at: u64,
    /// As it is stored; for whoever may control processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    config: Option<understudy_core::process::config::Config>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// What it said, in its present run and in the three before.
    #[schema(value_type = Object)]
    report: Option<Log>,
    /// For whoever may control processes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    metadata: Option<Value>,
}

/// What a process is to do, and does.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct State {
    /// `start` or `stop`.
    order: &'static str,
    /// `finished`, `starting`, `running`, `finishing`, `failed` or `killed`.
    exec: &'static str,
    /// Since when it does that.
    runtime_seconds: u64,
    /// Until it is started again; -1: that is not planned.
    reconnect_seconds: i64,
    last_logline: String,
    /// How far ffmpeg is, and what there is in its inputs and outputs.
    #[schema(value_type = Object)]
    progress: Shown,
    memory_bytes: u64,
    /// Percent of one processor.
    cpu_usage: f64,
    /// The arguments of its latest run, without credentials.
    command: Vec<String>,
    /// 0: it does not run.
    pid: i32,
    /// How it goes to viewers; null: it is not watched over WebRTC.
    webrtc: Option<WebRtcTold>,
}

/// How a process goes to viewers.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct WebRtcTold {
    /// `copy`, `transcode` or `none`.
    video: &'static str,
    audio: &'static str,
    /// Why it is so; empty: it is as it began.
    reason: String,
}

impl Parts {
    /// Of a list with commas between; all, if it is empty.
    pub(super) fn of(list: &str) -> Self {
        let has = |name: &str| list.is_empty() || list.split(',').any(|part| part.trim() == name);
        let [config, state, report, metadata] = ["config", "state", "report", "metadata"].map(has);
        Self { config, state, report, metadata }
    }
}

impl Process {
    pub(super) fn new(listed: &Listed, parts: Parts) -> Self {
        let Listed { config, view, .. } = listed;
        let metadata = || Value::Object(listed.metadata.clone().into_iter().collect());
        Self {
            id: config.id.clone(),
            r#type: "ffmpeg",
            reference: config.reference.clone(),
            created_at: listed.created_at,
            updated_at: listed.updated_at,
            config: parts.config.then(|| config.clone()),
            state: parts.state.then(|| State::new(listed)),
            report: parts.report.then(|| view.log.clone()),
            metadata: (parts.metadata && !listed.metadata.is_empty()).then(metadata),
        }
    }
}

impl State {
    pub(super) fn new(listed: &Listed) -> Self {
        let View { order, exec, since, again_at, usage, .. } = &listed.view;
        let view = &listed.view;
        let now = Instant::now();
        let waits = again_at.filter(|_| *order == Order::Start);
        let wait = waits.map(|again| again.saturating_duration_since(now).as_secs());
        Self {
            order: order.word(),
            exec: exec.word(),
            runtime_seconds: now.saturating_duration_since(*since).as_secs(),
            reconnect_seconds: wait.map_or(-1, |seconds| i64::try_from(seconds).unwrap_or(i64::MAX)),
            last_logline: view.log.last_line().to_owned(),
            progress: Shown::of(&listed.config, &view.said, &view.progress),
            memory_bytes: usage.memory_bytes,
            cpu_usage: usage.cpu_percent,
            command: view.command.clone(),
            pid: view.pid.unwrap_or_default(),
            webrtc: view.webrtc.as_ref().map(WebRtcTold::from),
        }
    }
}

impl From<&WebRtc> for WebRtcTold {
    fn from(webrtc: &WebRtc) -> Self {
        Self { video: webrtc.video, audio: webrtc.audio, reason: webrtc.reason.clone() }
    }
}
