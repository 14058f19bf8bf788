//! Pages from anywhere may watch, if they have a token: the token is the lock, not the origin.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use super::ice_servers::IceServers;

const ALLOW: [(HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, HEAD, POST, PATCH, DELETE"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
    (ACCESS_CONTROL_MAX_AGE, "86400"),
];
const ACCEPT: [(HeaderName, &str); 2] = [
    (HeaderName::from_static("accept-post"), "application/sdp"),
    (HeaderName::from_static("accept-patch"), "application/trickle-ice-sdpfrag, application/sdp"),
];
const EXPOSE: &str =
    "Location, Link, ETag, Accept-Patch, Retry-After, X-Recording-Started-At, X-Recording-Finished-At";

/// Answers OPTIONS, and lets scripts of any origin read the rest. Belongs outside whatever checks tokens.
pub fn with_cors(router: Router, ice_servers: IceServers) -> Router {
    router.layer(from_fn_with_state(ice_servers, answer))
}

/// What an endpoint takes. A preflight is a browser's question and not a player's (RFC 9725 §4.4).
pub(super) fn describe(headers: &mut HeaderMap, ice_servers: &IceServers) {
    headers.extend(ACCEPT.map(|(name, value)| (name, HeaderValue::from_static(value))));
    ice_servers.tell(headers);
}

async fn answer(State(ice_servers): State<IceServers>, request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        let allow = HeaderMap::from_iter(ALLOW.map(|(name, value)| (name, HeaderValue::from_static(value))));
        let mut response = (StatusCode::NO_CONTENT, allow).into_response();
        let is_preflight = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let told = if is_preflight { &IceServers::default() } else { &ice_servers };
        describe(response.headers_mut(), told);
        response
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE));
    response
}
