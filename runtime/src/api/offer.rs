//! `POST /input/devices/virtual/webrtc/offer`: a peer that sends picture and sound introduces itself.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use understudy_core::offer::MAX_BYTES;
use utoipa::ToSchema;

use super::message::Message;
use crate::ingest::Ingest;
use crate::ingest::peer::Refused;
use crate::rtc;

/// An offer in JSON, where each line end takes four bytes; what is larger is refused by its length.
const MAX_BODY: usize = 4 * MAX_BYTES;

/// What peers come in by, whichever way they introduce themselves.
#[derive(Clone)]
pub(super) struct Entrance {
    pub ingest: Ingest,
    pub transport: rtc::Handle,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("can't decode JSON body: {0}")]
    NotJson(String),
    #[error("sdp is required")]
    NoSdp,
    #[error(transparent)]
    Refused(#[from] Refused),
}

pub fn router(ingest: Ingest, transport: rtc::Handle) -> Router {
    Router::new()
        .route("/input/devices/virtual/webrtc/offer", post(offer))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Entrance { ingest, transport })
}

/// A description of a WebRTC session, whole: candidates are not told later.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the shape of what is read and written as JSON")]
pub(super) struct Sdp {
    sdp: String,
}

/// Send picture and sound as a WebRTC peer, once they are configured to come from one. A new peer replaces the last.
#[utoipa::path(
    post, path = "/input/devices/virtual/webrtc/offer", tag = "virtual inputs", request_body = Sdp,
    responses(
        (status = 200, body = Sdp, description = "The answer, with all candidates."),
        (status = 400, body = Message, description = "There is no offer; JSON that cannot be read is told as text."),
        (status = 409, body = Message, description = "WebRTC is not configured."),
        (status = 500, body = Message, description = "The offer cannot be answered; `detail` says why."),
        (status = 503, body = Message, description = "There are as many peers as there may be; Retry-After says when to ask again."),
    ),
    security(("control" = [])),
)]
pub(super) async fn offer(State(entrance): State<Entrance>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let sdp = sdp(&body)?;
    let Entrance { ingest, transport } = entrance;
    let answer = ingest.peer.offer(&transport, ingest.expected(), &sdp).await?;
    Ok(Json(json!({"sdp": answer.sdp})))
}

/// What a browser's session description or a bare `{"sdp"}` holds.
fn sdp(body: &[u8]) -> Result<String, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| Refusal::NotJson(error.to_string()))?;
    if !value.is_object() {
        return Err(Refusal::NotJson("it must be an object".into()));
    }
    match &value["sdp"] {
        Value::Null => Err(Refusal::NoSdp),
        Value::String(sdp) if sdp.trim().is_empty() => Err(Refusal::NoSdp),
        Value::String(sdp) => Ok(sdp.clone()),
        _ => Err(Refusal::NotJson("sdp must be a string".into())),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotJson(_) => (StatusCode::BAD_REQUEST, self.to_string()).into_response(),
            Self::NoSdp => Message::new(StatusCode::BAD_REQUEST, self).into_response(),
            Self::Refused(Refused::NotExpected) => Message::new(StatusCode::CONFLICT, self).into_response(),
            Self::Refused(Refused::Offer(error)) => {
                Message::unanswered(&error, "failed to negotiate webrtc ingest").into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_with_and_without_its_type() {
        for body in [r#"{"sdp":"v=0"}"#, r#"{"type":"offer","sdp":"v=0"}"#] {
            assert_eq!(sdp(body.as_bytes()).ok().as_deref(), Some("v=0"));
        }
    }

    #[test]
    fn what_holds_no_description_is_refused_by_name() {
        for body in ["{}", r#"{"sdp":""}"#, r#"{"sdp":null}"#, r#"{"sdp":"  "}"#] {
            assert!(matches!(sdp(body.as_bytes()), Err(Refusal::NoSdp)), "{body}");
        }
        for body in ["", "v=0", "[]", r#"{"sdp":1}"#, r#"{"sdp":"#] {
            let refusal = sdp(body.as_bytes()).expect_err("must be refused");
            assert!(refusal.to_string().starts_with("can't decode JSON body"), "{body}");
        }
    }
}
