//! What a participant's camera and microphone carry.

use crate::v1alpha1::source::{FileSource, SocketSource, StreamSource, WebRtcSource};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What camera and microphone carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The camera's picture; absent: a slate. A change is live: the camera stays, its content is swapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoInput>,
    /// The sound, for the microphone or the speaker; absent: silence. A change is live: the device stays, its content is
    /// swapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioInput>,
    /// Whether the inputs begin paused, as black and silence, until the session's HTTP surface is asked to resume them. A
    /// change is live: it begins the inputs anew, as every change of them does.
    #[serde(default)]
    pub start_paused: bool,
}

/// The camera's picture: where it comes from (exactly one of stream, file, socket and webRTC), and the shape that it is
/// brought into.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.stream), has(self.file), has(self.socket), has(self.webRTC)].filter(set, set).size() == 1")
        .message("exactly one source must be set in inputs.video: stream, file, socket or webRTC"),
    validation = Rule::new("has(self.width) == has(self.height)")
        .message("inputs.video.width and inputs.video.height must be set together, or neither")
)]
pub struct VideoInput {
    /// Media that goes on, fetched from an address. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSource>,
    /// Media with an end, played at its own rate. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
    /// One publisher at a time sends MPEG-TS in the binary messages of a WebSocket. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketSource>,
    /// One WebRTC peer sends; a new offer replaces it. A change is live.
    #[serde(rename = "webRTC", skip_serializing_if = "Option::is_none")]
    pub web_rtc: Option<WebRtcSource>,
    /// Width in pixels that the source's picture is brought to, with its aspect kept, before it is padded into the camera's;
    /// absent: the camera's. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 7680))]
    pub width: Option<i32>,
    /// Height in pixels, as width. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 7680))]
    pub height: Option<i32>,
    /// Frames a second that the source is brought to; absent: the camera's. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 60))]
    pub frame_rate: Option<i32>,
}

/// The sound: where it comes from (exactly one of stream, file, socket and webRTC), and where it goes. A source that is the
/// same as the video's is opened once, which keeps both in step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.stream), has(self.file), has(self.socket), has(self.webRTC)].filter(set, set).size() == 1")
    .message("exactly one source must be set in inputs.audio: stream, file, socket or webRTC"))]
pub struct AudioInput {
    /// Media that goes on, fetched from an address. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSource>,
    /// Media with an end, played at its own rate. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
    /// One publisher at a time sends MP3 in the binary messages of a WebSocket. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<SocketSource>,
    /// One WebRTC peer sends; a new offer replaces it. A change is live.
    #[serde(rename = "webRTC", skip_serializing_if = "Option::is_none")]
    pub web_rtc: Option<WebRtcSource>,
    /// `Microphone`: the page hears it as the participant's voice. `Speaker`: it is heard with what the page plays.
    /// A change is live.
    #[serde(default)]
    pub destination: AudioDestination,
}

/// Where sound goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum AudioDestination {
    /// The page hears it as the participant's voice.
    #[default]
    Microphone,
    /// It is heard with what the page plays.
    Speaker,
}

impl AudioDestination {
    /// As it is written in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Microphone => "Microphone",
            Self::Speaker => "Speaker",
        }
    }
}
