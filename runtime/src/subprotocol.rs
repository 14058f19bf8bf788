//! The sub-protocol of a WebSocket (RFC 6455 §1.9), which has no meaning here.

use axum::http::{HeaderMap, header};

/// What is asked for first. Players ask for a protocol of any name, and go if it is not the answer.
pub fn asked(headers: &HeaderMap) -> Option<String> {
    let asked = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    asked.split(',').next().map(|first| first.trim().to_owned())
}
