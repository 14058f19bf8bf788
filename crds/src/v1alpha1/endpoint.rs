//! Where something is served.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// One address at which something is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Unique among the endpoints of the object.
    pub name: String,
    /// What a client finds there: `View` (a page for a browser) or `WHEP` (playback over WebRTC). More may come.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub type_: EndpointType,
    /// The address. A token of the Secret named in `status.access.secretName` of the participant opens it.
    pub url: String,
    /// From where the address can be reached: `Cluster` means pods and nodes. More may come.
    #[schemars(with = "String")]
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
