//! Metadata: whatever JSON clients like to keep, of a process or of none.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde_json::Value;

use super::body::Body;
use super::failure::Failure;
use crate::process::{Error, Processes};

/// What shows it: clients keep in it what they like, credentials too.
pub(super) fn inspect(processes: Processes) -> Router {
    Router::new()
        .route("/process/{id}/metadata", get(all_of))
        .route("/process/{id}/metadata/", get(all_of))
        .route("/process/{id}/metadata/{*key}", get(one_of))
        .route("/metadata", get(all))
        .route("/metadata/", get(all))
        .route("/metadata/{*key}", get(one))
        .with_state(processes)
}

/// What changes it.
pub(super) fn control(processes: Processes) -> Router {
    Router::new()
        .route("/process/{id}/metadata/", put(no_key))
        .route("/process/{id}/metadata/{*key}", put(keep_of))
        .route("/metadata/", put(no_key))
        .route("/metadata/{*key}", put(keep))
        .with_state(processes)
}

type Told = Result<Json<Value>, Failure>;

/// All metadata of a process.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/metadata", tag = "processes", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Failure)), security(("control" = [])),
)]
pub(in crate::api) async fn all_of(State(processes): State<Processes>, Path(id): Path<String>) -> Told {
    read(&processes, Some(&id), None)
}

/// A piece of metadata of a process.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/metadata/{key}", tag = "processes",
    params(("id" = String, Path), ("key" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Failure)), security(("control" = [])),
)]
pub(in crate::api) async fn one_of(
    State(processes): State<Processes>,
    Path((id, key)): Path<(String, String)>,
) -> Told {
    read(&processes, Some(&id), Some(&key))
}

/// Keep a piece of metadata of a process; `null` drops it.
#[utoipa::path(
    put, path = "/api/v3/process/{id}/metadata/{key}", tag = "processes",
    params(("id" = String, Path), ("key" = String, Path)),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object),
        (status = 400, body = Failure, description = "The body is no JSON, or there is too much."),
        (status = 404, body = Failure),
        (status = 413, body = Failure, description = "The body is too large."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn keep_of(
    State(processes): State<Processes>,
    Path((id, key)): Path<(String, String)>,
    Body(value): Body,
) -> Told {
    write(&processes, Some(&id), &key, value)
}

/// All metadata that is of no process.
#[utoipa::path(
    get, path = "/api/v3/metadata", tag = "processes",
    responses((status = 200, body = Object)), security(("control" = [])),
)]
pub(in crate::api) async fn all(State(processes): State<Processes>) -> Told {
    read(&processes, None, None)
}

/// A piece of metadata that is of no process.
#[utoipa::path(
    get, path = "/api/v3/metadata/{key}", tag = "processes", params(("key" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Failure)), security(("control" = [])),
)]
pub(in crate::api) async fn one(State(processes): State<Processes>, Path(key): Path<String>) -> Told {
    read(&processes, None, Some(&key))
}

/// Keep a piece of metadata that is of no process; `null` drops it.
#[utoipa::path(
    put, path = "/api/v3/metadata/{key}", tag = "processes", params(("key" = String, Path)),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object),
        (status = 400, body = Failure, description = "The body is no JSON, or there is too much."),
        (status = 413, body = Failure, description = "The body is too large."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn keep(
    State(processes): State<Processes>,
    Path(key): Path<String>,
    Body(value): Body,
) -> Told {
    write(&processes, None, &key, value)
}

async fn no_key() -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "Invalid key", "The key must not be of length 0")
}

fn read(processes: &Processes, id: Option<&str>, key: Option<&str>) -> Told {
    let found = processes.metadata(id, key).map_err(|error| refused(&error, id))?;
    let unknown = || Failure::new(StatusCode::NOT_FOUND, unknown(id), "unknown key");
    found.map(Json).ok_or_else(unknown)
}

fn write(processes: &Processes, id: Option<&str>, key: &str, value: Value) -> Told {
    processes.set_metadata(id, key, &value).map_err(|error| refused(&error, id))?;
    Ok(Json(value))
}

fn refused(error: &Error, id: Option<&str>) -> Failure {
    match error {
        Error::Unknown(_) => Failure::new(StatusCode::NOT_FOUND, unknown(id), error),
        error => Failure::new(StatusCode::BAD_REQUEST, "Invalid metadata", error),
    }
}

/// In the source system's words.
const fn unknown(id: Option<&str>) -> &'static str {
    if id.is_some() { "Unknown process ID" } else { "Metadata not found" }
}
