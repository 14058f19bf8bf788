//! Where media comes from. No key or password stands in a spec, where everybody who may read participants would read it.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// Media that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamSource {
    /// `http(s)://…` (progressive, HLS, DASH or Icecast), `rtmp(s)://…`, `rtsp(s)://…` or `srt://…`, without user and password:
    /// credentials for sources come later. An address that is not public must be allowed by the runtime profile.
    /// A change is live.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@')")
            .message("stream.url must not carry user or password: keys do not belong into a spec"),
        validation = Rule::new(r"self.matches('^(https?|rtmps?|rtsps?|srt)://[^/?#:\\s][^/?#\\s]*([/?#]\\S*)?$')")
            .message("stream.url must be http(s)://HOST…, rtmp(s)://HOST…, rtsp(s)://HOST… or srt://HOST…"),
        validation = Rule::new(r"!self.matches('^srt://[^?]*[?](.*&)?mode=(listener|rendezvous)(&|$)')")
            .message("stream.url must call: an srt:// that listens or meets is not a source, its peer could be anybody")
    )]
    pub url: String,
}

/// Media with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSource {
    /// `understudy:NAME` for media that ships with the runtime (as `understudy:test-picture`), `file:///…` below the runtime's
    /// media directory, or `http(s)://…` without user and password: credentials for sources come later. An address that is not
    /// public must be allowed by the runtime profile. A change is live.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(
        validation = Rule::new(r"!self.matches('^[a-z]+://[^/?#]*@')")
            .message("file.url must not carry user or password: keys do not belong into a spec"),
        validation = Rule::new(r"self.matches('^(understudy:[a-z0-9]([-a-z0-9]*[a-z0-9])?|file:///[^ ]+|https?://[^/?#\\s]+([/?#]\\S*)?)$') && !(self.startsWith('file:') && self.contains('/../'))")
            .message("file.url must be understudy:NAME, file:///PATH without /../, or http(s)://HOST…")
    )]
    pub url: String,
    /// Whether the file starts again at its end. A change is live.
    #[serde(rename = "loop", default = "default_loop")]
    pub loops: bool,
}

/// Media that a publisher sends over a WebSocket, at the path that the session's HTTP surface tells; no settings: a picture is
/// MPEG-TS, sound is MP3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SocketSource {}

/// Media that a WebRTC peer sends after its offer was answered by the session's HTTP surface; no settings yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct WebRtcSource {}

fn default_loop() -> bool {
    true
}
