//! Pages from anywhere may watch, if they have a token: the token is the lock, not the origin.

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

const ALLOW: [(HeaderName, &str); 5] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST, PATCH, DELETE"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
    (ACCESS_CONTROL_MAX_AGE, "86400"),
    (HeaderName::from_static("accept-post"), "application/sdp"),
    (HeaderName::from_static("accept-patch"), "application/trickle-ice-sdpfrag"),
];
const EXPOSE: &str = "Location, Link, ETag, Accept-Patch, Retry-After";

/// Answers OPTIONS, and lets scripts of any origin read the rest. Belongs outside whatever checks tokens.
pub fn with_cors(router: Router) -> Router {
    router.layer(from_fn(answer))
}

async fn answer(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        (
            StatusCode::NO_CONTENT,
            HeaderMap::from_iter(ALLOW.map(|(name, value)| (name, HeaderValue::from_static(value)))),
        )
            .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE));
    response
}
