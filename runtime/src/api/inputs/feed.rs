//! The feed page: what camera and microphone are given, shown to people, and to pages that present this tab.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use understudy_core::input::{Protocol, realtime};
use understudy_core::media::Kind;

use super::Surface;
use super::page::{self, Page};
use crate::api::live;
use crate::api::protocol::format;

/// A page that plays what the camera is given. Its title never changes: browsers can be told to present it by that.
#[utoipa::path(
    get, path = "/input/devices/virtual/feed", tag = "virtual inputs",
    params(
        ("fit" = Option<String>, Query, description = "How the picture fills the window, as CSS object-fit: cover (default), contain, fill, none or scale-down."),
        ("source" = Option<String>, Query, description = "What to play instead of what is configured: a URL, or a path on this server."),
    ),
    responses((status = 200, content_type = "text/html", body = String)), security(("view" = [])),
)]
pub async fn feed(State(surface): State<Surface>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let asked = |name: &str| asked.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let (source, format) = configured(&surface);
    let page = Page {
        fit: asked("fit").unwrap_or_default(),
        source: asked("source").unwrap_or(&source),
        format,
        locked: false,
    };
    respond(StatusCode::OK, &page)
}

/// A person who has no access sees that in words. The page asks again by itself if it was opened with a token before.
pub fn or_locked(headers: HeaderMap, response: Response) -> Response {
    let person = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    match person && response.status() == StatusCode::UNAUTHORIZED {
        true => respond(StatusCode::UNAUTHORIZED, &Page { locked: true, ..Page::default() }),
        false => response,
    }
}

/// What shows what is configured, and the format in which it is sent.
fn configured(surface: &Surface) -> (String, &'static str) {
    let inputs = surface.session.inputs().borrow().configured.clone();
    match realtime(inputs.as_ref()).0 {
        Some(protocol @ (Protocol::Socket | Protocol::WebRtc)) => {
            (live::SOCKET.to_owned(), format(protocol, Kind::Video))
        }
        None => (surface.now().video.and_then(|video| video.url).unwrap_or_default(), ""),
    }
}

fn respond(status: StatusCode, page: &Page) -> Response {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let headers: [(HeaderName, String); 4] = [
        // A source's address may be a secret.
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, page::policy(&nonce)),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (status, headers, Html(page.render(&nonce))).into_response()
}
