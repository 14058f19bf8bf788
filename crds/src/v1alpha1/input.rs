//! What a participant's camera and microphone carry.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What camera and microphone carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The camera's picture; absent: a slate. A change is live: the camera stays, its content is swapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoInput>,
    /// The microphone's sound; absent: silence. A change is live: the microphone stays, its content is swapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<AudioInput>,
}

/// Where the camera's picture comes from: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.file)].filter(set, set).size() == 1")
    .message("exactly one source must be set in inputs.video: file"))]
pub struct VideoInput {
    /// A media file. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
}

/// Where the microphone's sound comes from: exactly one member is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.file)].filter(set, set).size() == 1")
    .message("exactly one source must be set in inputs.audio: file"))]
pub struct AudioInput {
    /// A media file. A change is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileSource>,
}

/// A media file inside the pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSource {
    /// `understudy:NAME` for media that ships with the runtime (as `understudy:test-picture`), or `file:///…` below the
    /// runtime's media directory. A change is live.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^(understudy:[a-z0-9]([-a-z0-9]*[a-z0-9])?|file:///[^ ]+)$') && !self.contains('/../')")
        .message("file.url must be understudy:NAME or file:///PATH without /../"))]
    pub url: String,
    /// Whether the file starts again at its end. A change is live.
    #[serde(rename = "loop", default = "default_loop")]
    pub loops: bool,
}

fn default_loop() -> bool {
    true
}
