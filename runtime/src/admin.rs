//! Probes and metrics, on a port of their own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;

use crate::session;

/// A session's task that takes longer over one message is stuck.
const ALIVE_WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Surface {
    session: session::Handle,
    registry: Arc<Registry>,
}

pub fn router(session: session::Handle, registry: Registry) -> Router {
    Router::new()
        .route("/livez", get(alive))
        .route("/readyz", get(alive))
        .route("/metrics", get(metrics))
        .with_state(Surface { session, registry: Arc::new(registry) })
}

async fn alive(State(surface): State<Surface>) -> Response {
    match tokio::time::timeout(ALIVE_WITHIN, surface.session.ping()).await {
        Ok(Ok(())) => "ok\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the session does not answer\n").into_response(),
    }
}

async fn metrics(State(surface): State<Surface>) -> Response {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &surface.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
