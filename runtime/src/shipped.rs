//! What pages consist of that ship inside the program, and how each part is answered with.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const CSS: &str = "text/css; charset=utf-8";
pub(crate) const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The name under which a page asks for it, its type, and itself.
pub(crate) type Part = (&'static str, &'static str, &'static str);

/// The one of that name.
pub(crate) fn part(parts: &[Part], name: &str) -> Response {
    match parts.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, text)) => (headers(kind), *text).into_response(),
        None => (StatusCode::NOT_FOUND, "the page has no such part").into_response(),
    }
}

/// Of a page or a part. What it may reach is for the page to say.
pub(crate) const fn headers(kind: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CONTENT_TYPE, kind),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The page and its script change together, with the binary.
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
    ]
}
