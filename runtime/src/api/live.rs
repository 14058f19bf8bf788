//! `WS /input/devices/virtual/feed/socket`: what is sent as picture, shown live to whoever connects.

use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde::Serialize;
use understudy_core::media::Kind;
use utoipa::ToSchema;

use super::message::Message;
use super::protocol::format;
use crate::feed::{self, Feed, Viewer};
use crate::ingest::Ingest;
use crate::seats::Seats;
use crate::subprotocol;

/// Where what is sent as picture can be followed.
pub const SOCKET: &str = "/input/devices/virtual/feed/socket";

/// A client that does not take a message within this is dropped.
const WRITE: Duration = Duration::from_secs(2);
/// Nothing that a viewer says has a meaning.
const LARGEST_MESSAGE: usize = 64 << 10;
/// Each has a queue of some megabytes; more want a programme, which WHEP gives.
const VIEWERS: usize = 64;

#[derive(Clone)]
pub(super) struct Live {
    ingest: Ingest,
    feed: Feed,
    seats: Seats,
}

/// What is sent as picture, and where to follow it.
#[derive(Serialize, ToSchema)]
pub struct FeedInfo {
    /// `mpegts` or `ivf`.
    format: &'static str,
    url: &'static str,
}

pub fn router(ingest: Ingest, feed: Feed) -> Router {
    Router::new()
        .route(SOCKET, any(feed_socket))
        .route("/input/devices/virtual/feed/socket/info", get(feed_info))
        .with_state(Live { ingest, feed, seats: Seats::new(VIEWERS) })
}

/// Where what is sent as picture can be followed.
#[utoipa::path(
    get, path = "/input/devices/virtual/feed/socket/info", tag = "virtual inputs",
    responses((status = 200, body = FeedInfo), (status = 409, body = Message, description = "No picture is sent.")),
    security(("view" = [])),
)]
pub(super) async fn feed_info(State(live): State<Live>) -> Result<Json<FeedInfo>, Message> {
    let protocol = live.ingest.expected().borrow().video;
    let info = protocol.map(|protocol| FeedInfo { format: format(protocol, Kind::Video), url: SOCKET });
    info.map(Json).ok_or_else(|| Message::new(StatusCode::CONFLICT, "virtual video ingest not active"))
}

/// A WebSocket on which what is sent as picture comes out live.
///
/// A text frame names the format if it is not `mpegts`; binary frames are the picture.
#[utoipa::path(
    get, path = "/input/devices/virtual/feed/socket", tag = "virtual inputs",
    responses(
        (status = 101, description = "The socket opens, whether or not something is sent."),
        (status = 503, content_type = "text/plain", body = String, description = "As many look as there may be, or the session has no tokens yet."),
    ),
    security(("view" = [])),
)]
pub(super) async fn feed_socket(
    State(live): State<Live>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Some(seat) = live.seats.take() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "as many look as there may be").into_response();
    };
    upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            let _seat = seat;
            show(socket, live.feed.subscribe()).await;
        })
}

/// Shows what comes until the viewer goes, is too slow or shall begin anew.
async fn show(mut socket: WebSocket, mut viewer: Viewer) {
    // Players of MPEG-TS take whatever comes for it: no other word is said to them.
    let mut told = feed::Format::MPEG_TS;
    loop {
        let message = tokio::select! {
            message = viewer.next() => message,
            said = socket.recv() => match said {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        let frame = match message {
            Some(feed::Item::Format(name)) if name == told => continue,
            Some(feed::Item::Format(name)) => {
                told = name;
                Frame::text(name)
            }
            Some(feed::Item::Data(data)) => Frame::Binary(data),
            Some(feed::Item::Reset) => farewell(close_code::NORMAL, "feed reset"),
            None => farewell(close_code::AGAIN, "too slow"),
        };
        let last = matches!(frame, Frame::Close(_));
        let sent = tokio::time::timeout(WRITE, socket.send(frame)).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

fn farewell(code: u16, reason: &'static str) -> Frame {
    Frame::Close(Some(CloseFrame { code, reason: reason.into() }))
}
