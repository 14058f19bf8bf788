//! What is told of a streamer over HTTP, in the shape of the source system. Moments are RFC 3339.

use serde::Serialize;

use super::life::Life;
use super::message::Mode;
use super::order::Shape;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Streamer {
    pub streamer_id: String,
    /// `starting`, `active` or `failed`.
    pub status: &'static str,
    /// Why it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Times that what it shows was lost.
    pub restarts: u32,
    /// Whether there is something to be seen.
    pub moonlight_connected: bool,
    pub connected_peers: usize,
    /// Of what is seen; until something is, as was asked for.
    pub width: u32,
    pub height: u32,
    pub fps: u32,
    pub created_at: String,
    pub peers: Vec<Peer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    pub peer_id: String,
    /// When its socket was opened.
    pub connected_at: String,
    /// Whether it sees something: its WebRTC connection is there.
    pub is_live: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    pub session_id: String,
    pub client_unique_id: Option<String>,
    pub mode: &'static str,
    pub has_websocket: bool,
}

impl Streamer {
    pub fn new(id: &str, life: &Life, shape: Shape, created_at: String, peers: Vec<Peer>) -> Self {
        let status = life.status();
        Self {
            streamer_id: id.to_owned(),
            status: status.name(),
            reason: status.reason().map(str::to_owned),
            restarts: life.restarts(),
            moonlight_connected: matches!(status, super::life::Status::Active),
            connected_peers: peers.len(),
            width: shape.width,
            height: shape.height,
            fps: shape.fps,
            created_at,
            peers,
        }
    }
}

impl Mode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Join => "join",
            Self::Keepalive => "keepalive",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::super::life::{Event, PATIENCE};
    use super::*;

    #[test]
    fn what_is_told_is_what_is_so() {
        let (now, shape) = (Instant::now(), Shape { width: 1280, height: 720, fps: 30 });
        let mut life = Life::new(None, now);
        let at = "2026-01-01T00:00:00Z".to_owned();
        let peer = Peer { peer_id: "p".to_owned(), connected_at: at.clone(), is_live: false };
        let told = |life: &Life| Streamer::new("a", life, shape, at.clone(), vec![peer.clone()]);
        assert_eq!(
            serde_json::to_value(told(&life)).unwrap(),
            json!({
                "streamer_id": "a", "status": "starting", "restarts": 0, "moonlight_connected": false, "connected_peers": 1,
                "width": 1280, "height": 720, "fps": 30, "created_at": at,
                "peers": [{"peer_id": "p", "connected_at": at, "is_live": false}],
            })
        );
        life.on(Event::Passed { complaint: "no display".to_owned() }, now + PATIENCE);
        assert_eq!((told(&life).status, told(&life).reason.as_deref()), ("failed", Some("no display")));
        life.on(Event::Shown, now);
        assert_eq!((told(&life).status, told(&life).moonlight_connected), ("active", true));
    }
}
