//! Probes and metrics, on a port of their own.
//!
//! `/livez` fails only if a restart is better than what runs: a machine that has no time for anybody delays everything,
//! and a restart would end media that still flows. `/readyz` says that the session was told what it is to be, which it
//! stays.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::{gst, session};

/// A session's task that has taken no message for so long is stuck. What it waits for itself is over within a third.
const STUCK: Duration = Duration::from_secs(60);
/// How often it is asked.
const BEAT: Duration = Duration::from_secs(5);
/// Whoever asks for `/livez` waits longer.
const HEARD_WITHIN: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Surface {
    session: session::Handle,
    /// When the session last took a message; closed when it has ended.
    taken: watch::Receiver<Instant>,
    registry: Arc<Registry>,
    /// How many calls of the media library do not end.
    stuck_calls: fn() -> i64,
}

pub fn router(session: session::Handle, registry: Registry) -> Router {
    Router::new()
        .route("/livez", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(surface(session, registry))
}

fn surface(session: session::Handle, registry: Registry) -> Surface {
    let (take, taken) = watch::channel(Instant::now());
    tokio::spawn(beat(session.clone(), take));
    Surface { session, taken, registry: Arc::new(registry), stuck_calls: gst::stuck }
}

/// Notes when the session takes messages, until it has ended.
async fn beat(session: session::Handle, take: watch::Sender<Instant>) {
    while session.ping().await.is_ok() {
        take.send_replace(Instant::now());
        tokio::time::sleep(BEAT).await;
    }
}

async fn alive(State(surface): State<Surface>) -> Response {
    let stuck = surface.taken.borrow().elapsed() >= STUCK;
    // After the whole process stood still this may be the first to go on: the session is heard before it is judged.
    let answers =
        async || matches!(tokio::time::timeout(HEARD_WITHIN, surface.session.ping()).await, Ok(Ok(())));
    let unwell = if surface.has_ended() || (stuck && !answers().await) {
        "the session does not answer\n"
    } else if (surface.stuck_calls)() >= gst::MOST_STUCK {
        "too many calls of the media library do not end\n"
    } else {
        return "ok\n".into_response();
    };
    (StatusCode::SERVICE_UNAVAILABLE, unwell).into_response()
}

async fn ready(State(surface): State<Surface>) -> Response {
    let told = surface.session.report().borrow().observed_generation > 0;
    match told && !surface.has_ended() {
        true => "ok\n".into_response(),
        false => {
            (StatusCode::SERVICE_UNAVAILABLE, "the session was not told what it is to be\n").into_response()
        }
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

impl Surface {
    fn has_ended(&self) -> bool {
        self.taken.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests;
