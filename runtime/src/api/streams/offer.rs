//! `POST /stream/webrtc/offer`: who wants to watch a livestream introduces themselves.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::header::RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Value, json};
use understudy_core::spec::Output;
use utoipa::ToSchema;

use super::Surface;
use crate::api::json::decode;
use crate::api::message::Message;
use crate::program::Found;
use crate::rtc::OfferError;

/// Pages offer in the moment in which they have started a stream: a first picture comes within this.
const PATIENCE: Duration = Duration::from_secs(5);

/// An offer to watch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct Offer {
    /// `default` if there is none.
    id: Option<String>,
    /// With all candidates: none are told later.
    sdp: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{0}")]
    NotJson(String),
    #[error("sdp is required")]
    NoSdp,
    #[error("stream not found")]
    Unknown,
    #[error("stream does not support webrtc")]
    OtherMode,
    #[error("stream has no picture yet")]
    Silent,
    #[error("failed to negotiate stream")]
    Offer(#[from] OfferError),
}

/// Watch a livestream of mode `webrtc`. Whoever has watched enough closes the connection.
#[utoipa::path(
    post, path = "/stream/webrtc/offer", tag = "livestreams", request_body = Offer,
    responses(
        (status = 200, body = Object, description = "`{sdp}`: the answer, with all candidates."),
        (status = 400, body = Message, description = "There is no offer; JSON that cannot be read is told as text."),
        (status = 404, body = Message, description = "There is no such stream."),
        (status = 409, body = Message, description = "It is of another mode, or has no picture yet."),
        (status = 500, body = Message, description = "The offer cannot be answered; `detail` says why."),
        (status = 503, body = Message, description = "There are as many viewers as there may be; Retry-After says when to ask again."),
    ),
    security(("view" = [])),
)]
pub async fn offer(State(surface): State<Surface>, body: Bytes) -> Result<Json<Value>, Refusal> {
    let offer: Option<Offer> = decode(&body).map_err(Refusal::NotJson)?;
    let Offer { id, sdp } = offer.unwrap_or_default();
    let sdp = sdp.filter(|sdp| !sdp.trim().is_empty()).ok_or(Refusal::NoSdp)?;
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| "default".to_owned());
    match surface.named(&id) {
        None => return Err(Refusal::Unknown),
        Some(stream) if stream.livestream.output != Output::WebRtc => return Err(Refusal::OtherMode),
        Some(_) => {}
    }
    let program = match surface.programs.find_within(&id, PATIENCE).await {
        Found::Live(program) => program,
        Found::Silent => return Err(Refusal::Silent),
        Found::Unknown => return Err(Refusal::Unknown),
    };
    let answer = surface.transport.watch(&id, &program, &sdp).await?;
    // It is admitted a while after it was looked up, and only who is there is told when the name goes.
    if !surface.programs.stands(&id, &program) {
        surface.transport.end(&id).await;
        return Err(Refusal::Unknown);
    }
    Ok(Json(json!({"sdp": answer.sdp})))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotJson(text) => return (StatusCode::BAD_REQUEST, text.clone()).into_response(),
            Self::NoSdp => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::OtherMode => StatusCode::CONFLICT,
            Self::Silent => {
                let again = Message::new(StatusCode::CONFLICT, self);
                return ([(RETRY_AFTER, "1")], again).into_response();
            }
            Self::Offer(error @ (OfferError::Full | OfferError::NotRunning)) => {
                let again = Message::new(StatusCode::SERVICE_UNAVAILABLE, error);
                return ([(RETRY_AFTER, "1")], again).into_response();
            }
            Self::Offer(error) => {
                tracing::debug!(%error, "a viewer's offer is not answered");
                let body = json!({"message": self.to_string(), "detail": error.to_string()});
                return (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response();
            }
        };
        Message::new(status, self).into_response()
    }
}
