//! The page at which a browser watches. It holds no secret: what it plays is behind WHEP and its token.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderName;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shipped::{self, CSS, HTML, JAVASCRIPT, Part};

const PAGE: &str = include_str!("../../assets/view/index.html");

/// What the page consists of, by the names under which it asks for it.
const ASSETS: [Part; 22] = [
    ("view.css", CSS, include_str!("../../assets/view/view.css")),
    ("view.js", JAVASCRIPT, include_str!("../../assets/view/view.js")),
    ("states.js", JAVASCRIPT, include_str!("../../assets/view/states.js")),
    ("whep.js", JAVASCRIPT, include_str!("../../assets/view/whep.js")),
    ("figures.js", JAVASCRIPT, include_str!("../../assets/view/figures.js")),
    ("page.js", JAVASCRIPT, include_str!("../../assets/view/page.js")),
    ("patience.js", JAVASCRIPT, include_str!("../../assets/view/patience.js")),
    ("controls.js", JAVASCRIPT, include_str!("../../assets/view/controls.js")),
    ("streams.js", JAVASCRIPT, include_str!("../../assets/view/streams.js")),
    ("token.js", JAVASCRIPT, include_str!("../../assets/view/token.js")),
    ("desk.css", CSS, include_str!("../../assets/view/desk.css")),
    ("panels.js", JAVASCRIPT, include_str!("../../assets/view/panels.js")),
    ("desk.js", JAVASCRIPT, include_str!("../../assets/view/desk.js")),
    ("line.js", JAVASCRIPT, include_str!("../../assets/view/line.js")),
    ("wire.js", JAVASCRIPT, include_str!("../../assets/view/wire.js")),
    ("keys.js", JAVASCRIPT, include_str!("../../assets/view/keys.js")),
    ("keyboard.js", JAVASCRIPT, include_str!("../../assets/view/keyboard.js")),
    ("hands.js", JAVASCRIPT, include_str!("../../assets/view/hands.js")),
    ("touch.js", JAVASCRIPT, include_str!("../../assets/view/touch.js")),
    ("seats.js", JAVASCRIPT, include_str!("../../assets/view/seats.js")),
    ("people.js", JAVASCRIPT, include_str!("../../assets/view/people.js")),
    ("clipboard.js", JAVASCRIPT, include_str!("../../assets/view/clipboard.js")),
];

/// Its own files and its own origin; the token in its address goes nowhere.
const POLICY: [(HeaderName, &str); 1] = [(
    CONTENT_SECURITY_POLICY,
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    media-src 'self' blob: mediastream:; img-src 'self' data:; base-uri 'none'; form-action 'none'",
)];

/// `/view` shows `program`, `/view/{name}` any other.
pub fn router() -> Router {
    Router::new()
        .route("/view", get(program))
        .route("/view/{name}", get(livestream))
        .route("/view/assets/{name}", get(asset))
}

/// A page that shows the programme.
#[utoipa::path(get, path = "/view", tag = "pages", responses((status = 200, content_type = "text/html", body = String)))]
pub async fn program() -> impl IntoResponse {
    (shipped::headers(HTML), POLICY, PAGE)
}

/// A page that shows a livestream.
#[utoipa::path(
    get, path = "/view/{name}", tag = "pages", params(("name" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
pub async fn livestream() -> impl IntoResponse {
    program().await
}

/// How these pages look, and what they do.
#[utoipa::path(
    get, path = "/view/assets/{name}", tag = "pages",
    params(("name" = String, Path, description = "A sheet of styles or a script that the page names.")),
    responses(
        (status = 200, content_type = "text/javascript", body = String),
        (status = 404, body = String, description = "The page has no such part."),
    ),
)]
pub async fn asset(Path(name): Path<String>) -> Response {
    (POLICY, shipped::part(&ASSETS, &name)).into_response()
}
