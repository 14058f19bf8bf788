//! How a viewer and a server come to know each other, over HTTP.

mod janus;
mod whep;

use std::time::{Duration, Instant};

use reqwest::{Response, StatusCode, Url};

use crate::stack::Stack;

pub use janus::Janus;
pub use whep::Whep;

/// Of one request. A server that is asked by very many at once may take long, and then says so.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// Of an error's body, in a message.
const SHOWN_CHARACTERS: usize = 300;

#[derive(Clone, Debug)]
pub enum Signalling {
    Whep(Whep),
    Janus(Janus),
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
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Nobody answers, or something between does.
    #[error("the server could not be asked: {}", chain(.0))]
    Unreachable(#[source] reqwest::Error),
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

/// A client for all viewers.
pub fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().timeout(ANSWERED_WITHIN).build()
}

impl Signalling {
    pub async fn join(&self, stack: &mut Stack) -> Result<Session, Refusal> {
        match self {
            Self::Whep(whep) => whep.join(stack).await,
            Self::Janus(janus) => janus.join(stack).await,
        }
    }

    /// Keeps a session alive that would end by itself. Never returns.
    pub async fn keep(&self, session: &Session) {
        match (self, &session.place) {
            (Self::Janus(janus), Place::Janus(place)) => janus.keep(place).await,
            _ => std::future::pending().await,
        }
    }

    pub async fn leave(&self, session: &Session) -> Result<(), Refusal> {
        match (self, &session.place) {
            (Self::Whep(whep), Place::Whep(place)) => whep.leave(place).await,
            (Self::Janus(janus), Place::Janus(place)) => janus.leave(place).await,
            _ => Ok(()),
        }
    }

    /// The host that is asked, with its port.
    pub fn address(&self) -> Option<(String, u16)> {
        let url = match self {
            Self::Whep(whep) => whep.url(),
            Self::Janus(janus) => janus.url(),
        };
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
        Some((host.to_owned(), url.port_or_known_default()?))
    }
}

/// A body that is none of success is an error.
async fn accepted(response: Response) -> Result<Response, Refusal> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = response.text().await.unwrap_or_default();
    Err(Refusal::Refused { status, body: shortened(&body) })
}

fn shortened(body: &str) -> String {
    let body = body.trim();
    if body.is_empty() { "(no body)".to_owned() } else { body.chars().take(SHOWN_CHARACTERS).collect() }
}

/// An error with its causes.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn of_stack(error: rtc::shared::error::Error) -> Refusal {
    Refusal::Stack(error.to_string())
}
