//! `/api/v3/process`: processes are made, looked at, commanded and deleted.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use understudy_core::process::config::{Config, Invalid};
use understudy_core::process::log::Log;
use understudy_core::process::machine::Command;
use understudy_core::process::pattern::{Pattern, Unreadable};
use utoipa::ToSchema;

use super::body::{Body, invalid};
use super::failure::Failure;
use super::told::{self, Parts, Process};
use crate::access::Role;
use crate::process::{Error, Listed, Probe, Processes};

/// What looks at processes.
pub(super) fn view(processes: Processes) -> Router {
    Router::new()
        .route("/process", get(list))
        .route("/process/{id}", get(one))
        .route("/process/{id}/state", get(state))
        .route("/process/{id}/report", get(report))
        .with_state(processes)
}

/// What shows what may hold credentials.
pub(super) fn inspect(processes: Processes) -> Router {
    Router::new().route("/process/{id}/config", get(config)).with_state(processes)
}

/// What changes them, or has their inputs opened.
pub(super) fn control(processes: Processes) -> Router {
    Router::new()
        .route("/process", axum::routing::post(add))
        .route("/process/{id}", put(update).delete(delete))
        .route("/process/{id}/command", put(command))
        .route("/process/{id}/probe", get(probe))
        .with_state(processes)
}

/// Which processes are listed, and what of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::api) struct Selection {
    /// Parts with commas between: config, state, report, metadata. Default: all.
    filter: String,
    /// Only those that have this reference.
    reference: String,
    /// Only these ids, with commas between; it does not count beside a reference.
    id: String,
    /// A glob that ids match.
    idpattern: String,
    /// A glob that references match.
    refpattern: String,
}

impl Selection {
    /// Whether a config is listed.
    fn chooser(&self) -> Result<impl Fn(&Config) -> bool, Unreadable> {
        let pattern = |glob: &str| (!glob.is_empty()).then(|| Pattern::new(glob)).transpose();
        let (ids, references) = (pattern(&self.idpattern)?, pattern(&self.refpattern)?);
        let takes =
            |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|one| one.takes(text));
        Ok(move |config: &Config| {
            self.names(config) && takes(&ids, &config.id) && takes(&references, &config.reference)
        })
    }

    fn names(&self, config: &Config) -> bool {
        let wanted: Vec<&str> = self.id.split(',').filter(|id| !id.is_empty()).collect();
        let by_id = wanted.is_empty() || !self.reference.is_empty() || wanted.contains(&config.id.as_str());
        let by_reference = self.reference.is_empty() || self.reference == config.reference;
        by_id && by_reference
    }

    /// Configs and metadata may hold credentials.
    fn parts(&self, role: Role) -> Parts {
        let asked = Parts::of(&self.filter);
        let may = role >= Role::Control;
        Parts { config: asked.config && may, metadata: asked.metadata && may, ..asked }
    }
}

/// List processes.
#[utoipa::path(
    get, path = "/api/v3/process", tag = "processes",
    params(
        ("filter" = Option<String>, Query, description = "Parts with commas between: config, state, report, metadata. Default: all."),
        ("reference" = Option<String>, Query, description = "Only those that have this reference."),
        ("id" = Option<String>, Query, description = "Only these ids, with commas between; it does not count beside a reference."),
        ("idpattern" = Option<String>, Query, description = "A glob that ids match."),
        ("refpattern" = Option<String>, Query, description = "A glob that references match."),
    ),
    responses((status = 200, body = [Process]), (status = 400, body = Failure, description = "A pattern cannot be read.")),
    security(("view" = [])),
)]
pub(in crate::api) async fn list(
    State(processes): State<Processes>,
    Extension(role): Extension<Role>,
    Query(selection): Query<Selection>,
) -> Result<Json<Vec<Process>>, Failure> {
    let (parts, listed) = (selection.parts(role), processes.list());
    let bad = |error: Unreadable| Failure::new(StatusCode::BAD_REQUEST, "Invalid pattern", error);
    let is_chosen = selection.chooser().map_err(bad)?;
    let chosen = listed.iter().filter(|listed| is_chosen(&listed.config));
    Ok(Json(chosen.map(|listed| Process::new(listed, parts)).collect()))
}

/// Look at a process.
#[utoipa::path(
    get, path = "/api/v3/process/{id}", tag = "processes",
    params(("id" = String, Path), ("filter" = Option<String>, Query, description = "Parts with commas between: config, state, report, metadata.")),
    responses((status = 200, body = Process), (status = 404, body = Failure)), security(("view" = [])),
)]
pub(in crate::api) async fn one(
    State(processes): State<Processes>,
    Extension(role): Extension<Role>,
    Path(id): Path<String>,
    Query(selection): Query<Selection>,
) -> Result<Json<Process>, Failure> {
    Ok(Json(Process::new(&found(&processes, &id)?, selection.parts(role))))
}

/// See what a process is to do, and does.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/state", tag = "processes", params(("id" = String, Path)),
    responses((status = 200, body = told::State), (status = 404, body = Failure)), security(("view" = [])),
)]
pub(in crate::api) async fn state(
    State(processes): State<Processes>,
    Path(id): Path<String>,
) -> Result<Json<told::State>, Failure> {
    Ok(Json(told::State::new(&found(&processes, &id)?)))
}

