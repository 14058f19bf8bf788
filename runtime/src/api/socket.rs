//! `WS /input/devices/virtual/socket/{video,audio}`: somebody sends picture or sound as binary messages.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use tokio_tungstenite::tungstenite;
use understudy_core::input::Protocol;
use understudy_core::media::Kind;

use super::protocol::format;
use crate::ingest::Ingest;
use crate::ingest::socket::{Dismissed, Upload};

/// What clients have always been allowed to send at once.
const LARGEST_MESSAGE: usize = 64 << 20;
/// For first and last words; a client that does not take them is left.
const WORDS: Duration = Duration::from_secs(2);

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

pub fn router(ingest: Ingest) -> Router {
    Router::new()
        .route("/input/devices/virtual/socket/video", any(video))
        .route("/input/devices/virtual/socket/audio", any(audio))
        .with_state(ingest)
}

/// A WebSocket into which the picture (MPEG-TS) is sent as binary frames of any size, once it is configured to come over one.
#[utoipa::path(
    get, path = "/input/devices/virtual/socket/video", tag = "virtual inputs",
    responses(
        (status = 101, description = "The socket opens; a text frame names the format that is expected."),
        (status = 409, content_type = "text/plain", body = String, description = "It is not configured, or somebody sends already who answers a ping."),
    ),
    security(("control" = [])),
)]
pub(super) async fn video(State(ingest): State<Ingest>, upgrade: Upgrade) -> Response {
    open(Kind::Video, ingest, upgrade).await
}

/// A WebSocket into which the sound (MP3) is sent as binary frames of any size, once it is configured to come over one.
#[utoipa::path(
    get, path = "/input/devices/virtual/socket/audio", tag = "virtual inputs",
    responses(
        (status = 101, description = "The socket opens; a text frame names the format that is expected."),
        (status = 409, content_type = "text/plain", body = String, description = "It is not configured, or somebody sends already who answers a ping."),
    ),
    security(("control" = [])),
)]
pub(super) async fn audio(State(ingest): State<Ingest>, upgrade: Upgrade) -> Response {
    open(Kind::Audio, ingest, upgrade).await
}

async fn open(kind: Kind, ingest: Ingest, upgrade: Upgrade) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    match ingest.publish(kind).await {
        Err(refused) => (StatusCode::CONFLICT, refused.to_string()).into_response(),
        Ok(publisher) => upgrade
            .max_message_size(LARGEST_MESSAGE)
            .max_frame_size(LARGEST_MESSAGE)
            .on_upgrade(move |socket| take(socket, kind, publisher)),
    }
}

/// Takes what is sent until the sender leaves or is not wanted any more.
async fn take(mut socket: WebSocket, kind: Kind, publisher: Upload) {
    let hint = Message::text(format(Protocol::Socket, kind));
    if !matches!(tokio::time::timeout(WORDS, socket.send(hint)).await, Ok(Ok(()))) {
        return;
    }
    let dismissed = publisher.dismissed();
    let last = tokio::select! {
        last = pass(&mut socket, &publisher) => last,
        why = dismissed => Some(farewell(why)),
    };
    // The place is free before anything else: whoever comes next need not wait for the last words.
    drop(publisher);
    if let Some(frame) = last {
        drop(tokio::time::timeout(WORDS, socket.send(Message::Close(Some(frame)))).await);
    }
}

fn farewell(why: Dismissed) -> CloseFrame {
    let reason = match why {
        Dismissed::Unwanted => "feed reset",
        Dismissed::Replaced => "another sender came while this one was not heard",
    };
    CloseFrame { code: close_code::NORMAL, reason: reason.into() }
}

/// Passes on what is sent, and each knock. What is said at the end, if the sender does not know it already.
async fn pass(socket: &mut WebSocket, publisher: &Upload) -> Option<CloseFrame> {
    let mut knocks = publisher.knocks();
    loop {
        tokio::select! {
            received = socket.recv() => match received? {
                Ok(Message::Binary(data)) => publisher.send(data).await,
                Ok(Message::Close(_)) => return None,
                Ok(Message::Pong(knock)) => publisher.answered(number(&knock)),
                // Text has no meaning here; pings have been answered already.
                Ok(Message::Text(_) | Message::Ping(_)) => publisher.heard(),
                Err(error) => return last_words(error),
            },
            Ok(()) = knocks.changed() => {
                let knock = knocks.borrow_and_update().to_be_bytes();
                let ping = socket.send(Message::Ping(Bytes::copy_from_slice(&knock)));
                // A client that takes nothing may still send: that it is there shows by that.
                drop(tokio::time::timeout(WORDS, ping).await);
            }
        }
    }
}

/// As it was sent with a ping; zero is nobody's.
fn number(knock: &[u8]) -> u64 {
    knock.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

fn last_words(error: axum::Error) -> Option<CloseFrame> {
    tracing::debug!(%error, "a sender's connection ends");
    let too_long = matches!(error.into_inner().downcast_ref(), Some(tungstenite::Error::Capacity(_)));
    too_long.then(|| CloseFrame { code: close_code::SIZE, reason: "a message is too long".into() })
}
