//! The other side of a call over WebRTC, for pages that have that: this server answers, and is where it says from the beginning.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use understudy_core::call::message::Candidate;

use super::events::{connected, event, kept};
use super::{Desk, Failure, parse};
use crate::broadcast::Renditions;
use crate::call::{Ongoing, Remote};
use crate::program::Program;
use crate::rtc::OfferError;
use crate::signalling;

#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    sdp: String,
}

/// Play the other side of a call over WebRTC: `offer` with `{sdp}` is answered in the same form; `ice` with a candidate is taken note
/// of.
#[utoipa::path(
    post, path = "/api/call/loopback/{channel}/{action}", tag = "calls",
    params(("channel" = String, Path), ("action" = String, Path, description = "`offer` or `ice`.")),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = Object, description = "The answer, with all candidates; or `{status: \"ok\"}`."),
        (status = 400, content_type = "text/plain", body = String, description = "The path or the body cannot be used."),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call, or no such action."),
        (status = 409, content_type = "text/plain", body = String, description = "The other side has not answered yet."),
        (status = 422, content_type = "text/plain", body = String, description = "The offer cannot be answered; why is said."),
        (status = 503, content_type = "text/plain", body = String, description = "As many watch as there may be."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn loopback(
    State(desk): State<Desk>,
    Path(rest): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Failure> {
    let (channel, action) = place(&rest)?;
    match action {
        "offer" => {
            let call = desk.find(channel)?;
            let Description { sdp } = parse(&body)?;
            Ok(Json(json!({ "sdp": answer(&desk, &call, &sdp).await? })))
        }
        "ice" => {
            desk.find(channel)?;
            // It is the page that looks for the way: what is said here is where it is found.
            let _: Candidate = parse(&body)?;
            Ok(Json(json!({ "status": "ok" })))
        }
        _ => Err(unknown()),
    }
}

/// Where this server is reached, as server-sent events: `event: candidate`. The answer says the same.
#[utoipa::path(
    get, path = "/api/call/loopback/{channel}/{action}", tag = "calls",
    params(("channel" = String, Path), ("action" = String, Path, description = "`ice`.")),
    responses(
        (status = 200, content_type = "text/event-stream", body = String),
        (status = 404, content_type = "text/plain", body = String, description = "There is no such call, or no such action."),
    ),
    security(("view" = [])),
)]
pub(in crate::api) async fn candidates(
    State(desk): State<Desk>,
    Path(rest): Path<String>,
) -> Result<Response, Failure> {
    let (channel, action) = place(&rest)?;
    if action != "ice" {
        return Err(unknown());
    }
    let call = desk.find(channel)?;
    let mut announced = desk.announced.subscribe();
    let told = async move {
        let known = announced.wait_for(|known| !known.is_empty()).await;
        known.map(|known| known.clone()).unwrap_or_default()
    };
    let events =
        stream::once(told).flat_map(stream::iter).map(|candidate| Ok(event("candidate", &candidate)));
    let events = stream::once(async { Ok(connected()) }).chain(events).chain(stream::pending());
    let over = Box::pin(async move { drop(call.over().await) });
    Ok(kept(events.boxed().take_until(over)).into_response())
}

/// The channel and what is to be done.
fn place(rest: &str) -> Result<(&str, &str), Failure> {
    let parts = rest.rsplit_once('/').filter(|(channel, _)| !channel.is_empty());
    let words = "bad path: it is /api/call/loopback/{channel}/offer or /ice";
    parts.ok_or_else(|| Failure(StatusCode::BAD_REQUEST, words.to_owned()))
}

fn unknown() -> Failure {
    Failure(StatusCode::NOT_FOUND, "unknown loopback action".to_owned())
}

async fn answer(desk: &Desk, call: &Ongoing, sdp: &str) -> Result<String, Failure> {
    let early = || Failure(StatusCode::CONFLICT, "the other side has not answered yet".to_owned());
    let remote = call.remote.borrow().clone().ok_or_else(early)?;
    let transport = &desk.site.transport;
    let answer = transport.watch(&name(call), &program(remote), sdp).await.map_err(refused)?;
    desk.announced.send_if_modified(|known| {
        let is_new = known.is_empty();
        if is_new {
            *known = announced(&answer.sdp);
        }
        is_new
    });
    if desk.watched.lock().insert(call.id) {
        tokio::spawn(end_with(desk.clone(), call.clone()));
    }
    Ok(answer.sdp)
}

/// What its pages are counted by.
fn name(call: &Ongoing) -> String {
    format!("call-{}", call.id.0)
}

/// Whoever watches a call is told that it is over.
async fn end_with(desk: Desk, call: Ongoing) {
    drop(call.over().await);
    desk.watched.lock().remove(&call.id);
    desk.site.transport.end(&name(&call)).await;
}

fn program(remote: Remote) -> Program {
    let Remote { picture, sound, codec, .. } = remote;
    Program::fixed(Renditions { video: picture, audio: sound }, codec.unwrap_or_default())
}

fn refused(error: OfferError) -> Failure {
    Failure(signalling::status(&error), error.to_string())
}

fn announced(sdp: &str) -> Vec<Value> {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("a="));
    let candidates = lines.filter(|line| line.starts_with("candidate:"));
    let init = |candidate: &str| json!({ "candidate": candidate, "sdpMid": null, "sdpMLineIndex": 0 });
    candidates.map(init).collect()
}
