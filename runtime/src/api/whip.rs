//! WHIP: a publisher posts an offer, gets an answer, and deletes what it was given when it ends (RFC 9725).
//!
//! Candidates are not told later and ICE is not restarted, so there is nothing to PATCH (§4.3).

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};

use super::offer::Entrance;
use crate::ingest::Ingest;
use crate::ingest::peer::Refused;
use crate::rtc;
use crate::signalling::{self, SDP, Unreadable, ended, text};

const PATH: &str = "/input/devices/virtual/webrtc/whip";

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Refused(#[from] Refused),
}

pub fn router(ingest: Ingest, transport: rtc::Handle) -> Router {
    Router::new()
        .route(PATH, post(publish))
        .route(&format!("{PATH}/{{session}}"), delete(end))
        .with_state(Entrance { ingest, transport })
}

/// Publish picture and sound over WHIP, once they are configured to come from a WebRTC peer. A new publisher replaces the last.
#[utoipa::path(
    post, path = "/input/devices/virtual/webrtc/whip", tag = "virtual inputs",
    request_body(content = String, content_type = "application/sdp"),
    responses(
        (status = 201, content_type = "application/sdp", body = String, description = "The answer; Location is where to end it."),
        (status = 400, body = Object, description = "The body is no SDP."),
        (status = 406, body = Object, description = "There is no codec that both sides know."),
        (status = 408, body = Object, description = "The offer did not come whole within 30 s."),
        (status = 409, body = Object, description = "WebRTC is not configured; Retry-After says when to ask again."),
        (status = 413, body = Object, description = "The offer is too long."),
        (status = 415, body = Object, description = "The body is not application/sdp."),
        (status = 422, body = Object, description = "The offer cannot be answered; the message says why."),
        (status = 500, body = Object, description = "The answer would break a rule, which the message names."),
        (status = 503, body = Object, description = "There are as many peers as there may be, or no tokens yet."),
    ),
    security(("control" = [])),
)]
pub(super) async fn publish(
    State(entrance): State<Entrance>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let offer = text(&headers, SDP, body).await?;
    let Entrance { ingest, transport } = entrance;
    let answer = ingest.peer.offer(&transport, ingest.expected(), &offer).await?;
    // With its first slash: what some clients make of a relative one is their own address.
    let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, format!("{PATH}/{}", answer.session_id))];
    Ok((StatusCode::CREATED, headers, answer.sdp).into_response())
}

/// Stop publishing. Whoever asks for a session's end has it, also the second time.
#[utoipa::path(
    delete, path = "/input/devices/virtual/webrtc/whip/{session}", tag = "virtual inputs",
    params(("session" = String, Path)),
    responses((status = 200, description = "It has ended."), (status = 204, description = "It had ended already.")),
    security(("control" = [])),
)]
pub(super) async fn end(State(entrance): State<Entrance>, Path(session): Path<String>) -> StatusCode {
    ended(entrance.transport.leave(&session).await)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unreadable(why) => why.status(),
            Self::Refused(Refused::NotExpected) => StatusCode::CONFLICT,
            Self::Refused(Refused::Offer(error)) => signalling::status(error),
        };
        let text = self.to_string();
        tracing::debug!(%status, reason = text, "WHIP request refused");
        signalling::refusal(status, &text)
    }
}
