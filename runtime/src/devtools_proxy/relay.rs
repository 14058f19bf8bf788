//! Messages between one client and one browser, each as it came, for as long as both are there.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message as ClientMessage, WebSocket};
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::CloseFrame as BrowserClose;
use tokio_tungstenite::tungstenite::{Message as BrowserMessage, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{DevtoolsProxy, Log};

type Browser = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// RFC 6455 section 7.4.2, as registered later: the service restarts, come again.
const RESTART: u16 = 1012;

/// For the last words; a client that does not take them is left.
const GOODBYE: Duration = Duration::from_secs(2);

/// Carries messages until either side ends, or the browser at `url` is not the current one any more. Each side is read
/// only as fast as the other takes it.
pub(super) async fn relay(client: WebSocket, browser: Browser, proxy: DevtoolsProxy, url: String) {
    let DevtoolsProxy { browser: current, log, .. } = proxy;
    let (mut to_client, from_client) = client.split();
    let (mut to_browser, from_browser) = browser.split();
    let ended = tokio::select! {
        ended = up(from_client, &mut to_browser, log) => ended,
        ended = down(from_browser, &mut to_client, log) => ended,
        () = replaced(current, &url) => Ended::BrowserGone,
    };
    let goodbye = async {
        if ended == Ended::BrowserGone {
            let frame =
                CloseFrame { code: RESTART, reason: "the browser is gone; another one follows".into() };
            drop(to_client.send(ClientMessage::Close(Some(frame))).await);
        }
        drop((to_client.close().await, to_browser.close().await));
    };
    drop(tokio::time::timeout(GOODBYE, goodbye).await);
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// A side said so, and the other was told.
    Closed,
    ClientGone,
    BrowserGone,
}

/// Resolves when `url` is not the browser's any more.
async fn replaced(mut current: watch::Receiver<Option<String>>, url: &str) {
    // An error: the session has ended, and the browser with it.
    drop(current.wait_for(|now| now.as_deref() != Some(url)).await);
}

async fn up(
    mut client: SplitStream<WebSocket>,
    browser: &mut SplitSink<Browser, BrowserMessage>,
    log: Log,
) -> Ended {
    while let Some(Ok(message)) = client.next().await {
        let last = matches!(message, ClientMessage::Close(_));
        let Some(message) = for_browser(message, log) else { continue };
        if browser.send(message).await.is_err() {
            return Ended::BrowserGone;
        }
        if last {
            return Ended::Closed;
        }
    }
    Ended::ClientGone
}

async fn down(
    mut browser: SplitStream<Browser>,
    client: &mut SplitSink<WebSocket, ClientMessage>,
    log: Log,
) -> Ended {
    while let Some(Ok(message)) = browser.next().await {
        let last = message.is_close();
        let Some(message) = for_client(message, log) else { continue };
        if client.send(message).await.is_err() {
            return Ended::ClientGone;
        }
        if last {
            return Ended::Closed;
        }
    }
    Ended::BrowserGone
}

/// The same message in the other library's type; its bytes are not copied.
fn for_browser(message: ClientMessage, log: Log) -> Option<BrowserMessage> {
    Some(match message {
        ClientMessage::Text(text) => {
            tell(log, "to the browser", &text);
            BrowserMessage::Text(Utf8Bytes::try_from(Bytes::from(text)).ok()?)
        }
        ClientMessage::Binary(bytes) => BrowserMessage::Binary(bytes),
        ClientMessage::Ping(bytes) => BrowserMessage::Ping(bytes),
        ClientMessage::Pong(bytes) => BrowserMessage::Pong(bytes),
        ClientMessage::Close(frame) => BrowserMessage::Close(frame.map(to_browser)),
    })
}

fn for_client(message: BrowserMessage, log: Log) -> Option<ClientMessage> {
    Some(match message {
        BrowserMessage::Text(text) => {
            tell(log, "to the client", &text);
            ClientMessage::Text(Bytes::from(text).try_into().ok()?)
        }
        BrowserMessage::Binary(bytes) => ClientMessage::Binary(bytes),
        BrowserMessage::Ping(bytes) => ClientMessage::Ping(bytes),
        BrowserMessage::Pong(bytes) => ClientMessage::Pong(bytes),
        BrowserMessage::Close(frame) => ClientMessage::Close(frame.map(to_client)),
        BrowserMessage::Frame(_) => return None, // only written, never read
    })
}

fn to_browser(frame: CloseFrame) -> BrowserClose {
    BrowserClose { code: frame.code.into(), reason: frame.reason.as_str().into() }
}

fn to_client(frame: BrowserClose) -> CloseFrame {
    CloseFrame { code: frame.code.into(), reason: frame.reason.as_str().into() }
}

/// What is told of a message; the rest of it is read over, not kept: it may be a whole heap.
#[derive(Default, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(default)]
    id: Option<u64>,
}

fn tell(log: Log, direction: &'static str, text: &str) {
    if log == Log::Methods {
        let Envelope { method, id } = serde_json::from_str(text).unwrap_or_default();
        tracing::info!(direction, method = method.as_deref(), id, "DevTools message");
    }
}
