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
        .route("/view", get(program))
        .route("/view/{name}", get(livestream))
        .route("/view/assets/view.css", get(style))
        .route("/view/assets/view.js", get(script))
}

/// A page that shows the programme.
#[utoipa::path(get, path = "/view", tag = "pages", responses((status = 200, content_type = "text/html", body = String)))]
pub async fn program() -> impl IntoResponse {
    (headers("text/html; charset=utf-8"), PAGE)
}

/// A page that shows a livestream.
#[utoipa::path(
    get, path = "/view/{name}", tag = "pages", params(("name" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
pub async fn livestream() -> impl IntoResponse {
    program().await
}

/// How these pages look.
#[utoipa::path(get, path = "/view/assets/view.css", tag = "pages", responses((status = 200, content_type = "text/css", body = String)))]
pub async fn style() -> impl IntoResponse {
    (headers("text/css; charset=utf-8"), STYLE)
}

/// What these pages do.
#[utoipa::path(get, path = "/view/assets/view.js", tag = "pages", responses((status = 200, content_type = "text/javascript", body = String)))]
pub async fn script() -> impl IntoResponse {
    (headers("text/javascript; charset=utf-8"), SCRIPT)
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
