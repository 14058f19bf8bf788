//! `/api/call`: calls, as the source system's pages make them. Errors are lines of text here.
//!
//! Where calls are switched off, there is `mode` alone.

mod events;
mod hub;
mod loopback;
mod media;
pub(super) mod page;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router, middleware};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;
use understudy_core::call::Id;
use understudy_core::media::Kind;
use understudy_hub::Hub;

use crate::access::{self, Guard, Policy, Role};
use crate::call::{Calls, NotBegun, Ongoing};
use crate::seats::{Seat, Seats};
use crate::{egress, rtc};

pub(super) use events::*;
pub(super) use hub::*;
pub(super) use loopback::*;
pub(super) use media::*;

/// A body is two names, or a description.
const MOST_BYTES: usize = 512 << 10;
/// Who plays a call, or hears of calls, at once: pages of a few people.
const SEATS: usize = 64;
const NO_SESSION: (StatusCode, &str) = (StatusCode::NOT_FOUND, "session not found");
const OFF: (StatusCode, &str) =
    (StatusCode::NOT_FOUND, "calls are switched off: UNDERSTUDY_CALLS=true switches them on");

/// What calls are shown and made with.
pub struct Site {
    pub calls: Calls,
    /// Where others leave word for this participant, and for each other.
    pub hub: Hub,
    pub transport: rtc::Handle,
    pub metrics: egress::Metrics,
}

/// Of all routes of calls.
#[derive(Clone)]
pub(super) struct Desk {
    site: Arc<Site>,
    seats: Seats,
    announced: watch::Sender<Vec<Value>>,
    /// Calls whose pages are ended with them.
    watched: Arc<Mutex<HashSet<Id>>>,
}

/// Whether this is answered for the first time.
type IsFirst = Arc<AtomicBool>;

