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
use serde_json::json;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::access::{self, Guard, Policy, Role};

/// A snapshot of a heap, or a page as PDF, is one message.
const LARGEST_MESSAGE: usize = 256 << 20;

/// A handshake over loopback; a browser that is too busy for it is as good as gone.
const CONNECT: Duration = Duration::from_secs(10);

/// What the proxy stands on.
#[derive(Clone, Debug)]
pub struct DevtoolsProxy {
    /// The WebSocket of the browser that runs; none while none does.
    pub browser: watch::Receiver<Option<String>>,
    pub policy: watch::Receiver<Policy>,
    pub log: Log,
}

/// What is told of messages, at level debug.
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

/// The URL is the client's own: it reaches this port by a name that only it knows.
async fn version(State(proxy): State<DevtoolsProxy>, headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    match (proxy.browser.borrow().is_some(), host) {
        (false, _) => not_ready(),
        (true, None) => (StatusCode::BAD_REQUEST, "a Host header is needed").into_response(),
        (true, Some(host)) => Json(json!({ "webSocketDebuggerUrl": format!("ws://{host}") })).into_response(),
    }
}

async fn connect(
    State(mut proxy): State<DevtoolsProxy>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    if matches!(*proxy.policy.borrow(), Policy::Open) && access::is_foreign(&headers) {
        return (StatusCode::FORBIDDEN, "pages of other sites may not steer the browser").into_response();
    }
    let Some(url) = proxy.browser.borrow_and_update().clone() else { return not_ready() };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let connecting = tokio_tungstenite::connect_async_with_config(&url, Some(limits), true);
    match tokio::time::timeout(CONNECT, connecting).await {
        Ok(Ok((browser, _))) => upgrade
            .max_message_size(LARGEST_MESSAGE)
            .max_frame_size(LARGEST_MESSAGE)
            .on_upgrade(move |client| relay::relay(client, browser, proxy, url)),
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
