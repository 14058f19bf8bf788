//! The players of the feed page, from the folder of what ships with the runtime: nothing is fetched from elsewhere.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::message::Message;

/// What can be asked for. Not whatever lies in the folder: a name is never joined to a path.
const PLAYERS: [&str; 3] = ["jsmpeg.js", "hls.js", "mpegts.js"];

/// A day; they change only with the runtime.
const CACHE: &str = "public, max-age=86400";

/// `folder` is where `scripts/players` put them.
pub fn router(folder: PathBuf) -> Router {
    Router::new().route("/players/{name}", get(player)).with_state(Arc::new(folder))
}

/// A script that the feed page plays with.
#[utoipa::path(
    get, path = "/players/{name}", tag = "pages",
    params(("name" = String, Path, description = "jsmpeg.js, hls.js or mpegts.js.")),
    responses(
        (status = 200, content_type = "text/javascript", body = String),
        (status = 404, body = Message, description = "There is no such player, or it was not installed."),
    ),
)]
pub(super) async fn player(State(folder): State<Arc<PathBuf>>, Path(name): Path<String>) -> Response {
    let Some(known) = PLAYERS.into_iter().find(|known| *known == name) else {
        let text = format!("there is no player {name}; known: {}", PLAYERS.join(", "));
        return Message::new(StatusCode::NOT_FOUND, text).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, CACHE),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match tokio::fs::read(folder.join(known)).await {
        Ok(script) => (headers, script).into_response(),
        Err(error) => {
            tracing::warn!(player = known, %error, "a player cannot be read");
            Message::new(StatusCode::NOT_FOUND, format!("the player {known} is not installed"))
                .into_response()
        }
    }
}
