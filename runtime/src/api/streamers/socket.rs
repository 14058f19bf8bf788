//! `WS /api/streamers/{id}/peer`: one who watches.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::Failure;
use crate::access::Role;
use crate::streamer::Streamers;
use crate::subprotocol;

/// The longest is a description.
pub(super) const LARGEST_MESSAGE: usize = 128 << 10;

pub(super) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// A WebSocket over which somebody comes to watch a streamer, and with the control token to steer.
///
/// Text messages of JSON, as in docs/recipes/streamers.md: `WebRtcConfig` comes first, then this server's offer.
#[utoipa::path(
    get, path = "/api/streamers/{id}/peer", tag = "streamers", params(("id" = String, Path)),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 404, body = Object, description = "There is none of this id."),
        (status = 503, body = Object, description = "As many watch it as may."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn peer(
    State(streamers): State<Streamers>,
    Extension(role): Extension<Role>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, Failure> {
    // What is not there is told to whoever asks, over a socket or not.
    streamers.one(&id).await?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let entrance = streamers.enter(&id, role).await?;
    Ok(upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(|socket| entrance.serve(socket)))
}
