//! The page at which a browser watches. It holds no secret: what it plays is behind WHEP and its token.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::IntoResponse;
use axum::routing::get;

const PAGE: &str = include_str!("../../assets/view/index.html");
const STYLE: &str = include_str!("../../assets/view/view.css");
const SCRIPT: &str = include_str!("../../assets/view/view.js");

/// Its own files and its own origin; the token in its address goes nowhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    media-src 'self' blob: mediastream:; img-src 'self' data:; base-uri 'none'; form-action 'none'";

/// `/view` shows `program`, `/view/{name}` any other.
pub fn router() -> Router {
    Router::new()
        .route("/view", get(page))
        .route("/view/{name}", get(page))
        .route("/view/assets/view.css", get(|| asset("text/css; charset=utf-8", STYLE)))
        .route("/view/assets/view.js", get(|| asset("text/javascript; charset=utf-8", SCRIPT)))
}

async fn page() -> impl IntoResponse {
    (headers("text/html; charset=utf-8"), PAGE)
}

async fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse {
    (headers(kind), content)
}

fn headers(kind: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CONTENT_TYPE, kind),
        // The page and its script change together, with the binary.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ]
}
