//! Pages that ship with the runtime, shown as `understudy:NAME`.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

const PAGES: [(&str, &str); 2] = [
    ("mirror", include_str!("../../assets/pages/mirror.html")),
    ("welcome", include_str!("../../assets/pages/welcome.html")),
];

/// A page of its own, whose parts lie beside it.
const STAGE: &str = "stage";

/// They hold no secrets.
pub fn router() -> Router {
    Router::new().route("/", get(root)).route("/pages/{name}", get(page))
}

/// The way to `/view`.
#[utoipa::path(get, path = "/", tag = "pages", responses((status = 307)))]
pub(super) async fn root() -> Redirect {
    Redirect::temporary("/view")
}

/// A page that ships with the runtime.
#[utoipa::path(
    get, path = "/pages/{name}", tag = "pages",
    params(("name" = String, Path, description = "mirror or welcome; stage leads to `/stage`.")),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 307, description = "It is that page."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such page."),
    ),
)]
pub(super) async fn page(Path(name): Path<String>) -> Response {
    if name == STAGE {
        return Redirect::temporary("/stage").into_response();
    }
    match PAGES.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => ([(header::CACHE_CONTROL, "no-cache")], Html(*text)).into_response(),
        None => {
            let names: Vec<_> = PAGES.iter().map(|(name, _)| *name).chain([STAGE]).collect();
            let text = format!("There is no bundled page {name}; known: {}.\n", names.join(", "));
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}
