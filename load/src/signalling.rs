//! How a viewer and a server come to know each other, over HTTP or a WebSocket.

mod http;

mod janus;
mod peer;
mod whep;

use std::time::Instant;

use ::http::StatusCode;
use url::Url;

use crate::stack::Stack;

pub use self::http::Client;
pub use janus::Janus;
pub use peer::Peer;
pub use whep::Whep;

#[derive(Clone, Debug)]
pub enum Signalling {
    Whep(Whep),
    Janus(Janus),
    Peer(Peer),
}

/// A session that was begun.
#[derive(Debug)]
pub struct Session {
    /// The moment before the server was asked.
    pub asked: Instant,
    /// What the server said in SDP.
    pub remote: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Whep(Url),
    Janus(janus::Place),
    Peer(Box<peer::Place>),
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nobody answers, or something between does.
    #[error("the server could not be asked: {0}")]
    Unreachable(String),
    #[error("the server did not answer within {seconds} s")]
    Late { seconds: u64 },
    /// The server's word.
    #[error("the server refused: {status}: {body}")]
    Refused { status: StatusCode, body: String },
    /// The server answered what the protocol does not know.
    #[error("the server's answer cannot be used: {0}")]
    Unusable(String),
    /// Ours.
    #[error("no offer could be made: {0}")]
    Stack(String),
}

impl Signalling {
    pub async fn join(&self, stack: &mut Stack) -> Result<Session, Refusal> {
        match self {
            Self::Whep(whep) => whep.join(stack).await,
            Self::Janus(janus) => janus.join(stack).await,
            Self::Peer(peer) => peer.join(stack).await,
        }
    }

    /// Keeps a session alive that would end by itself. Never returns; given up before it is left.
    pub async fn keep(&self, session: &Session) {
        match (self, &session.place) {
            (Self::Janus(janus), Place::Janus(place)) => janus.keep(place).await,
            (Self::Peer(peer), Place::Peer(place)) => peer.keep(place).await,
            _ => std::future::pending().await,
        }
    }

    pub async fn leave(&self, session: &Session) -> Result<(), Refusal> {
        match (self, &session.place) {
            (Self::Whep(whep), Place::Whep(place)) => whep.leave(place).await,
            (Self::Janus(janus), Place::Janus(place)) => janus.leave(place).await,
            (Self::Peer(peer), Place::Peer(place)) => peer.leave(place).await,
            _ => Ok(()),
        }
    }

    /// The host that is asked, with its port.
    pub fn address(&self) -> Option<(String, u16)> {
        let url = match self {
            Self::Whep(whep) => whep.url(),
            Self::Janus(janus) => janus.url(),
            Self::Peer(peer) => peer.url(),
        };
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_owned(), url.port_or_known_default()?))
    }
}

fn of_stack(error: rtc::shared::error::Error) -> Refusal {
    Refusal::Stack(error.to_string())
}
