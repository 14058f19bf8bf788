//! How this surface says that something did not work: `{"message": …}`, as the source system's clients expect.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rtc::OfferError;

/// Why a request had no effect.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    #[serde(skip)]
    pub status: StatusCode,
    pub message: String,
    /// What stands behind it, where the message is in the words of the source system.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The same request may be answered otherwise in a moment.
    #[serde(skip)]
    is_worth_another: bool,
}

impl Message {
    pub fn new(status: StatusCode, message: impl std::fmt::Display) -> Self {
        Self { status, message: message.to_string(), detail: None, is_worth_another: false }
    }

    /// What went wrong, in those words, and why.
    pub fn because(words: &str, why: impl std::fmt::Display) -> Self {
        Self { detail: Some(why.to_string()), ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, words) }
    }

    /// Says when to ask again.
    #[must_use]
    pub fn again(self) -> Self {
        Self { is_worth_another: true, ..self }
    }

    /// An offer of WebRTC is not answered, in those words.
    pub fn unanswered(error: &OfferError, words: &str) -> Self {
        match error {
            OfferError::Full | OfferError::NoPort(_) | OfferError::NotRunning => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error).again()
            }
            error => {
                tracing::debug!(%error, "an offer is not answered");
                Self::because(words, error)
            }
        }
    }
}

impl IntoResponse for Message {
    fn into_response(self) -> Response {
        let again = self.is_worth_another.then_some([(RETRY_AFTER, "1")]);
        (self.status, again, Json(self)).into_response()
    }
}
