//! The page that lists processes. It holds no secret: what it shows is behind the API and its token.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shipped::{self, CSS, HTML, JAVASCRIPT, Part};

const PAGE: &str = include_str!("../../assets/processes/index.html");

/// What the page consists of besides.
const ASSETS: [Part; 3] = [
    ("processes.css", CSS, include_str!("../../assets/processes/processes.css")),
    ("login.js", JAVASCRIPT, include_str!("../../assets/processes/login.js")),
    ("processes.js", JAVASCRIPT, include_str!("../../assets/processes/processes.js")),
];

/// Its own files and its own origin.
const POLICY: [(HeaderName, &str); 1] = [(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)];

pub fn router() -> Router {
    Router::new().route("/processes", get(page)).route("/processes/assets/{name}", get(asset))
}

/// A page that lists processes, each with a way to watch it.
#[utoipa::path(get, path = "/processes", tag = "pages", responses((status = 200, content_type = "text/html", body = String)))]
pub async fn page() -> impl IntoResponse {
    (shipped::headers(HTML), POLICY, PAGE)
}

/// How that page looks, and what it does.
#[utoipa::path(
    get, path = "/processes/assets/{name}", tag = "pages",
    params(("name" = String, Path, description = "processes.css, login.js or processes.js.")),
    responses(
        (status = 200, content_type = "text/javascript", body = String),
        (status = 404, body = String, description = "The page has no such part."),
    ),
)]
pub async fn asset(Path(name): Path<String>) -> Response {
    (POLICY, shipped::part(&ASSETS, &name)).into_response()
}
