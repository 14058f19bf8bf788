//! What each way of sending is called, and the one format that it takes.

use understudy_core::input::Protocol;
use understudy_core::media::Kind;

/// The one format of each way of sending.
pub const fn format(protocol: Protocol, kind: Kind) -> &'static str {
    match (protocol, kind) {
        (Protocol::Socket, Kind::Video) => "mpegts",
        (Protocol::Socket, Kind::Audio) => "mp3",
        (Protocol::WebRtc, Kind::Video) => "ivf",
        (Protocol::WebRtc, Kind::Audio) => "ogg",
    }
}

pub const fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Socket => "socket",
        Protocol::WebRtc => "webrtc",
    }
}
