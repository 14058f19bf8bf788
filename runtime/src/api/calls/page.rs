//! The page of calls. It holds no secret: what it shows is behind the API and its token.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shipped::{self, CSS, HTML, JAVASCRIPT, Part};

const PAGE: &str = include_str!("../../../assets/call/index.html");

/// What the page consists of besides.
const ASSETS: [Part; 6] = [
    ("call.css", CSS, include_str!("../../../assets/call/call.css")),
    ("call.js", JAVASCRIPT, include_str!("../../../assets/call/call.js")),
    ("desk.js", JAVASCRIPT, include_str!("../../../assets/call/desk.js")),
    ("loopback.js", JAVASCRIPT, include_str!("../../../assets/call/loopback.js")),
    ("states.js", JAVASCRIPT, include_str!("../../../assets/call/states.js")),
    ("webm.js", JAVASCRIPT, include_str!("../../../assets/call/webm.js")),
];

/// Its own files and its own origin; what it plays it makes itself.
const POLICY: [(HeaderName, &str); 1] = [(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)];

pub(in crate::api) fn router() -> Router {
    Router::new().route("/call", get(page)).route("/call/assets/{name}", get(asset))
}

/// A page on which somebody is called, calls are taken, and both sides are seen and heard.
#[utoipa::path(get, path = "/call", tag = "pages", responses((status = 200, content_type = "text/html", body = String)))]
pub(in crate::api) async fn page() -> impl IntoResponse {
    (shipped::headers(HTML), POLICY, PAGE)
}

/// How that page looks, and what it does.
#[utoipa::path(
    get, path = "/call/assets/{name}", tag = "pages",
    params(("name" = String, Path, description = "call.css, call.js or another script that the page names.")),
    responses(
        (status = 200, content_type = "text/javascript", body = String),
        (status = 404, body = String, description = "The page has no such part."),
    ),
)]
pub(in crate::api) async fn asset(Path(name): Path<String>) -> Response {
    (POLICY, shipped::part(&ASSETS, &name)).into_response()
}
