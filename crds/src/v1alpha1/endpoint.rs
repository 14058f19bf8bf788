//! Where something is served.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// An object lists no more; of a participant with more livestreams, the others are found in their own status.
pub const MOST_ENDPOINTS: usize = 64;

/// One address at which something is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Unique among the endpoints of the object: the name of the livestream for its playback over WebRTC, else the type.
    #[schemars(length(max = 63))]
    pub name: String,
    /// What a client finds there: `View` (a page for a browser), `WHEP` (playback over WebRTC), `RTMP`, `RTMPS`, `MPEGTS` (an MPEG
    /// transport stream over a WebSocket) or `MP4` (the file of a recording). More may come.
    #[serde(rename = "type")]
    #[schemars(with = "String", length(max = 63))]
    pub type_: EndpointType,
    /// The address. A token of the Secret named in `status.access.secretName` of the participant opens it.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// From where the address can be reached: `Cluster` means pods and nodes. More may come.
    #[schemars(with = "String", length(max = 63))]
    pub scope: EndpointScope,
}

/// What a client finds at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointType {
    /// A page at which a browser shows the picture with its sound.
    View,
    /// Playback over WebRTC.
    #[serde(rename = "WHEP")]
    Whep,
    /// Playback over RTMP.
    #[serde(rename = "RTMP")]
    Rtmp,
    /// Playback over RTMPS.
    #[serde(rename = "RTMPS")]
    Rtmps,
    /// An MPEG transport stream over a WebSocket.
    #[serde(rename = "MPEGTS")]
    MpegTs,
    /// The file of a recording.
    #[serde(rename = "MP4")]
    Mp4,
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// From where an endpoint can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointScope {
    /// Pods and nodes of the cluster.
    Cluster,
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}
