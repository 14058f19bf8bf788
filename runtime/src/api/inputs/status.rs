//! How the inputs stand, in the source system's shape: what is not there is left out.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;
use serde::Serialize;
use understudy_core::input::{Protocol, State, realtime};
use understudy_core::media::Kind;
use understudy_core::spec::{AudioInput, Destination, FrameRate, Inputs, Resolution, Source, VideoInput};
use utoipa::ToSchema;

use super::request::Configure;
use crate::api::protocol::{format, name};
use crate::session::InputsView;

/// As digits of a second.
const PRECISION: u8 = 9;

/// What the session's devices are called.
#[derive(Clone, Debug)]
pub struct Devices {
    pub video_device: String,
    pub audio_sink: String,
    pub microphone_source: String,
    /// Where the files lie that a browser takes for devices, when the camera is one.
    pub files: PathBuf,
    /// The camera's picture: what a source's is brought into.
    pub size: Resolution,
    pub frame_rate: FrameRate,
}

/// How the inputs stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    pub state: Running,
    pub mode: Mode,
    #[schema(example = "/dev/video20")]
    pub video_device: String,
    #[schema(example = "audio_input")]
    pub audio_sink: String,
    #[schema(example = "microphone")]
    pub microphone_source: String,
    /// What the browser takes for a camera, in mode `virtual-file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_file: Option<String>,
    /// What the browser takes for a microphone, in mode `virtual-file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioStatus>,
    /// When the inputs came into this state (RFC 3339); not when idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// What a source last failed with, since the inputs were configured. It is tried again all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Where to send what is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingest: Option<IngestStatus>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Running {
    Idle,
    Running,
    Paused,
}

/// Whether there is a camera device, or a file that the browser takes for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Device,
    VirtualFile,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct VideoStatus {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    pub width: u32,
    pub height: u32,
    pub frame_rate: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AudioStatus {
    #[serde(rename = "type")]
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// `microphone` or `speaker`.
    pub destination: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct IngestStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Entrance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Entrance>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Entrance {
    /// `socket` or `webrtc`.
    pub protocol: &'static str,
    pub format: &'static str,
    /// A path on this server.
    pub url: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<&'static str>,
}

/// `written` is what the caller wrote who configured what runs: it is given back in their own words.
pub fn status(view: &InputsView, written: Option<&Configure>, devices: &Devices) -> Status {
    let inputs = view.configured.as_ref();
    let video = inputs.and_then(|inputs| inputs.video.as_ref());
    let audio = inputs.and_then(|inputs| inputs.audio.as_ref());
    let mode = match (view.state, view.camera.as_str()) {
        (State::Running | State::Paused, "file") => Mode::VirtualFile,
        _ => Mode::Device,
    };
    let file = |source: Option<&Source>, name: &str| match (mode, source) {
        (Mode::VirtualFile, Some(Source::Stream(_) | Source::File(_))) => Some(path(&devices.files, name)),
        _ => None,
    };
    Status {
        state: view.state.into(),
        mode,
        video_device: devices.video_device.clone(),
        audio_sink: devices.audio_sink.clone(),
        microphone_source: devices.microphone_source.clone(),
        video_file: file(video.map(|video| &video.source), "video.y4m"),
        audio_file: file(audio.map(|audio| &audio.source), "audio.wav"),
        video: video.map(|video| video_status(video, written, devices)),
        audio: audio.map(|audio| audio_status(audio, written)),
        started_at: view.since.map(rfc3339),
        last_error: view.last_error.clone(),
        ingest: inputs.and_then(ingest),
    }
}

fn video_status(video: &VideoInput, written: Option<&Configure>, devices: &Devices) -> VideoStatus {
    let (kind, source_url, source_format) = facts(&video.source, Kind::Video);
    let written = written.and_then(|configure| configure.video.as_ref());
    let camera = (devices.size.width(), devices.size.height());
    let (width, height) = video.shape.size.unwrap_or(camera);
    VideoStatus {
        kind,
        url: source_url.map(|url| in_own_words(url, written.and_then(|video| video.url.as_ref()))),
        format: source_format.or_else(|| said(written.and_then(|video| video.format.as_ref()))),
        width,
        height,
        frame_rate: video.shape.frame_rate.unwrap_or(devices.frame_rate).per_second(),
    }
}

fn audio_status(audio: &AudioInput, written: Option<&Configure>) -> AudioStatus {
    let (kind, source_url, source_format) = facts(&audio.source, Kind::Audio);
    let written = written.and_then(|configure| configure.audio.as_ref());
    AudioStatus {
        kind,
        url: source_url.map(|url| in_own_words(url, written.and_then(|audio| audio.url.as_ref()))),
        format: source_format.or_else(|| said(written.and_then(|audio| audio.format.as_ref()))),
        destination: destination(audio.destination),
    }
}

/// What a source is called, where it is, and the format in which it is sent.
fn facts(source: &Source, kind: Kind) -> (&'static str, Option<String>, Option<String>) {
    let sent = |protocol| (name(protocol), None, Some(format(protocol, kind).to_owned()));
    match source {
        Source::Stream(url) => ("stream", Some(url.as_str().to_owned()), None),
        Source::File(file) => ("file", Some(file.location.to_string()), None),
        Source::Socket => sent(Protocol::Socket),
        Source::WebRtc => sent(Protocol::WebRtc),
    }
}

fn in_own_words(url: String, written: Option<&String>) -> String {
    said(written).unwrap_or(url)
}

fn said(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn ingest(inputs: &Inputs) -> Option<IngestStatus> {
    let (video, audio) = realtime(Some(inputs));
    let destination = inputs.audio.as_ref().map(|audio| destination(audio.destination));
    let video = video.map(|protocol| entrance(protocol, Kind::Video));
    let audio = audio.map(|protocol| Entrance { destination, ..entrance(protocol, Kind::Audio) });
    (video.is_some() || audio.is_some()).then_some(IngestStatus { video, audio })
}

const fn entrance(protocol: Protocol, kind: Kind) -> Entrance {
    let url = match (protocol, kind) {
        (Protocol::Socket, Kind::Video) => "/input/devices/virtual/socket/video",
        (Protocol::Socket, Kind::Audio) => "/input/devices/virtual/socket/audio",
        (Protocol::WebRtc, _) => "/input/devices/virtual/webrtc/offer",
    };
    Entrance { protocol: name(protocol), format: format(protocol, kind), url, destination: None }
}

const fn destination(destination: Destination) -> &'static str {
    match destination {
        Destination::Microphone => "microphone",
        Destination::Speaker => "speaker",
    }
}

fn path(folder: &Path, file: &str) -> String {
    folder.join(file).display().to_string()
}

/// With a fraction and an offset, which the source system's clients may look for.
fn rfc3339(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).unwrap_or_default();
    let printer = DateTimePrinter::new().precision(Some(PRECISION));
    printer.timestamp_with_offset_to_string(&time, Offset::UTC)
}

impl From<State> for Running {
    fn from(state: State) -> Self {
        match state {
            State::Idle => Self::Idle,
            State::Running => Self::Running,
            State::Paused => Self::Paused,
        }
    }
}

#[cfg(test)]
mod tests;
