//! Refusals, each with its status.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use understudy_core::offer::NoCredentials;

use crate::rtc::{AnswerError, OfferError};
use crate::signalling::{self, Refused, Unreadable};

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is nothing of this name to watch")]
    UnknownProgram,
    #[error("nothing is being published under this name yet; try again soon")]
    Silent,
    #[error("there is no such session; it may have ended")]
    UnknownSession,
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("this takes other methods, which Allow names")]
    Method,
    #[error("a restart of ICE needs If-Match, as If-Match: *")]
    Unconditional,
    #[error(transparent)]
    Fragment(#[from] NoCredentials),
    #[error(transparent)]
    Answer(AnswerError),
    #[error("the session is not the one that If-Match names")]
    OtherSession,
    #[error(transparent)]
    Offer(OfferError),
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownProgram | Self::UnknownSession => StatusCode::NOT_FOUND,
            Self::Silent => StatusCode::CONFLICT,
            Self::Unreadable(why) => why.status(),
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unconditional => StatusCode::PRECONDITION_REQUIRED,
            Self::Fragment(_) => StatusCode::BAD_REQUEST,
            Self::Answer(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::OtherSession => StatusCode::PRECONDITION_FAILED,
            Self::Offer(error) => signalling::status(error),
        }
    }
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Offer(error) => Self::Offer(error),
            error => Self::Answer(error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = (self.status(), self.to_string());
        tracing::debug!(%status, reason = text, "WHEP request refused");
        let mut response = signalling::refusal(status, &text);
        let is_unknown = matches!(self, Self::UnknownProgram | Self::Silent);
        response.extensions_mut().insert(Refused { text, is_unknown });
        response
    }
}
