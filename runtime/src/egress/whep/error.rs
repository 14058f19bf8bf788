//! Refusals, in the dialect WHEP clients read: a status, and JSON whose `error` and `message` say what is wrong.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use understudy_core::offer::Fault;

use crate::rtc::OfferError;

/// An encoder is up in less; players retry about as often by themselves.
const RETRY_AFTER_SECONDS: &str = "2";

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is nothing of this name to watch")]
    UnknownProgram,
    #[error("nothing is being published under this name yet; try again soon")]
    Silent,
    #[error("there is no such session; it may have ended")]
    UnknownSession,
    #[error("the content type must be {expected}")]
    WrongType { expected: &'static str },
    #[error("the body did not come whole and in time")]
    Incomplete,
    #[error("the body is not UTF-8 text")]
    NotText,
    #[error("ICE cannot be restarted within a session; post a new offer")]
    Restart,
    #[error("the session is not the one that If-Match names")]
    OtherSession,
    #[error(transparent)]
    Offer(OfferError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnknownProgram | Self::UnknownSession => StatusCode::NOT_FOUND,
            Self::Silent => StatusCode::CONFLICT,
            Self::WrongType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::NotText => StatusCode::BAD_REQUEST,
            Self::Restart => StatusCode::UNPROCESSABLE_ENTITY,
            Self::OtherSession => StatusCode::PRECONDITION_FAILED,
            Self::Offer(error) => offer_status(error),
        }
    }
}

fn offer_status(error: &OfferError) -> StatusCode {
    match error {
        OfferError::Faulty(Fault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        OfferError::Faulty(Fault::Empty | Fault::NotSdp { .. }) => StatusCode::BAD_REQUEST,
        // Players read this as "try another codec"; 400 means something else to some of them.
        OfferError::Faulty(Fault::NoCodec { .. }) => StatusCode::NOT_ACCEPTABLE,
        OfferError::Faulty(_) | OfferError::Unanswerable(_) => StatusCode::UNPROCESSABLE_ENTITY,
        OfferError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        OfferError::Full | OfferError::NotRunning => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        let text = self.to_string();
        tracing::debug!(%status, reason = text, "WHEP request refused");
        let body = Json(json!({"error": text, "message": text}));
        if matches!(status, StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE) {
            return (status, [(RETRY_AFTER, RETRY_AFTER_SECONDS)], body).into_response();
        }
        (status, body).into_response()
    }
}
