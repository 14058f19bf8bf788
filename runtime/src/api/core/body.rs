//! Bodies of the API of processes: JSON that says that it is JSON, and something.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use serde_json::Value;

use super::failure::Failure;

/// The largest config and the largest piece of metadata.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// A body, read.
pub(in crate::api) struct Body(pub Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
        if !kind.starts_with("application/json") {
            let why = "the Content-Type must be application/json";
            return Err(Failure::of_http(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
        }
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Failure::of_http(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    format_args!("a body has at most {MOST_BYTES} bytes"),
                ),
                _ => invalid("the body did not come whole and in time"),
            })?;
        if bytes.is_empty() {
            return Err(invalid("the request has no body"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(invalid)
    }
}

pub(super) fn invalid(why: impl std::fmt::Display) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "Invalid JSON", why)
}
