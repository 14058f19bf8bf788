//! Descriptions of WebRTC sessions over HTTP, as WHIP (RFC 9725) and WHEP have them: how a body is read, and in which status
//! a peer is told what is wrong.

use axum::Json;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::json;
use understudy_core::offer::{Fault, MAX_BYTES};

use crate::program::{Program, Registry};
use crate::rtc::{self, OfferError};

pub const SDP: &str = "application/sdp";
/// No honest offer comes near; past this the connection just ends.
const THROWN_AWAY: usize = 4 << 20;
/// An encoder is up in less; players retry about as often by themselves.
const RETRY_AFTER_SECONDS: &str = "2";

/// Why a body is not read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the content type must be {expected}")]
    WrongType { expected: &'static str },
    #[error("the body did not come whole and in time")]
    Incomplete,
    #[error("the body is not UTF-8 text")]
    NotText,
    #[error(transparent)]
    TooLarge(Fault),
}

impl Unreadable {
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::WrongType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Incomplete => StatusCode::REQUEST_TIMEOUT,
            Self::NotText => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// Whether a body is said to be of that type.
pub fn has_type(headers: &HeaderMap, expected: &str) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}

/// The body as text, if it is of that type. One that is too large is read on for a while and thrown away: a client that is still writing when
/// the connection ends sees a broken pipe, not the answer.
pub async fn text(headers: &HeaderMap, expected: &'static str, body: Body) -> Result<String, Unreadable> {
    if !has_type(headers, expected) {
        return Err(Unreadable::WrongType { expected });
    }
    let (mut chunks, mut read, mut total) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Unreadable::Incomplete)?;
        total += chunk.len();
        if total > THROWN_AWAY {
            break;
        }
        if total <= MAX_BYTES {
            read.extend_from_slice(&chunk);
        }
    }
    if total > MAX_BYTES {
        return Err(Unreadable::TooLarge(Fault::TooLarge));
    }
    String::from_utf8(read).map_err(|_| Unreadable::NotText)
}

/// Lets one more watch what was found under a name. None: while they were admitted the name came to stand for something else, or
/// for nothing, and they are gone again: only who is there is told when a name goes.
pub async fn watch(
    transport: &rtc::Handle,
    programs: &Registry,
    (name, program): (&str, &Program),
    offer: &str,
) -> Result<Option<rtc::Answer>, OfferError> {
    let answer = transport.watch(name, program, offer).await?;
    if programs.stands(name, program) {
        return Ok(Some(answer));
    }
    transport.leave(&answer.session_id).await;
    Ok(None)
}

/// What whoever deletes a session is told, also the second time: it has ended. `found`: now.
pub const fn ended(found: bool) -> StatusCode {
    if found { StatusCode::OK } else { StatusCode::NO_CONTENT }
}

/// What it means for an HTTP client that its offer is not answered.
pub const fn status(error: &OfferError) -> StatusCode {
    match error {
        OfferError::Faulty(Fault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        OfferError::Faulty(Fault::Empty | Fault::NotSdp { .. }) => StatusCode::BAD_REQUEST,
        // Players read this as "try another codec"; 400 means something else to some of them.
        OfferError::Faulty(Fault::NoCodec { .. }) => StatusCode::NOT_ACCEPTABLE,
        OfferError::Faulty(_) | OfferError::Unanswerable(_) | OfferError::Settled => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        OfferError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        OfferError::Full | OfferError::NoPort(_) | OfferError::NotRunning => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Beside a refusal, for whoever says it in other words.
#[derive(Clone, Debug)]
pub struct Refused {
    pub text: String,
    /// There is nothing of that name.
    pub is_unknown: bool,
}

/// A refusal in the dialect that clients read: JSON whose `error` and `message` say what is wrong, and when to ask again if
/// that helps.
pub fn refusal(status: StatusCode, text: &str) -> Response {
    let body = Json(json!({"error": text, "message": text}));
    if matches!(status, StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE) {
        return (status, [(RETRY_AFTER, RETRY_AFTER_SECONDS)], body).into_response();
    }
    (status, body).into_response()
}