/// See what a process said.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/report", tag = "processes", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Failure)), security(("view" = [])),
)]
pub(in crate::api) async fn report(
    State(processes): State<Processes>,
    Path(id): Path<String>,
) -> Result<Json<Log>, Failure> {
    Ok(Json(found(&processes, &id)?.view.log))
}

/// See a process's config as it is stored.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/config", tag = "processes", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Failure)), security(("control" = [])),
)]
pub(in crate::api) async fn config(
    State(processes): State<Processes>,
    Path(id): Path<String>,
) -> Result<Json<Config>, Failure> {
    Ok(Json(found(&processes, &id)?.config))
}

/// See what a process's inputs are.
///
/// ffmpeg opens them in a run of its own, for at most 20 s; the log says what went wrong.
#[utoipa::path(
    get, path = "/api/v3/process/{id}/probe", tag = "processes", params(("id" = String, Path)),
    responses((status = 200, body = Object)), security(("control" = [])),
)]
pub(in crate::api) async fn probe(State(processes): State<Processes>, Path(id): Path<String>) -> Json<Probe> {
    let probe = processes.probe(&id).await;
    // Clients read what is wrong from the log, as the source system has it.
    Json(probe.unwrap_or_else(|error| Probe { streams: Vec::new(), log: vec![error.to_string()] }))
}

/// Make a process.
#[utoipa::path(
    post, path = "/api/v3/process", tag = "processes", request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "Its config as it is stored."),
        (status = 400, body = Failure, description = "The config cannot be used; the details name the field, or the limit."),
        (status = 413, body = Failure, description = "The body is too large."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn add(
    State(processes): State<Processes>,
    Body(body): Body,
) -> Result<Json<Config>, Failure> {
    processes.add(&body).await.map(Json).map_err(|error| refused(&error, "Invalid process config"))
}

/// Change a process.
///
/// What the body does not say stays as it was; another id renames it. What runs is begun anew if it has to be.
#[utoipa::path(
    put, path = "/api/v3/process/{id}", tag = "processes", params(("id" = String, Path)),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "Its config as it is stored."),
        (status = 400, body = Failure, description = "The config cannot be used, and the process goes on as it was."),
        (status = 404, body = Failure),
        (status = 413, body = Failure, description = "The body is too large."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn update(
    State(processes): State<Processes>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<Config>, Failure> {
    let updated = processes.update(&id, &body).await;
    updated.map(Json).map_err(|error| match error {
        Error::Unknown(id) => Failure::new(StatusCode::NOT_FOUND, "Process not found", id),
        error => refused(&error, "Process can't be updated"),
    })
}

/// Stop a process and forget it.
#[utoipa::path(
    delete, path = "/api/v3/process/{id}", tag = "processes", params(("id" = String, Path)),
    responses(
        (status = 200, body = String, description = "OK"),
        (status = 403, body = Failure, description = "It is the session's own."),
        (status = 404, body = Failure),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn delete(
    State(processes): State<Processes>,
    Path(id): Path<String>,
) -> Result<Json<&'static str>, Failure> {
    let deleted = processes.delete(&id).await;
    deleted.map(|()| Json("OK")).map_err(|error| match error {
        Error::Unknown(id) => Failure::unknown_process(&id),
        Error::Owned(_) => Failure::new(StatusCode::FORBIDDEN, "Process can't be deleted", error),
        error => Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "Process can't be deleted", error),
    })
}

/// What a process is to do.
#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct Commanded {
    /// `start`, `stop`, `restart` or `reload`.
    command: String,
}

/// Start, stop, restart or reload a process.
#[utoipa::path(
    put, path = "/api/v3/process/{id}/command", tag = "processes", params(("id" = String, Path)), request_body = Commanded,
    responses(
        (status = 200, body = String, description = "OK; a stop is answered once it has ended."),
        (status = 400, body = Failure, description = "There is no such command or no such process, or as many run as may."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
    ),
    security(("control" = [])),
)]
pub(in crate::api) async fn command(
    State(processes): State<Processes>,
    Path(id): Path<String>,
    Body(body): Body,
) -> Result<Json<&'static str>, Failure> {
    let Commanded { command } = serde_json::from_value(body).map_err(invalid)?;
    let bad = |message, why: &dyn std::fmt::Display| Failure::new(StatusCode::BAD_REQUEST, message, why);
    let known = "Known commands are: start, stop, reload, restart";
    let command = Command::of(&command).ok_or_else(|| bad("Unknown command provided", &known))?;
    let done = processes.command(&id, command).await;
    done.map(|()| Json("OK")).map_err(|error| bad("Command failed", &error))
}

fn found(processes: &Processes, id: &str) -> Result<Listed, Failure> {
    processes.get(id).ok_or_else(|| Failure::unknown_process(id))
}

fn refused(error: &Error, otherwise: &str) -> Failure {
    let bad =
        |message: &str, why: &dyn std::fmt::Display| Failure::new(StatusCode::BAD_REQUEST, message, why);
    match error {
        Error::Invalid(Invalid::UnsupportedType(_)) => {
            bad("Unsupported process type", &"Supported process types are: ffmpeg")
        }
        Error::Invalid(why @ Invalid::NothingToDo(_)) => {
            bad("At least one input and one output need to be defined", why)
        }
        Error::Invalid(why @ Invalid::Shape { .. }) => invalid(why),
        Error::Ended | Error::Late => Failure::new(StatusCode::SERVICE_UNAVAILABLE, otherwise, error),
        error => bad(otherwise, error),
    }
}
