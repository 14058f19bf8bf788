//! The way to the browser's DevTools from outside: one address that stays, whichever browser runs behind it.
//!
//! `GET /json/version` names the WebSocket; every other path is that WebSocket. A connection belongs to one browser and is
//! closed with it.

mod relay;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router, middleware};
use serde::Serialize;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use utoipa::ToSchema;

use crate::access::{self, Guard, Policy, Role};
use crate::seats::Seats;

/// A snapshot of a heap, or a page as PDF, is one message.
const LARGEST_MESSAGE: usize = 256 << 20;

/// A handshake over loopback; a browser that is too busy for it is as good as gone.
const CONNECT: Duration = Duration::from_secs(10);

/// People and programs that steer one browser; each has a connection of its own to it.
pub const SEATS: usize = 32;

/// What the proxy stands on.
#[derive(Clone, Debug)]
pub struct DevtoolsProxy {
    /// The WebSocket of the browser that runs; none while none does.
    pub browser: watch::Receiver<Option<String>>,
    pub policy: watch::Receiver<Policy>,
    pub log: Log,
    /// For those who are connected, of which there are [`SEATS`].
    pub seats: Seats,
}

/// What is told of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    Nothing,
    /// The methods of commands and events; never what is in them.
    Methods,
}

/// All of the port. Whoever may steer the browser may steer the participant.
pub fn router(proxy: DevtoolsProxy) -> Router {
    let guard = Arc::new(Guard { policy: proxy.policy.clone(), role: Role::Control });
    Router::new()
        .route("/json/version", get(version))
        .fallback(any(connect))
        .with_state(proxy)
        .layer(middleware::from_fn_with_state(guard, access::check))
}

/// Where the WebSocket of a browser's DevTools is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DevtoolsVersion {
    /// At the host that the request was for: the client reaches this port by a name that only it knows.
    #[schema(example = "ws://localhost:9222")]
    web_socket_debugger_url: String,
}

/// Where the DevTools of the session's browser are. On a port of their own.
#[utoipa::path(
    get, path = "/json/version", tag = "session",
    responses(
        (status = 200, body = DevtoolsVersion),
        (status = 503, content_type = "text/plain", body = String, description = "There is no browser, or not yet."),
    ),
    security(("control" = [])),
)]
pub async fn version(State(proxy): State<DevtoolsProxy>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    match (proxy.browser.borrow().is_some(), host) {
        (false, _) => not_ready(),
        (true, None) => (StatusCode::BAD_REQUEST, "a Host header is needed").into_response(),
        (true, Some(host)) => {
            Json(DevtoolsVersion { web_socket_debugger_url: format!("ws://{host}") }).into_response()
        }
    }
}

/// The DevTools of the session's browser, as a WebSocket: whatever the path is. It ends with its browser; the next
/// connection goes to the next one.
#[utoipa::path(
    get, path = "/devtools/{path}", tag = "session", params(("path" = String, Path)),
    responses(
        (status = 101, description = "The socket opens."),
        (status = 503, content_type = "text/plain", body = String, description = "There is no browser, or not yet."),
        (status = 504, content_type = "text/plain", body = String, description = "The browser does not answer."),
    ),
    security(("control" = [])),
)]
pub async fn connect(
    State(mut proxy): State<DevtoolsProxy>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let Some(url) = proxy.browser.borrow_and_update().clone() else { return not_ready() };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let Some(seat) = proxy.seats.take() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "as many are connected as there may be").into_response();
    };
    let connecting = tokio_tungstenite::connect_async_with_config(&url, Some(limits), true);
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(Ok((browser, _))) => upgrade
            .max_message_size(LARGEST_MESSAGE)
            .max_frame_size(LARGEST_MESSAGE)
            .on_upgrade(move |client| async move {
                let _seat = seat;
                relay::relay(client, browser, proxy, url).await;
            }),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the browser does not take a DevTools connection");
            not_ready()
        }
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the browser does not answer").into_response(),
    }
}

fn not_ready() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "upstream not ready").into_response()
}