/// Why a request had no effect.
pub(super) struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<(StatusCode, &'static str)> for Failure {
    fn from((status, text): (StatusCode, &'static str)) -> Self {
        Self(status, text.to_owned())
    }
}

/// All routes, each behind the role that it asks for; `site`: none where calls are switched off.
pub fn router(site: Option<Site>, policy: &watch::Receiver<Policy>) -> Router {
    let guarded = |router: Router, role| {
        let guard = Arc::new(Guard { policy: policy.clone(), role });
        router.layer(middleware::from_fn_with_state(guard, access::check))
    };
    let mode = Router::new().route("/api/call/mode", get(mode).fallback(not_allowed));
    let mode = guarded(mode.with_state((site.is_some(), IsFirst::new(true.into()))), Role::View);
    let Some(site) = site else {
        return mode.route("/api/call/{*rest}", any(async || OFF));
    };
    let (site, seats) = (Arc::new(site), Seats::new(SEATS));
    let desk = Desk { site, seats, announced: watch::Sender::default(), watched: Arc::default() };
    mode.merge(guarded(view(desk.clone()), Role::View)).merge(guarded(control(desk), Role::Control))
}

/// Who looks, and hears of what happens.
fn view(desk: Desk) -> Router {
    Router::new()
        .route("/api/call/active", get(active).fallback(not_allowed))
        .route("/api/call/debug", get(debug).fallback(not_allowed))
        .route("/api/call/events", get(events).fallback(not_allowed))
        .route("/api/call/session/{*rest}", get(session_events).fallback(not_allowed))
        .route("/api/call/media/{channel}", get(media).fallback(not_allowed))
        .route("/api/call/self/{channel}", get(own).fallback(not_allowed))
        .route("/api/call/video/{channel}", get(video).fallback(not_allowed))
        .route("/api/call/selfvideo/{channel}", get(own_video).fallback(not_allowed))
        .route("/api/call/loopback/{*rest}", post(loopback).get(candidates).fallback(not_allowed))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(desk)
}

/// Who makes, takes and ends them.
fn control(desk: Desk) -> Router {
    Router::new()
        .route("/api/call/start", post(start).fallback(not_allowed))
        .route("/api/call/accept", post(accept).fallback(not_allowed))
        .route("/api/call/hangup", post(hang_up).fallback(not_allowed))
        .route("/api/call/toggle-audio", post(toggle_audio).fallback(not_allowed))
        .route("/api/call/toggle-video", post(toggle_video).fallback(not_allowed))
        .route("/api/call/hub", get(join).fallback(not_allowed))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(desk)
}

async fn not_allowed() -> (StatusCode, &'static str) {
    (StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

impl Desk {
    fn find(&self, channel: &str) -> Result<Ongoing, Failure> {
        self.site.calls.find(channel).ok_or_else(|| NO_SESSION.into())
    }

    fn seat(&self) -> Result<Seat, Failure> {
        let full = || Failure(StatusCode::SERVICE_UNAVAILABLE, "as many look as there may be".to_owned());
        self.seats.take().ok_or_else(full)
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let document = &mut serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(document)
        .map_err(|error| Failure(StatusCode::BAD_REQUEST, format!("invalid json: {error}")))
}

/// With whom, and over what.
#[derive(Deserialize)]
struct Whom {
    #[serde(default)]
    channel_id: String,
    #[serde(default)]
    remote_peer: String,
}

impl Whom {
    fn read(body: &[u8]) -> Result<(String, String), Failure> {
        let Self { channel_id, remote_peer } = parse(body)?;
        if channel_id.is_empty() || remote_peer.is_empty() {
            return Err(Failure(StatusCode::BAD_REQUEST, "missing channel_id or remote_peer".to_owned()));
        }
        Ok((channel_id, remote_peer))
    }
}

/// Over what.
fn channel(body: &[u8]) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Which {
        #[serde(default)]
        channel_id: String,
    }
    let Which { channel_id } = parse(body)?;
    if channel_id.is_empty() {
        return Err(Failure(StatusCode::BAD_REQUEST, "missing channel_id".to_owned()));
    }
    Ok(channel_id)
}

fn not_begun(what: &str, why: &NotBegun) -> Failure {
    use understudy_core::call::Unfit;
    let status = match why {
        NotBegun::Unfit(Unfit::Oneself | Unfit::Name(_)) => StatusCode::BAD_REQUEST,
        NotBegun::Unfit(Unfit::Calling) => StatusCode::CONFLICT,
        NotBegun::Unfit(Unfit::Full) | NotBegun::Unsent(_) | NotBegun::Ended => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    Failure(status, format!("{what} call failed: {why}"))
}

/// Who makes calls here: this runtime (`native`), or the page itself (`browser`), where they are switched off.
#[utoipa::path(
    get, path = "/api/call/mode", tag = "calls",
    responses((status = 200, body = Object, description = "`mode`; `first` once, for whoever asks first; `platform`.")),
    security(("view" = [])),
)]
pub(super) async fn mode(State((is_on, is_first)): State<(bool, IsFirst)>) -> Json<Value> {
    let mode = if is_on { "native" } else { "browser" };
    let first = is_first.swap(false, Ordering::Relaxed);
    Json(json!({ "mode": mode, "platform": std::env::consts::OS, "first": first }))
}

/// Call a peer: `channel_id`, `remote_peer`. It is rung for 30 s.
///
/// Whether it is there, and answers, the events of the call tell. One that rings here on that channel is taken; a call with somebody
/// else on it is ended.
#[utoipa::path(
    post, path = "/api/call/start", tag = "calls",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "`{status: \"started\", channel_id}`."),
        (status = 400, content_type = "text/plain", body = String, description = "A field is missing or cannot be used."),
        (status = 500, content_type = "text/plain", body = String, description = "As many calls go on as there may be."),
    ),
    security(("control" = [])),
)]
pub(super) async fn start(State(desk): State<Desk>, body: axum::body::Bytes) -> Result<Json<Value>, Failure> {
    let (channel_id, peer) = Whom::read(&body)?;
    let begun = desk.site.calls.start(channel_id.clone(), peer).await;
    begun.map_err(|why| not_begun("start", &why))?;
    Ok(Json(json!({ "status": "started", "channel_id": channel_id })))
}

