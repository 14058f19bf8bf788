//! The participant socket: by it the session's page hears of its invitations, and says how it goes. What is said to whom is
//! decided in `understudy_core::participant`; here are the connections.
//!
//! Any page that a browser of this machine has open could knock here: only the session's own and those of this server are let
//! in. A program that is no browser has no origin; it runs on this machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::sync::watch;
use understudy_core::participant::{Identity, Step, Talk, View};
use uuid::Uuid;

use crate::seats::Seats;
use crate::session::Handle;
use crate::subprotocol;

/// A page, what it has in frames, and whoever looks over its shoulder.
pub const SEATS: usize = 16;
/// The longest is an error with what belongs to it.
const LARGEST_MESSAGE: usize = 64 << 10;
/// A page that does not take a message within this is left.
const WRITE: Duration = Duration::from_secs(2);
/// Between two messages of one page: a page that says something all the time keeps nobody else from the session.
const PACE: Duration = Duration::from_millis(5);

/// What the socket stands on. Clones share it.
#[derive(Clone, Debug)]
pub struct ParticipantSocket {
    session: Handle,
    identity: Arc<Identity>,
    /// The origins of what this server serves.
    own: Arc<[String]>,
    seats: Seats,
    connections: Arc<AtomicU64>,
    /// The last kick of which a page was told.
    kicks: Arc<AtomicU64>,
}

impl ParticipantSocket {
    /// `http_port`: where the bundled pages are.
    pub fn new(session: Handle, identity: Identity, http_port: u16) -> Self {
        let own = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("http://{host}:{http_port}"));
        Self {
            session,
            identity: Arc::new(identity),
            own: Arc::new(own),
            seats: Seats::new(SEATS),
            connections: Arc::default(),
            kicks: Arc::default(),
        }
    }

    /// Whether whoever comes from there is heard, while it is so. No origin: no page.
    fn serves(&self, origin: Option<&str>, view: &View) -> bool {
        origin.is_none_or(|origin| {
            self.own.iter().any(|own| own.eq_ignore_ascii_case(origin)) || view.is_from(origin)
        })
    }
}

/// All of the port: whatever the path is.
pub fn router(socket: ParticipantSocket) -> Router {
    Router::new().fallback(any(connect)).with_state(socket)
}

async fn connect(
    State(door): State<ParticipantSocket>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default().to_owned());
    if !door.serves(origin.as_deref(), &door.session.participant().borrow()) {
        let text = "only the session's page and pages of this runtime are served here";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let Some(seat) = door.seats.take() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "as many are connected as there may be").into_response();
    };
    upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            let _seat = seat;
            Connection::new(socket, door, origin).run().await;
        })
}

struct Connection {
    socket: WebSocket,
    door: ParticipantSocket,
    origin: Option<String>,
    number: u64,
    talk: Talk,
    views: watch::Receiver<View>,
}

impl Connection {
    fn new(socket: WebSocket, door: ParticipantSocket, origin: Option<String>) -> Self {
        let number = door.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let talk =
            Talk::new(door.identity.clone(), number, door.kicks.load(Ordering::Relaxed)).with(origin.clone());
        let mut views = door.session.participant();
        // It may be another one than it was let in by.
        views.mark_changed();
        Self { socket, door, origin, number, talk, views }
    }

    /// Says and hears, until either is gone.
    async fn run(mut self) {
        let mut messages = vec![Talk::greeting(&Uuid::new_v4().to_string())];
        loop {
            if !self.say(&mut messages).await {
                return;
            }
            tokio::select! {
                // Who is served no more is heard no more.
                biased;
                changed = self.views.changed() => match changed {
                    Ok(()) => {
                        let view = self.views.borrow_and_update().clone();
                        if !self.door.serves(self.origin.as_deref(), &view) {
                            return self.leave(close_code::POLICY, "the session has another page").await;
                        }
                        messages = self.talk.tell(&view);
                    }
                    Err(_) => return self.leave(close_code::AWAY, "the session ends").await,
                },
                said = self.socket.recv() => match said {
                    Some(Ok(Message::Text(text))) => messages = self.hear(&text).await,
                    // JSON is text.
                    Some(Ok(Message::Binary(_))) => messages = self.hear("").await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                },
            }
        }
    }

    async fn hear(&mut self, text: &str) -> Vec<String> {
        tokio::time::sleep(PACE).await;
        let Step { mut replies, word } = self.talk.hear(text, &self.views.borrow());
        if let Some(word) = word {
            let answer = self.door.session.hear(word, self.number).await;
            replies.extend(Talk::answered(answer.ok()));
        }
        replies
    }

    /// False: it does not listen.
    async fn say(&mut self, messages: &mut Vec<String>) -> bool {
        for message in messages.drain(..) {
            let sent = tokio::time::timeout(WRITE, self.socket.send(Message::text(message))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return false;
            }
        }
        self.door.kicks.fetch_max(self.talk.kick(), Ordering::Relaxed);
        true
    }

    async fn leave(mut self, code: u16, reason: &'static str) {
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        drop(tokio::time::timeout(WRITE, self.socket.send(frame)).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Stub;

    #[test]
    fn the_session_s_page_and_those_of_this_server_are_let_in_and_programs() {
        let (session, stub) = Stub::new();
        let identity = Identity { vp: "ada".to_owned(), task: String::new() };
        let door = ParticipantSocket::new(session, identity, 10001);
        let serves = |origin| door.serves(origin, &door.session.participant().borrow());
        for origin in [None, Some("http://127.0.0.1:10001"), Some("http://LOCALHOST:10001")] {
            assert!(serves(origin), "{origin:?}");
        }
        for origin in
            ["null", "", "https://127.0.0.1:10001", "http://127.0.0.1:10002", "https://page.example"]
        {
            assert!(!serves(Some(origin)), "{origin}");
        }
        stub.open(Some("https://page.example"));
        assert!(serves(Some("https://page.example")));
        assert!(!serves(Some("http://page.example")) && !serves(Some("https://page.example.org")));
        stub.open(None);
        assert!(!serves(Some("https://page.example")), "it was another page's");
    }
}
