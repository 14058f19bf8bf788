//! `/livez`, `/readyz` and `/metrics`, on a listener of their own. Readiness does not depend on leadership: a follower is a
//! good replica.

use crate::listen;
use crate::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// The form of the page of metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
    let listener = listen::bind(listen).await?;
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::LinkState;
    use crate::owner::Kind;
    use std::io::Write;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    /// What Prometheus' own parser makes of the page; what it cannot read it says on standard error.
    #[allow(clippy::disallowed_methods, reason = "the parser is a program")]
    fn parsed(page: &str) -> String {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/metrics");
        let mut parser = Command::new("go")
            .args(["run", ".", OPEN_METRICS])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("go must be there: install Go 1.24 or later");
        parser.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
        let read = parser.wait_with_output().unwrap();
        assert!(read.status.success(), "Prometheus cannot read this page:\n{page}");
        String::from_utf8(read.stdout).unwrap()
    }

    #[test]
    fn prometheus_reads_every_figure() {
        let metrics = Metrics::default();
        metrics.leads(7);
        for kind in [Kind::VirtualParticipant, Kind::Livestream] {
            metrics.looked(kind, Duration::from_millis(20));
            metrics.look_failed(kind);
            metrics.look_panicked(kind);
            metrics.wait(kind, 3);
            metrics.leave_out(kind, 1);
        }
        metrics.link(LinkState::Up, 2);
        metrics.link(LinkState::Down, 1);
        metrics.stalled.inc();
        metrics.refused.set(1);
        let read = parsed(&metrics.encode());
        for series in [
            "understudy_operator_reconcile_seconds_count{kind=\"Livestream\"} 1",
            "understudy_operator_reconcile_seconds_bucket{le=\"0.025\",kind=\"Livestream\"} 1",
            "understudy_operator_reconcile_failures_total{kind=\"VirtualParticipant\"} 1",
            "understudy_operator_reconcile_panics_total{kind=\"VirtualParticipant\"} 1",
            "understudy_operator_queue_length{kind=\"Livestream\"} 3",
            "understudy_operator_unread_objects{kind=\"VirtualParticipant\"} 1",
            "understudy_operator_sessions{state=\"down\"} 1",
            "understudy_operator_stalled_streams_total 1",
            "understudy_operator_refused_participants 1",
            "understudy_operator_leader 1",
            "understudy_operator_leader_term 7",
        ] {
            assert!(read.lines().any(|line| line == series), "{series} is not among\n{read}");
        }
    }
}
