//! `/api/streamers`: what many watch and steer together. Errors are `{"error": …}` here, as the source system's clients know them.

mod body;
mod older;
mod socket;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::access::{self, Guard, Policy, Role};
use crate::streamer::{Refused, Streamers};
use body::{Wait, Whole};

pub(super) use older::*;
pub(super) use socket::*;

/// A body is a handful of numbers.
const MOST_BYTES: usize = 64 << 10;

/// Why a request had no effect.
pub(super) struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        use understudy_core::streamer::order::Refusal;
        let status = match &refused {
            Refused::Unknown | Refused::Order(Refusal::Host) => StatusCode::NOT_FOUND,
            Refused::Exists => StatusCode::CONFLICT,
            Refused::Order(Refusal::Invalid(_)) => StatusCode::BAD_REQUEST,
            // So the source system says what is wrong with an app.
            Refused::Order(Refusal::App { .. }) | Refused::NotShown(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Refused::Full | Refused::Crowded(_) | Refused::Ended => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self(status, refused.to_string())
    }
}

/// All routes, each behind the role that it asks for.
pub fn router(streamers: Streamers, policy: &watch::Receiver<Policy>) -> Router {
    let guarded = |router: Router, role| {
        let guard = Arc::new(Guard { policy: policy.clone(), role });
        router.layer(middleware::from_fn_with_state(guard, access::check))
    };
    guarded(view(streamers.clone()), Role::View)
        .merge(guarded(control(streamers.clone()), Role::Control))
        .merge(guarded(admin(streamers.clone()), Role::Admin))
        .merge(older(streamers, policy.clone()))
}

/// Who looks.
fn view(streamers: Streamers) -> Router {
    Router::new()
        .route("/api/streamers", get(list))
        .route("/api/streamers/{id}", get(one))
        .route("/api/streamers/{id}/peer", get(peer))
        .route("/api/sessions", get(sessions))
        .route("/api/apps", get(apps))
        .with_state(streamers)
}

/// Who makes and ends them.
fn control(streamers: Streamers) -> Router {
    Router::new()
        .route("/api/streamers", post(create))
        .route("/api/streamers/{id}", axum::routing::delete(delete))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(streamers)
}

/// Who keeps an eye on all of it.
fn admin(streamers: Streamers) -> Router {
    Router::new().route("/api/admin/status", get(admin_status)).with_state(streamers)
}

/// The socket whose first message says who it is: no token is asked for before.
fn older(streamers: Streamers, policy: watch::Receiver<Policy>) -> Router {
    Router::new().route("/api/host/stream", get(stream)).with_state((streamers, policy))
}

/// Have a streamer: the session's display, to be watched and steered by many.
///
/// It is there before anybody watches, and stays when nobody does, until it is deleted or nobody has watched it for
/// `idle_timeout_seconds`. All fields are needed but `streamer_id`, of which one is made, and `idle_timeout_seconds`, without which
/// it stays. `host_id` 0 is this runtime, `app_id` 0 its own display, and others are what `GET /api/apps` says; what is asked for of
/// picture and sound is a wish, since all who watch a display are shown what is encoded once.
#[utoipa::path(
    post, path = "/api/streamers", tag = "streamers",
    params(("wait" = Option<u32>, Query, description = "Answer once there is something to be seen, or it is known that there is nothing, or after so many seconds, at most 60.")),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "How it stands: `starting`, `active` or `failed`, with a `reason`."),
        (status = 400, body = Object, description = "A field cannot be used; it is named."),
        (status = 404, body = Object, description = "There is no such host."),
        (status = 409, body = Object, description = "There is one of this id."),
        (status = 500, body = Object, description = "There is no such app."),
        (status = 503, body = Object, description = "There are as many as there may be."),
    ),
    security(("control" = [])),
)]
pub(super) async fn create(
    State(streamers): State<Streamers>,
    wait: Wait,
    Whole(order): Whole,
) -> Result<Json<Value>, Failure> {
    let begun = streamers.create(order).await?;
    let told = match wait {
        Wait(None) => begun,
        Wait(Some(patience)) => streamers.settled(&begun.streamer_id, patience).await?,
    };
    Ok(Json(json!(told)))
}

/// All streamers.
#[utoipa::path(
    get, path = "/api/streamers", tag = "streamers", responses((status = 200, body = Object)), security(("view" = [])),
)]
pub(super) async fn list(State(streamers): State<Streamers>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "streamers": streamers.list().await? })))
}

/// What a streamer can show: the session's own display, which is app 0, and the pages that its document names.
#[utoipa::path(
    get, path = "/api/apps", tag = "streamers", responses((status = 200, body = Object)), security(("view" = [])),
)]
pub(super) async fn apps(State(streamers): State<Streamers>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "apps": streamers.apps().await? })))
}

/// One streamer, with who watches it.
#[utoipa::path(
    get, path = "/api/streamers/{id}", tag = "streamers", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Object, description = "There is none of this id.")),
    security(("view" = [])),
)]
pub(super) async fn one(
    State(streamers): State<Streamers>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Failure> {
    Ok(Json(json!(streamers.one(&id).await?)))
}

/// End a streamer. Whoever watches it is told so.
#[utoipa::path(
    delete, path = "/api/streamers/{id}", tag = "streamers", params(("id" = String, Path)),
    responses((status = 204, description = "It has ended."), (status = 404, body = Object, description = "There is none of this id.")),
    security(("control" = [])),
)]
pub(super) async fn delete(
    State(streamers): State<Streamers>,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    streamers.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sessions that were begun over the older socket.
#[utoipa::path(
    get, path = "/api/sessions", tag = "streamers", responses((status = 200, body = Object)), security(("view" = [])),
)]
pub(super) async fn sessions(State(streamers): State<Streamers>) -> Result<Json<Value>, Failure> {
    Ok(Json(json!({ "sessions": streamers.sessions().await? })))
}

/// Sessions and their clients, in numbers and by name.
///
/// No session has a process of its own here: each says that of the runtime.
#[utoipa::path(
    get, path = "/api/admin/status", tag = "streamers", responses((status = 200, body = Object)), security(("admin" = [])),
)]
pub(super) async fn admin_status(State(streamers): State<Streamers>) -> Result<Json<Value>, Failure> {
    let (sessions, all) = (streamers.sessions().await?, streamers.list().await?);
    let clients: std::collections::BTreeSet<_> =
        sessions.iter().filter_map(|session| session.client_unique_id.clone()).collect();
    let active: usize = all.iter().map(|streamer| streamer.connected_peers).sum();
    let pid = std::process::id();
    let with_process = |session| {
        let mut told = json!(session);
        told["streamer_pid"] = pid.into();
        told["streamer_alive"] = true.into();
        told
    };
    let (total_clients, total_sessions) = (clients.len(), sessions.len());
    let clients: Vec<_> = clients.into_iter().map(|client| json!({ "client_unique_id": client })).collect();
    let sessions: Vec<_> = sessions.into_iter().map(with_process).collect();
    Ok(Json(json!({
        "total_clients": total_clients, "total_sessions": total_sessions, "active_websockets": active,
        "clients": clients, "sessions": sessions,
    })))
}
