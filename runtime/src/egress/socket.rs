//! `WS /stream/socket/{name}`: a programme as an MPEG transport stream, in binary messages of whole packets.
//!
//! Only the socket is here: the stream is one for all who read it, and a reader that is behind goes on with the next keyframe
//! (`crate::program`). What a reader says has no meaning.

mod error;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;
use understudy_core::rendition::Transport;

use super::Metrics;
use super::metrics::{self, Reader};
use crate::broadcast::Subscriber;
use crate::program::{Found, Program, Registry};
use crate::seats::{Seat, Seats};
use crate::subprotocol;
use error::Refusal;

/// Far more than one programme is watched by over sockets; each costs half a second of it and a descriptor.
const SEATS: usize = 256;
/// Nothing that a reader says has a meaning.
const LARGEST_MESSAGE: usize = 64 << 10;
/// Clients of the source system were given no more than 32 KiB at once; these are whole packets.
const PIECE_BYTES: usize = 174 * 188;
/// Whoever takes nothing for so long is gone, or wants nothing of what is live.
const UNTAKEN: Duration = Duration::from_secs(10);
/// A stream of which nothing comes for so long has an encoder that does not start: whoever reads it is told so, and may come again.
const SILENT: Duration = Duration::from_secs(20);
/// Proxies keep silent connections for a minute.
const PING: Duration = Duration::from_secs(15);
/// For last words; a reader that does not take them is left.
const WORDS: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Sockets {
    programs: Registry,
    enabled: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    metrics: Metrics,
    seats: Seats,
}

/// `enabled`: whether what has this name may be read here.
pub fn router(
    programs: Registry,
    enabled: impl Fn(&str) -> bool + Send + Sync + 'static,
    metrics: Metrics,
) -> Router {
    Router::new()
        .route("/stream/socket", any(async || Refusal::NoName))
        .route("/stream/socket/", any(async || Refusal::NoName))
        .route("/stream/socket/{name}", any(watch))
        .with_state(Sockets { programs, enabled: Arc::new(enabled), metrics, seats: Seats::new(SEATS) })
}

#[derive(Deserialize)]
pub struct Asked {
    codec: Option<String>,
}

/// Watch a programme as an MPEG transport stream.
///
/// Binary messages of whole packets, the first of which are tables and a keyframe. When the stream ends, the socket is closed with
/// 1000 and `stream stopped`.
#[utoipa::path(
    get, path = "/stream/socket/{name}", tag = "programme",
    params(
        ("name" = String, Path, description = "program, or the name of a livestream."),
        ("codec" = Option<String>, Query, description = "`h264`, with AAC, or `mpeg1`, with MP2, for JSMpeg."),
    ),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 400, content_type = "text/plain", body = String, description = "There is no such codec."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such programme."),
        (status = 409, content_type = "text/plain", body = String, description = "It is not for sockets; or there is nothing to show yet, and Retry-After says when to ask again."),
        (status = 503, content_type = "text/plain", body = String, description = "As many watch over sockets as there may be, or the session has no tokens yet."),
    ),
    security(("view" = [])),
)]
pub async fn watch(
    State(sockets): State<Sockets>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let rendition = rendition(asked.codec.as_deref())?;
    let program = sockets.find(&name)?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let seat = sockets.seats.take().ok_or(Refusal::Full)?;
    let gone = sockets.programs.gone(&name, &program);
    let upgrade = upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let metrics = sockets.metrics.reader(metrics::Transport::WebSocket);
        let stream = program.transport(rendition).subscribe();
        serve(socket, Watching { stream, metrics, _seat: seat }, gone).await;
    }))
}

fn rendition(codec: Option<&str>) -> Result<Transport, Refusal> {
    match codec {
        None | Some("" | "h264") => Ok(Transport::h264()),
        Some("mpeg1") => Ok(Transport::mpeg1()),
        Some(_) => Err(Refusal::UnknownCodec),
    }
}

impl Sockets {
    fn find(&self, name: &str) -> Result<Program, Refusal> {
        match self.programs.find(name) {
            Found::Unknown => Err(Refusal::Unknown),
            _ if !(self.enabled)(name) => Err(Refusal::NotEnabled),
            Found::Silent => Err(Refusal::Silent),
            Found::Live(program) => Ok(program),
        }
    }
}

struct Watching {
    stream: Subscriber,
    metrics: Reader,
    _seat: Seat,
}

/// Sends until the reader goes, takes nothing, or the stream is `gone`.
async fn serve(mut socket: WebSocket, mut watching: Watching, gone: impl Future<Output = ()>) {
    let last = tokio::select! {
        () = gone => Some(CloseFrame { code: close_code::NORMAL, reason: "stream stopped".into() }),
        last = pass(&mut socket, &mut watching) => last,
    };
    drop(watching);
    let Some(last) = last else { return };
    let farewell = async {
        if socket.send(Message::Close(Some(last))).await.is_ok() {
            // Until the reader has heard it: what it said meanwhile, unread, would take that away from it.
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    drop(tokio::time::timeout(WORDS, farewell).await);
}

/// What is said at the end, if the reader does not know it already.
async fn pass(socket: &mut WebSocket, watching: &mut Watching) -> Option<CloseFrame> {
    let mut pings = tokio::time::interval(PING);
    let (mut lost, mut came) = (0, Instant::now());
    loop {
        let sent = tokio::select! {
            chunk = watching.stream.next() => {
                let before = std::mem::replace(&mut lost, watching.stream.lost());
                watching.metrics.lost(lost - before);
                came = Instant::now();
                hand(socket, &chunk.payload, &watching.metrics).await
            }
            () = tokio::time::sleep_until(came + SILENT) => Err(again("nothing comes of the stream")),
            _ = pings.tick() => within_time(socket, Message::Ping(Bytes::new())).await,
            said = socket.recv() => match said {
                Some(Ok(_)) => Ok(()),
                Some(Err(_)) | None => Err(None),
            },
        };
        if let Err(last) = sent {
            return last;
        }
    }
}

async fn hand(socket: &mut WebSocket, chunk: &Bytes, metrics: &Reader) -> Result<(), Option<CloseFrame>> {
    for at in (0..chunk.len()).step_by(PIECE_BYTES) {
        let piece = chunk.slice(at..chunk.len().min(at + PIECE_BYTES));
        let bytes = piece.len();
        within_time(socket, Message::Binary(piece)).await?;
        metrics.took(bytes);
    }
    Ok(())
}

/// An error says what is said at the end.
async fn within_time(socket: &mut WebSocket, message: Message) -> Result<(), Option<CloseFrame>> {
    match tokio::time::timeout(UNTAKEN, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(None),
        Err(_) => Err(again("too slow")),
    }
}

fn again(reason: &'static str) -> Option<CloseFrame> {
    Some(CloseFrame { code: close_code::AGAIN, reason: reason.into() })
}

#[cfg(test)]
mod tests;
