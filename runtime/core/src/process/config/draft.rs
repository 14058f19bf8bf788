//! A config as it is sent: what is there is taken over, what is not stays as it was.
//!
//! A member that is `null` counts as absent. Members that are not known are let be.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

use super::{Cleanup, Config, Io, Limits, PAYLOAD_TYPES, WebRtc};

/// In an option or an address: more is a mistake, and a command line takes no more than 128 KiB in one piece.
const LONGEST_TEXT: usize = 64 * 1024;
/// It stands in paths and lists.
const LONGEST_ID: usize = 255;
/// Of inputs, of outputs, of the options of each.
const MOST: usize = 512;
/// Ten years: a clock counts further than that.
const LONGEST_SECONDS: u64 = 10 * 365 * 24 * 3600;

/// Why a config is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// No JSON of that shape: a type is wrong, or a number is negative.
    #[error("{path}: {reason}")]
    Shape { path: String, reason: String },
    #[error("type: {0:?} is not a process type: ffmpeg is the only one")]
    UnsupportedType(String),
    #[error("at least one input and one output need to be defined: {0} is empty")]
    NothingToDo(&'static str),
    #[error("{path}: {reason}")]
    Field { path: String, reason: Reason },
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("must not be empty")]
    Empty,
    #[error("is longer than {0} bytes")]
    TooLong(usize),
    #[error("holds more than {MOST} items")]
    TooMany,
    #[error("holds a character that cannot be part of it")]
    Character,
    #[error("{0:?} is there twice")]
    Twice(String),
    #[error("must not be negative")]
    Negative,
    #[error("must not be more than {LONGEST_SECONDS} seconds")]
    TooManySeconds,
    #[error("must be one of {} to {}, or 0 for the default", PAYLOAD_TYPES.start(), PAYLOAD_TYPES.end())]
    PayloadType,
    #[error("must be another than webrtc.video_pt")]
    SamePayloadType,
    #[error("is not offered here: start and stop the process by commands")]
    NotOffered,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Draft {
    id: Option<String>,
    r#type: Option<String>,
    reference: Option<String>,
    input: Option<Vec<IoDraft>>,
    output: Option<Vec<IoDraft>>,
    options: Option<Vec<String>>,
    reconnect: Option<bool>,
    reconnect_delay_seconds: Option<u64>,
    autostart: Option<bool>,
    stale_timeout_seconds: Option<u64>,
    limits: Option<LimitsDraft>,
    webrtc: Option<WebRtcDraft>,
    /// Of later cores: a process that has one would run at other times than it is asked to.
    scheduler: Option<String>,
    runtime_duration_seconds: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct IoDraft {
    id: Option<String>,
    address: Option<String>,
    options: Option<Vec<String>>,
    cleanup: Option<Vec<CleanupDraft>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CleanupDraft {
    pattern: Option<String>,
    max_files: Option<u64>,
    max_file_age_seconds: Option<u64>,
    purge_on_delete: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LimitsDraft {
    cpu_usage: Option<f64>,
    memory_mbytes: Option<u64>,
    waitfor_seconds: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WebRtcDraft {
    enabled: Option<bool>,
    video_pt: Option<u8>,
    audio_pt: Option<u8>,
    force_transcode: Option<bool>,
}

impl Config {
    /// A new one of `body`. `ids` gives ids that are not in use: for the process and for inputs and outputs that have none.
    pub fn new(body: &Value, mut ids: impl FnMut() -> String) -> Result<Self, Invalid> {
        let draft = read(body)?;
        let fresh = Self { id: ids(), autostart: true, ..Self::default() };
        fresh.with(draft, ids)
    }

    /// This one with what `body` says otherwise. Another id renames it.
    pub fn updated(&self, body: &Value, ids: impl FnMut() -> String) -> Result<Self, Invalid> {
        self.clone().with(read(body)?, ids)
    }

    fn with(self, draft: Draft, mut ids: impl FnMut() -> String) -> Result<Self, Invalid> {
        if let Some(kind) = draft.r#type.filter(|kind| !kind.is_empty() && kind != "ffmpeg") {
            return Err(Invalid::UnsupportedType(kind));
        }
        if draft.scheduler.is_some_and(|when| !when.is_empty()) {
            return Err(field("scheduler", Reason::NotOffered));
        }
        if draft.runtime_duration_seconds.is_some_and(|seconds| seconds > 0) {
            return Err(field("runtime_duration_seconds", Reason::NotOffered));
        }
        let config = Self {
            id: draft.id.filter(|id| !id.is_empty()).unwrap_or(self.id),
            reference: draft.reference.unwrap_or(self.reference),
            input: draft.input.map_or(self.input, |list| taken(list, &mut ids)),
            output: draft.output.map_or(self.output, |list| taken(list, &mut ids)),
            options: draft.options.unwrap_or(self.options),
            reconnect: draft.reconnect.unwrap_or(self.reconnect),
            reconnect_delay_seconds: draft.reconnect_delay_seconds.unwrap_or(self.reconnect_delay_seconds),
            autostart: draft.autostart.unwrap_or(self.autostart),
            stale_timeout_seconds: draft.stale_timeout_seconds.unwrap_or(self.stale_timeout_seconds),
            limits: draft.limits.unwrap_or_default().over(self.limits),
            webrtc: draft.webrtc.unwrap_or_default().over(self.webrtc),
            kind: self.kind,
        };
        config.checked()
    }

    fn checked(self) -> Result<Self, Invalid> {
        text("id", &self.id, LONGEST_ID)?;
        text("reference", &self.reference, LONGEST_TEXT)?;
        options("options", &self.options)?;
        for (name, list) in [("input", &self.input), ("output", &self.output)] {
            ios(name, list)?;
        }
        if self.limits.cpu_usage < 0.0 {
            return Err(field("limits.cpu_usage", Reason::Negative));
        }
        for (path, seconds) in [
            ("reconnect_delay_seconds", self.reconnect_delay_seconds),
            ("stale_timeout_seconds", self.stale_timeout_seconds),
            ("limits.waitfor_seconds", self.limits.waitfor_seconds),
        ] {
            if seconds > LONGEST_SECONDS {
                return Err(field(path, Reason::TooManySeconds));
            }
        }
        for (path, payload_type) in
            [("webrtc.video_pt", self.webrtc.video_pt), ("webrtc.audio_pt", self.webrtc.audio_pt)]
        {
            if !PAYLOAD_TYPES.contains(&payload_type) {
                return Err(field(path, Reason::PayloadType));
            }
        }
        if self.webrtc.video_pt == self.webrtc.audio_pt {
            return Err(field("webrtc.audio_pt", Reason::SamePayloadType));
        }
        Ok(self)
    }
}

impl LimitsDraft {
    fn over(self, was: Limits) -> Limits {
        Limits {
            cpu_usage: self.cpu_usage.unwrap_or(was.cpu_usage),
            memory_mbytes: self.memory_mbytes.unwrap_or(was.memory_mbytes),
            waitfor_seconds: self.waitfor_seconds.unwrap_or(was.waitfor_seconds),
        }
    }
}

impl WebRtcDraft {
    /// Clients that send all members send 0 for what their users have not said.
    fn over(self, was: WebRtc) -> WebRtc {
        let payload_type = |said: Option<u8>, was, default| match said {
            None => was,
            Some(0) => default,
            Some(payload_type) => payload_type,
        };
        let default = WebRtc::default();
        WebRtc {
            enabled: self.enabled.unwrap_or(was.enabled),
            video_pt: payload_type(self.video_pt, was.video_pt, default.video_pt),
            audio_pt: payload_type(self.audio_pt, was.audio_pt, default.audio_pt),
            force_transcode: self.force_transcode.unwrap_or(was.force_transcode),
        }
    }
}

fn read(body: &Value) -> Result<Draft, Invalid> {
    if !body.is_object() {
        let reason = "invalid type: expected an object".to_owned();
        return Err(Invalid::Shape { path: ".".to_owned(), reason });
    }
    serde_path_to_error::deserialize(body).map_err(|error| Invalid::Shape {
        path: error.path().to_string(),
        reason: error.into_inner().to_string(),
    })
}

fn taken(list: Vec<IoDraft>, ids: &mut impl FnMut() -> String) -> Vec<Io> {
    let mut io = |draft: IoDraft| Io {
        id: draft.id.filter(|id| !id.is_empty()).unwrap_or_else(&mut *ids),
        address: draft.address.unwrap_or_default(),
        options: draft.options.unwrap_or_default(),
        cleanup: draft.cleanup.unwrap_or_default().into_iter().map(cleanup).collect(),
    };
    list.into_iter().map(&mut io).collect()
}

fn cleanup(draft: CleanupDraft) -> Cleanup {
    Cleanup {
        pattern: draft.pattern.unwrap_or_default(),
        max_files: draft.max_files.unwrap_or_default(),
        max_file_age_seconds: draft.max_file_age_seconds.unwrap_or_default(),
        purge_on_delete: draft.purge_on_delete.unwrap_or_default(),
    }
}

fn ios(name: &'static str, list: &[Io]) -> Result<(), Invalid> {
    if list.is_empty() {
        return Err(Invalid::NothingToDo(name));
    }
    if list.len() > MOST {
        return Err(field(name, Reason::TooMany));
    }
    let mut seen = HashSet::new();
    for (index, io) in list.iter().enumerate() {
        let at = |member: &str| format!("{name}[{index}].{member}");
        text(&at("id"), &io.id, LONGEST_ID)?;
        if !seen.insert(&io.id) {
            return Err(field(&at("id"), Reason::Twice(io.id.clone())));
        }
        if io.address.trim().is_empty() {
            return Err(field(&at("address"), Reason::Empty));
        }
        text(&at("address"), &io.address, LONGEST_TEXT)?;
        options(&at("options"), &io.options)?;
        for (index, cleanup) in io.cleanup.iter().enumerate() {
            let path = at(&format!("cleanup[{index}].pattern"));
            if cleanup.pattern.is_empty() {
                return Err(field(&path, Reason::Empty));
            }
            text(&path, &cleanup.pattern, LONGEST_TEXT)?;
        }
    }
    Ok(())
}

fn options(path: &str, list: &[String]) -> Result<(), Invalid> {
    if list.len() > MOST {
        return Err(field(path, Reason::TooMany));
    }
    // The lines of headers end so.
    let one = |one: &String| one.replace("\r\n", "\n");
    let mut list = list.iter().map(one).enumerate();
    list.try_for_each(|(index, one)| text(&format!("{path}[{index}]"), &one, LONGEST_TEXT))
}

/// No argument of a program holds a zero byte, and no line that is shown other control characters.
fn text(path: &str, text: &str, longest: usize) -> Result<(), Invalid> {
    let is_bad = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text {
        _ if text.len() > longest => Err(field(path, Reason::TooLong(longest))),
        _ if text.contains(is_bad) => Err(field(path, Reason::Character)),
        _ => Ok(()),
    }
}

fn field(path: &str, reason: Reason) -> Invalid {
    Invalid::Field { path: path.to_owned(), reason }
}
