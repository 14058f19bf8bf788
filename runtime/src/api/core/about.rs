//! What this is: for clients that ask before anything else.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::Door;
use super::login;

/// The version of the API, whose major number clients look at: it is that of the source system's API that is spoken here.
const API: &str = "16.16.0";

#[derive(Clone)]
pub(in crate::api) struct Itself {
    pub(super) door: std::sync::Arc<Door>,
    id: Uuid,
    created_at: Timestamp,
    since: Instant,
}

/// What this is.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct About {
    app: &'static str,
    /// How to log in; empty: nobody has to.
    auths: Vec<&'static str>,
    version: Version,
    /// What only those are told who may look.
    #[serde(flatten)]
    more: Option<More>,
}

/// Of the API.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Version {
    number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'static str>,
}

/// Of this run.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct More {
    name: &'static str,
    id: String,
    created_at: String,
    uptime_seconds: u64,
}

impl Itself {
    pub(super) fn new(door: std::sync::Arc<Door>) -> Self {
        Self { door, id: Uuid::new_v4(), created_at: Timestamp::now(), since: Instant::now() }
    }
}

pub(super) fn router(itself: Itself) -> Router {
    Router::new()
        .route("/api", get(about))
        .route("/api/", get(about))
        .route("/ping", get(ping))
        .with_state(itself)
}

/// See what this is.
///
/// Whoever may not look is told no more than how to log in.
#[utoipa::path(get, path = "/api", tag = "processes", responses((status = 200, body = About)))]
pub(in crate::api) async fn about(State(itself): State<Itself>, request: Request) -> Json<About> {
    let may_look = itself.door.judge(&request).is_ok();
    let auths = if itself.door.desk.is_some() { vec![login::WAY] } else { Vec::new() };
    let more = || More {
        name: "understudy",
        id: itself.id.to_string(),
        created_at: itself.created_at.to_string(),
        uptime_seconds: itself.since.elapsed().as_secs(),
    };
    let major = API.split('.').next().unwrap_or(API);
    let version = Version {
        number: if may_look { API.to_owned() } else { major.to_owned() },
        arch: may_look.then_some(std::env::consts::ARCH),
    };
    Json(About { app: "understudy", auths, version, more: may_look.then(more) })
}

/// See whether this answers.
#[utoipa::path(get, path = "/ping", tag = "processes", responses((status = 200, body = String, description = "pong")))]
pub(in crate::api) async fn ping() -> &'static str {
    "pong"
}
