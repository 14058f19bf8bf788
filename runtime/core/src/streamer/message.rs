//! What goes to and fro over the socket of one who watches: JSON, each message an object of one field that names it, or the bare
//! name. The names are the source system's.

mod first;

use serde::{Deserialize, Serialize};

use crate::offer::{Description, Type};

pub use first::{First, Mode};

/// What is told to who watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Told {
    /// The first of all.
    WebRtcConfig {
        ice_servers: Vec<IceServer>,
    },
    Signaling(Signaling),
    UpdateApp {
        app: App,
    },
    StageStarting {
        stage: &'static str,
    },
    StageComplete {
        stage: &'static str,
    },
    StageFailed {
        stage: &'static str,
        error_code: i32,
    },
    /// To each who is connected, and again when the picture has another size.
    ConnectionComplete {
        capabilities: Capabilities,
        width: u32,
        height: u32,
    },
    ConnectionTerminated {
        error_code: i32,
    },
    /// Who steers, where one does so at a time. Not of the source system, and only told to whom has spoken of it.
    Steering {
        /// By its peer's id.
        host: Option<String>,
        you: Standing,
        /// To whoever steers: who would like to.
        asked_by: Option<String>,
    },
    /// What was asked about steering is not done.
    SteeringRefused {
        reason: String,
    },
    /// The streamer has ended, or whoever watches was sent away.
    PeerDisconnect,
    InternalServerError,
    HostNotFound,
    AppNotFound,
    HostNotPaired,
    /// There is a session of that id.
    AlreadyStreaming,
    /// There is none.
    SessionNotFound,
    /// Another has joined in this one's place.
    ClientKicked,
}

/// As in a browser's `RTCConfiguration`, every field there.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct IceServer {
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct App {
    pub app_id: u32,
    pub title: String,
    pub is_hdr_supported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    pub touch: bool,
}

/// Of the one who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// May look.
    Watches,
    /// May steer, once it has the control.
    Waits,
    Steers,
}

/// What whoever watches says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub enum Said {
    Signaling(Signaling),
    /// Not of the source system: about who steers, where one does so at a time.
    Steering(Asked),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// How it stands.
    State,
    /// For the control.
    Request,
    /// Gives it to who has asked, or to nobody.
    Release,
    Give {
        peer_id: String,
    },
    /// Takes it, whoever has it: an administrator's right.
    Take,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signaling {
    Description(Sdp),
    AddIceCandidate(Candidate),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sdp {
    pub ty: SdpType,
    /// Of a rollback there is none.
    #[serde(default)]
    pub sdp: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SdpType {
    Offer,
    Answer,
    Pranswer,
    Rollback,
}

/// As `RTCIceCandidateInit` has it, in the source system's spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub candidate: String,
    #[serde(default)]
    pub sdp_mid: Option<String>,
    #[serde(default)]
    pub sdp_mline_index: Option<u16>,
    #[serde(default)]
    pub username_fragment: Option<String>,
}

impl std::fmt::Debug for IceServer {
    /// Credentials are never printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Told {
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Said {
    pub fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl From<Sdp> for Description {
    fn from(told: Sdp) -> Self {
        let ty = match told.ty {
            SdpType::Offer => Type::Offer,
            SdpType::Answer => Type::Answer,
            SdpType::Pranswer => Type::Pranswer,
            SdpType::Rollback => Type::Rollback,
        };
        Self { ty, sdp: told.sdp }
    }
}

impl From<Description> for Sdp {
    fn from(description: Description) -> Self {
        let ty = match description.ty {
            Type::Offer => SdpType::Offer,
            Type::Answer => SdpType::Answer,
            Type::Pranswer => SdpType::Pranswer,
            Type::Rollback => SdpType::Rollback,
        };
        Self { ty, sdp: description.sdp }
    }
}

#[cfg(test)]
mod tests;
