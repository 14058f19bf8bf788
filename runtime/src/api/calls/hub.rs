//! `WS /api/call/hub`: peers that call this participant, and each other.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use understudy_hub::{Hold, Refused, socket};

use super::{Desk, Failure};
use crate::subprotocol;

#[derive(Deserialize)]
pub(in crate::api) struct Asked {
    #[serde(default)]
    peer: String,
}

/// Leave word for each other, as peers that call: text messages, each an envelope `{to, from, topic: "call:CHANNEL", payload}`.
///
/// What cannot be delivered comes back from nobody (`from: ""`), with `{type: "unreachable"|"busy"|"error", peer, message}`.
#[utoipa::path(
    get, path = "/api/call/hub", tag = "calls",
    params(("peer" = String, Query, description = "As whom one comes: 1 to 128 bytes. Whoever comes under the same name takes one's place.")),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 400, content_type = "text/plain", body = String, description = "The name cannot be one."),
        (status = 409, content_type = "text/plain", body = String, description = "It is this participant's own."),
        (status = 503, content_type = "text/plain", body = String, description = "As many are here as there may be."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn join(
    State(desk): State<Desk>,
    Query(Asked { peer }): Query<Asked>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let member = desk.site.hub.join(&peer, Hold::Yielding).map_err(|why| {
        let status = match why {
            Refused::Name => StatusCode::BAD_REQUEST,
            Refused::Taken => StatusCode::CONFLICT,
            Refused::Full => StatusCode::SERVICE_UNAVAILABLE,
        };
        Failure(status, why.to_string())
    })?;
    Ok(upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(socket::LARGEST_MESSAGE)
        .max_frame_size(socket::LARGEST_MESSAGE)
        .on_upgrade(|socket| socket::serve(socket, member)))
}