/// Take a peer's call: `channel_id`, `remote_peer`.
#[utoipa::path(
    post, path = "/api/call/accept", tag = "calls",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "`{status: \"accepted\", channel_id}`."),
        (status = 400, content_type = "text/plain", body = String, description = "A field is missing or cannot be used."),
        (status = 409, content_type = "text/plain", body = String, description = "This participant has called on that channel itself."),
        (status = 500, content_type = "text/plain", body = String, description = "Whoever called cannot be told; there is no call."),
    ),
    security(("control" = [])),
)]
pub(super) async fn accept(
    State(desk): State<Desk>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Failure> {
    let (channel_id, peer) = Whom::read(&body)?;
    let begun = desk.site.calls.accept(channel_id.clone(), peer).await;
    begun.map_err(|why| not_begun("accept", &why))?;
    Ok(Json(json!({ "status": "accepted", "channel_id": channel_id })))
}

/// End a call, or decline one that rings: `channel_id`. What is over is over: also the second time it is 200.
#[utoipa::path(
    post, path = "/api/call/hangup", tag = "calls",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "`{status: \"hung_up\"}`, or `not_found`."),
        (status = 400, content_type = "text/plain", body = String, description = "The field is missing."),
    ),
    security(("control" = [])),
)]
pub(super) async fn hang_up(
    State(desk): State<Desk>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Failure> {
    let found = desk.site.calls.hang_up(channel(&body)?).await.unwrap_or_default();
    Ok(Json(json!({ "status": if found { "hung_up" } else { "not_found" } })))
}

/// Mute what is said in a call, or not any more: `channel_id`. Others hear silence.
#[utoipa::path(
    post, path = "/api/call/toggle-audio", tag = "calls",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "`{muted}`: whether it is muted now."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
    ),
    security(("control" = [])),
)]
pub(super) async fn toggle_audio(
    State(desk): State<Desk>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Failure> {
    let on = toggle(&desk, &body, Kind::Audio).await?;
    Ok(Json(json!({ "muted": !on })))
}

/// Cover the camera in a call, or not any more: `channel_id`. Others see black.
#[utoipa::path(
    post, path = "/api/call/toggle-video", tag = "calls",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "`{disabled}`: whether it is covered now."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call."),
    ),
    security(("control" = [])),
)]
pub(super) async fn toggle_video(
    State(desk): State<Desk>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Failure> {
    let on = toggle(&desk, &body, Kind::Video).await?;
    Ok(Json(json!({ "disabled": !on })))
}

async fn toggle(desk: &Desk, body: &[u8], kind: Kind) -> Result<bool, Failure> {
    let toggled = desk.site.calls.toggle(channel(body)?, kind).await;
    toggled.ok().flatten().ok_or_else(|| NO_SESSION.into())
}

/// Calls that go on.
#[utoipa::path(
    get, path = "/api/call/active", tag = "calls",
    responses((status = 200, body = Object, description = "An array of `{channel_id, remote_peer, is_origin, pc_state, audio_on, video_on, hung}`.")),
    security(("view" = [])),
)]
pub(super) async fn active(State(desk): State<Desk>) -> Json<Value> {
    let table = desk.site.calls.table();
    let sessions: Vec<Value> = table.borrow().ongoing.values().map(told).collect();
    Json(json!(sessions))
}

/// The same, and how many.
#[utoipa::path(
    get, path = "/api/call/debug", tag = "calls", responses((status = 200, body = Object)), security(("view" = [])),
)]
pub(super) async fn debug(State(desk): State<Desk>) -> Json<Value> {
    let Json(sessions) = active(State(desk)).await;
    let session_count = sessions.as_array().map_or(0, Vec::len);
    Json(json!({ "session_count": session_count, "sessions": sessions }))
}

fn told(call: &Ongoing) -> Value {
    let standing = call.standing.borrow();
    json!({
        "channel_id": call.channel, "remote_peer": call.peer, "is_origin": standing.is_origin,
        "phase": standing.phase.word(), "pc_state": standing.media.word(),
        "audio_on": standing.audio_on, "video_on": standing.video_on, "hung": standing.end.is_some(),
    })
}
