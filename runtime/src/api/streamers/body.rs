//! What a request for a streamer says.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use understudy_core::streamer::order::Order;

use super::Failure;
use crate::streamer::Refused;

/// Nobody waits longer over HTTP: a display that is not there within this has failed.
const LONGEST_WAIT: u64 = 60;

/// A body, read and judged.
pub(in crate::api) struct Whole(pub(super) Order);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            // As is said of others' bodies: in words that name no library.
            let why = match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => "the body is too long",
                _ => "the body did not come whole and in time",
            };
            Failure(rejection.status(), why.to_owned())
        })?;
        Order::parse(&bytes).map(Self).map_err(|refusal| Refused::from(refusal).into())
    }
}

/// `?wait=SECONDS`.
pub(in crate::api) struct Wait(pub(super) Option<Duration>);

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let Some(text) = query.split('&').find_map(|pair| pair.strip_prefix("wait=")) else {
            return Ok(Self(None));
        };
        match text.parse() {
            Ok(seconds @ 0..=LONGEST_WAIT) => Ok(Self(Some(Duration::from_secs(seconds)))),
            _ => {
                let why = format!("wait: must be 0 to {LONGEST_WAIT} seconds");
                Err(Failure(StatusCode::BAD_REQUEST, why))
            }
        }
    }
}
