//! The same for processes: `/api/v3/process/{id}/whep`, whose refusals are in the words of the API around it.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::json;

use super::error::Refusal;
use super::{IceServers, Whep, not_allowed, options};
use crate::program::Registry;
use crate::rtc::Handle;
use crate::signalling::Refused;

/// What whoever asks for a process that there is not, or that shows nothing, is told.
const NO_STREAM: &str = "stream not found";

/// `POST /api/v3/process/{id}/whep`, and `PATCH` and `DELETE` of what it tells as `Location`. `programs`: of processes alone, each
/// by its [`process_name`].
pub fn process_router(driver: Handle, programs: Registry, ice_servers: IceServers) -> Router {
    let endpoint = || post(watch_process).get(describe).options(options).fallback(not_allowed);
    let session =
        delete(leave_process).patch(patch_process).get(describe).options(options).fallback(not_allowed);
    Router::new()
        .route("/api/v3/process/{id}/whep", endpoint())
        .route("/api/v3/process/{id}/whep/", endpoint())
        .route("/api/v3/process/{id}/whep/{session}", session)
        .layer(map_response(in_its_words))
        .with_state(Whep::new(driver, programs, ice_servers))
}

/// Under which the program of a process is found: no livestream is called so.
pub fn process_name(id: &str) -> String {
    format!("process/{id}")
}

/// Watch a process over WHEP, if its config says `webrtc.enabled`.
#[utoipa::path(
    post, path = "/api/v3/process/{id}/whep", tag = "processes",
    params(("id" = String, Path, description = "Of the process.")),
    request_body(content = String, content_type = "application/sdp"),
    responses(
        (status = 201, content_type = "application/sdp", body = String, description = "The answer; Location is where to leave."),
        (status = 400, body = Object, description = "The body is no SDP."),
        (status = 404, body = Object, description = "There is no such process, or none that can be watched: `stream not found`."),
        (status = 408, body = Object, description = "The offer did not come whole within 30 s."),
        (status = 406, body = Object, description = "There is no codec that both sides know; or, to an empty body, an offer (application/sdp), whose answer Location takes by PATCH."),
        (status = 409, body = Object, description = "There is nothing to show yet; Retry-After says when to ask again."),
        (status = 413, body = Object, description = "The offer is too long."),
        (status = 415, body = Object, description = "The body is not application/sdp."),
        (status = 422, body = Object, description = "The offer cannot be answered; the details say why."),
        (status = 500, body = Object, description = "The answer would break a rule, which the details name."),
        (status = 503, body = Object, description = "There are as many viewers as there may be, or no tokens yet."),
    ),
    security(("view" = [])),
)]
pub async fn watch_process(
    State(whep): State<Whep>,
    uri: Uri,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    whep.watch(uri, process_name(&id), headers, body).await
}

/// The same as of any other session: candidates, new credentials, or an answer.
#[utoipa::path(
    patch, path = "/api/v3/process/{id}/whep/{session}", tag = "processes",
    params(("id" = String, Path), ("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses(
        (status = 200, content_type = "application/trickle-ice-sdpfrag", body = String, description = "ICE is restarted: our new credentials; the ETag is another."),
        (status = 204, description = "Candidates, or an answer, were taken."),
        (status = 400, body = Object, description = "The fragment cannot be read."),
        (status = 404, body = Object, description = "There is no such session; it may have ended."),
        (status = 412, body = Object, description = "If-Match names another ICE session than the ETag."),
        (status = 415, body = Object, description = "The body is neither application/trickle-ice-sdpfrag nor application/sdp."),
        (status = 422, body = Object, description = "ICE cannot be restarted so, or the answer cannot be used; the details say why."),
        (status = 428, body = Object, description = "A restart needs If-Match."),
    ),
    security(("view" = [])),
)]
pub async fn patch_process(
    whep: State<Whep>,
    place: Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    super::patch(whep, place, headers, body).await
}

/// Stop watching. Whoever asks for a session's end has it, whether or not there was one.
#[utoipa::path(
    delete, path = "/api/v3/process/{id}/whep/{session}", tag = "processes",
    params(("id" = String, Path), ("session" = String, Path)),
    responses((status = 204, description = "It has ended.")),
    security(("view" = [])),
)]
pub async fn leave_process(State(whep): State<Whep>, place: Path<(String, String)>) -> StatusCode {
    whep.leave(&place.1).await;
    StatusCode::NO_CONTENT
}

async fn describe(State(whep): State<Whep>, place: Path<Vec<String>>) -> Result<Response, Refusal> {
    let id = place.first().map_or("", String::as_str);
    whep.describe(&process_name(id), place.get(1)).await
}

/// A refusal with the members of both dialects: `error` is read by players, the others by clients of the API.
async fn in_its_words(mut response: Response) -> Response {
    let Some(Refused { text, is_unknown }) = response.extensions_mut().remove::<Refused>() else {
        return response;
    };
    let status = response.status();
    let text = if is_unknown { NO_STREAM.to_owned() } else { text };
    let message = status.canonical_reason().unwrap_or_default();
    let body = json!({"code": status.as_u16(), "message": message, "details": [text], "error": text});
    let (mut head, _) = response.into_parts();
    let told = Json(body).into_response();
    head.headers.remove(axum::http::header::CONTENT_LENGTH);
    Response::from_parts(head, told.into_body())
}
