//! The page that goes on a stage: it publishes camera and microphone by WHIP, and shows what a server of WHEP has. It holds no
//! secret; what lets it in comes in its address, or over the participant socket.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::shipped::{self, CSS, HTML, JAVASCRIPT, Part};

const PAGE: &str = include_str!("../../../assets/stage/index.html");

/// What the page consists of, by the names under which it asks for it.
const ASSETS: [Part; 5] = [
    ("stage.css", CSS, include_str!("../../../assets/stage/stage.css")),
    ("stage.js", JAVASCRIPT, include_str!("../../../assets/stage/stage.js")),
    ("address.js", JAVASCRIPT, include_str!("../../../assets/stage/address.js")),
    ("whip.js", JAVASCRIPT, include_str!("../../../assets/stage/whip.js")),
    ("socket.js", JAVASCRIPT, include_str!("../../../assets/stage/socket.js")),
];

/// Where the page finds what is not the same everywhere.
const PORT: &str = "{participant socket}";
const JOINS: &str = "{joins}";

/// What the page is for browsers: made once.
#[derive(Clone)]
pub(in crate::api) struct Served {
    port: u16,
    policy: HeaderValue,
}

/// `port`: of the participant socket; 0: there is none.
pub fn router(port: u16) -> Router {
    let policy =
        HeaderValue::from_str(&policy(port)).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    Router::new()
        .route("/stage", get(stage))
        .route("/stage/assets/{name}", get(asset))
        .with_state(Served { port, policy })
}

/// Its own files; a stage may be anywhere, the participant socket is on this machine.
fn policy(port: u16) -> String {
    let socket = match port {
        0 => String::new(),
        port => format!(" ws://localhost:{port}"),
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' https: http:{socket}; \
         media-src 'self' blob: mediastream:; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// A page that goes on a stage.
///
/// `?whip=` is where it publishes, `?whep=` what it shows, `?token=` what lets it in: a participant token of Amazon IVS says where
/// by itself. A link of another site does not begin that: somebody has to press a button.
#[utoipa::path(
    get, path = "/stage", tag = "pages",
    params(
        ("whip" = Option<String>, Query, description = "Where it publishes."),
        ("whep" = Option<String>, Query, description = "What it shows."),
        ("token" = Option<String>, Query, description = "What lets it in at both; taken out of the address at once."),
    ),
    responses((status = 200, content_type = "text/html", body = String)),
)]
pub(in crate::api) async fn stage(State(served): State<Served>, headers: HeaderMap) -> Response {
    let from = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok()).unwrap_or("none");
    let joins = if ["none", "same-origin"].contains(&from) { "at-once" } else { "asked" };
    let port = match served.port {
        0 => String::new(),
        port => port.to_string(),
    };
    let page = PAGE.replace(PORT, &port).replace(JOINS, joins);
    (shipped::headers(HTML), [(CONTENT_SECURITY_POLICY, served.policy)], page).into_response()
}

/// How that page looks, and what it does.
#[utoipa::path(
    get, path = "/stage/assets/{name}", tag = "pages",
    params(("name" = String, Path, description = "stage.css, or a script that the page names.")),
    responses(
        (status = 200, content_type = "text/javascript", body = String),
        (status = 404, body = String, description = "The page has no such part."),
    ),
)]
pub(in crate::api) async fn asset(Path(name): Path<String>) -> Response {
    shipped::part(&ASSETS, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_its_parts_and_has_a_place_for_what_is_not_the_same_everywhere() {
        assert!(PAGE.contains(PORT) && PAGE.contains(JOINS));
        for (name, ..) in ASSETS {
            let is_named = |text: &str| text.contains(&format!("/{name}\""));
            assert!(is_named(PAGE) || ASSETS.iter().any(|(_, _, text)| is_named(text)), "{name}");
        }
    }

    #[test]
    fn the_page_reaches_the_participant_socket_where_there_is_one() {
        assert!(policy(3001).contains("ws://localhost:3001;"));
        assert!(!policy(0).contains("ws:") && policy(0).contains("connect-src 'self' https: http:;"));
    }
}
