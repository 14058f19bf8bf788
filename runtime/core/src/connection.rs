//! How a WebRTC connection stands.

use serde::Deserialize;

/// `RTCPeerConnectionState` (W3C WebRTC §4.3.3): of ICE and DTLS together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    #[default]
    New,
    Connecting,
    Connected,
    /// Nothing comes from the peer at the moment.
    Disconnected,
    Failed,
    Closed,
}

impl State {
    /// As browsers have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}
