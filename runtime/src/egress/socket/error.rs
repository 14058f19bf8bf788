//! Refusals before the socket opens: text, as clients of the source system read it.

use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};

use crate::program::Fixed;

/// An encoder is up in less; players try again about as often by themselves.
const RETRY_AFTER_SECONDS: &str = "2";

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("stream id required")]
    NoName,
    #[error("codec must be h264, mpeg1 or vp8")]
    UnknownCodec,
    #[error("stream not found")]
    Unknown,
    #[error("stream not websocket-enabled")]
    NotEnabled,
    #[error("{0} (codec must be h264)")]
    Fixed(#[from] Fixed),
    #[error("stream has nothing to show yet")]
    Silent,
    #[error("as many watch as there may be")]
    Full,
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::NoName | Self::UnknownCodec => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::NotEnabled | Self::Fixed(_) | Self::Silent => StatusCode::CONFLICT,
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether it helps to ask again.
    const fn passes(&self) -> bool {
        matches!(self, Self::Silent | Self::Full)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = (self.status(), self.to_string());
        tracing::debug!(%status, reason = text, "a stream's socket is refused");
        match self.passes() {
            true => (status, [(RETRY_AFTER, RETRY_AFTER_SECONDS)], text).into_response(),
            false => (status, text).into_response(),
        }
    }
}
