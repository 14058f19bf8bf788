//! `/livez`, `/readyz` and `/metrics`, on a listener of their own. Readiness does not depend on leadership: a follower is a
//! good replica.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whether this process has reached the API server and is not about to end.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    ready: Arc<AtomicBool>,
}

impl Readiness {
    /// From now on it is.
    pub fn arrive(&self) {
        self.ready.store(true, Ordering::Relaxed);
    }

    /// From now on it is not.
    pub fn leave(&self) {
        self.ready.store(false, Ordering::Relaxed);
    }
}

/// Serves until `shutdown`.
pub async fn serve(
    listen: SocketAddr,
    readiness: Readiness,
    metrics: Metrics,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let ready = move || async move {
        if readiness.ready.load(Ordering::Relaxed) {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    let router =
        Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready)).route(
            "/metrics",
            get(move || async move { ([(header::CONTENT_TYPE, OPEN_METRICS)], metrics.encode()) }),
        );
    let listener = TcpListener::bind(listen).await?;
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}
