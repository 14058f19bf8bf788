//! `POST /stream/webrtc/offer`: who wants to watch a livestream introduces themselves.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use understudy_core::spec::Output;
use utoipa::ToSchema;

use super::Surface;
use crate::api::fields;
use crate::api::json::Given;
use crate::api::message::Message;
use crate::program::Found;
use crate::rtc::OfferError;
use crate::signalling;

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
pub async fn offer(
    State(surface): State<Surface>,
    Given(offer): Given<Offer>,
) -> Result<Json<Value>, Refusal> {
    let Offer { id, sdp } = offer.unwrap_or_default();
    let sdp = sdp.filter(|sdp| !sdp.trim().is_empty()).ok_or(Refusal::NoSdp)?;
    let id = fields::called(id);
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
    let answer = signalling::watch(&surface.transport, &surface.programs, (&id, &program), &sdp).await?;
    let answer = answer.ok_or(Refusal::Unknown)?;
    Ok(Json(json!({"sdp": answer.sdp})))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NoSdp => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::OtherMode | Self::Silent => StatusCode::CONFLICT,
            Self::Offer(error) => return Message::unanswered(error, &self.to_string()).into_response(),
        };
        let is_silent = matches!(self, Self::Silent);
        let message = Message::new(status, self);
        if is_silent { message.again() } else { message }.into_response()
    }
}
