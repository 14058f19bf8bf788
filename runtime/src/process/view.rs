//! What is told of a process. Credentials are in none of it but the config.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;
use understudy_core::process::config::Config;
use understudy_core::process::log::Log;
use understudy_core::process::machine::{Exec, Order, Usage};
use understudy_core::process::said::{Progress, Said};

/// A process as the registry has it, at one moment.
#[derive(Clone, Debug)]
pub struct Listed {
    pub config: Config,
    /// Since 1970, in seconds.
    pub created_at: u64,
    pub updated_at: u64,
    pub metadata: BTreeMap<String, Value>,
    pub view: View,
}

/// What its task tells.
#[derive(Clone, Debug)]
pub struct View {
    pub order: Order,
    pub exec: Exec,
    /// Since when it is what it is.
    pub since: Instant,
    /// When it will be started again; none: that is not planned.
    pub again_at: Option<Instant>,
    pub pid: Option<i32>,
    /// The arguments of the latest run, as they may be shown.
    pub command: Vec<String>,
    pub usage: Usage,
    pub progress: Progress,
    /// What ffmpeg said of the inputs and outputs of its latest run.
    pub said: Said,
    pub log: Log,
    /// None: it is not watched over WebRTC.
    pub webrtc: Option<WebRtc>,
}

/// How it goes to viewers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebRtc {
    /// `copy`, `transcode` or `none`.
    pub video: &'static str,
    pub audio: &'static str,
    /// Why, if it is not what it began as; why there is nothing.
    pub reason: String,
}

impl View {
    /// There is no child, and there will be none.
    pub(super) const fn has_ended(&self) -> bool {
        matches!(self.exec, Exec::Finished | Exec::Failed | Exec::Killed)
    }
}
