//! A streamer's peer socket: the server offers over a WebSocket, the viewer answers, and the place is its own while that is open.

use std::time::{Duration, Instant};

use ::http::header::{AUTHORIZATION, InvalidHeaderValue};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use url::Url;

use super::{Refusal, Session, of_stack};
use crate::stack::Stack;

/// Of the offer, from knocking on; what there is to be seen may have to begin first.
const OFFERED_WITHIN: Duration = Duration::from_secs(15);
/// Of a goodbye.
const LEFT_WITHIN: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Clone, Debug)]
pub struct Peer {
    url: Url,
    token: Option<String>,
}

#[derive(Debug)]
pub(super) struct Place(Mutex<Socket>);

impl Peer {
    /// `url` is the socket, as `ws://host:10001/api/streamers/desk/peer`; the token is a bearer token (RFC 6750).
    pub fn new(url: Url, token: Option<String>) -> Self {
        Self { url, token }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) async fn join(&self, stack: &mut Stack) -> Result<Session, Refusal> {
        stack.open_keyboard().map_err(of_stack)?;
        let asked = Instant::now();
        let offered = tokio::time::timeout(OFFERED_WITHIN, self.offered()).await;
        let (mut socket, offer) =
            offered.map_err(|_| Refusal::Late { seconds: OFFERED_WITHIN.as_secs() })??;
        let answer = stack.answer(&offer, Instant::now()).map_err(of_stack)?;
        let answer = json!({"Signaling": {"Description": {"ty": "answer", "sdp": answer}}});
        socket.send(Message::text(answer.to_string())).await.map_err(refusal)?;
        let place = super::Place::Peer(Box::new(Place(Mutex::new(socket))));
        Ok(Session { asked, remote: offer, place })
    }

    async fn offered(&self) -> Result<(Socket, String), Refusal> {
        let mut request = self.url.as_str().into_client_request().map_err(refusal)?;
        if let Some(token) = &self.token {
            let token = format!("Bearer {token}").parse();
            let token = token.map_err(|error: InvalidHeaderValue| Refusal::Unusable(error.to_string()))?;
            request.headers_mut().insert(AUTHORIZATION, token);
        }
        let (mut socket, _) = connect_async(request).await.map_err(refusal)?;
        while let Some(frame) = socket.next().await {
            let Message::Text(text) = frame.map_err(refusal)? else { continue };
            let told: Value =
                serde_json::from_str(&text).map_err(|error| Refusal::Unusable(error.to_string()))?;
            if let Some(sdp) = told["Signaling"]["Description"]["sdp"].as_str() {
                return Ok((socket, sdp.to_owned()));
            }
        }
        Err(Refusal::Unusable("it offers nothing".into()))
    }

    /// Hears what is told, which nothing is made of: whoever does not listen is left.
    pub(super) async fn keep(&self, Place(socket): &Place) {
        let mut socket = socket.lock().await;
        while let Some(Ok(_)) = socket.next().await {}
        // That it has ended shows by the connection.
        std::future::pending::<()>().await;
    }

    pub(super) async fn leave(&self, Place(socket): &Place) -> Result<(), Refusal> {
        let mut socket = socket.lock().await;
        // One that is closed already is left.
        drop(tokio::time::timeout(LEFT_WITHIN, socket.close(None)).await);
        Ok(())
    }
}

fn refusal(error: Error) -> Refusal {
    match error {
        Error::Http(answer) => {
            let body = answer.body().as_deref().unwrap_or_default();
            Refusal::Refused { status: answer.status(), body: String::from_utf8_lossy(body).into_owned() }
        }
        error => Refusal::Unreachable(error.to_string()),
    }
}
