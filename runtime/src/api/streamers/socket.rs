//! `WS /api/streamers/{id}/peer`: one who watches.

use axum::Extension;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use understudy_core::streamer::identity::{Identity, LONGEST};

use super::Failure;
use crate::streamer::{Streamers, Visitor};
use crate::subprotocol;

/// The longest is a description.
pub(super) const LARGEST_MESSAGE: usize = 128 << 10;

pub(super) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// What stands in its address.
#[derive(Deserialize)]
struct Asked {
    identity: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let let_in = Extension::from_request_parts(parts, state);
        let Extension(role) = let_in.await.map_err(IntoResponse::into_response)?;
        let let_in = Extension::from_request_parts(parts, state);
        let Extension(bearer) = let_in.await.map_err(IntoResponse::into_response)?;
        let refused = |why| Failure(StatusCode::BAD_REQUEST, why);
        let asked = Query::<Asked>::try_from_uri(&parts.uri);
        let Query(Asked { identity }) = asked.map_err(|error| refused(error.body_text()).into_response())?;
        let words = || format!("identity: must be 1 to {LONGEST} letters, digits, - and _");
        let identity = identity.map(|text| Identity::parse(&text).ok_or_else(|| refused(words())));
        let identity = identity.transpose().map_err(IntoResponse::into_response)?;
        Ok(Self { bearer, role, identity })
    }
}

/// A WebSocket over which somebody comes to watch a streamer, and with the control token to steer.
///
/// Text messages of JSON, as in docs/recipes/streamers.md: `WebRtcConfig` comes first, then this server's offer.
#[utoipa::path(
    get, path = "/api/streamers/{id}/peer", tag = "streamers",
    params(
        ("id" = String, Path),
        ("identity" = Option<String>, Query, description = "A secret of the client's own, of 1 to 64 letters, digits, - and _: who comes back with it, within 30 s or by another connection, is taken for the same person."),
    ),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 400, body = Object, description = "The identity cannot be one."),
        (status = 404, body = Object, description = "There is none of this id."),
        (status = 503, body = Object, description = "As many watch it as may."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn peer(
    State(streamers): State<Streamers>,
    visitor: Visitor,
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
    let entrance = streamers.enter(&id, visitor).await?;
    Ok(upgrade
        .protocols(subprotocol::asked(&headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(|socket| entrance.serve(socket)))
}
