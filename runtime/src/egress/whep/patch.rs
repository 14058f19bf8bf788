//! What is said of a session while it lasts: candidates, new credentials (an ICE restart), or the answer to an offer of ours.
//!
//! A restart is told from candidates by its user fragment, not by `If-Match: *`, which some players send with everything.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use understudy_core::offer::{credentials, named_ufrag};

use super::error::Refusal;
use super::{Whep, entity_tag};
use crate::signalling::{SDP, has_type, text};

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Tell more candidates, which are welcome and not needed, since it is the viewer who checks; new credentials, for the way to be found
/// anew; or the answer to what was offered.
#[utoipa::path(
    patch, path = "/whep/{name}/{session}", tag = "programme",
    params(("name" = String, Path), ("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses(
        (status = 200, content_type = "application/trickle-ice-sdpfrag", body = String, description = "ICE is restarted: our new credentials; the ETag is another."),
        (status = 204, description = "Candidates, or an answer, were taken."),
        (status = 400, body = Object, description = "The fragment cannot be read."),
        (status = 404, body = Object, description = "There is no such session; it may have ended."),
        (status = 412, body = Object, description = "If-Match names another ICE session than the ETag."),
        (status = 415, body = Object, description = "The body is neither application/trickle-ice-sdpfrag nor application/sdp."),
        (status = 422, body = Object, description = "ICE cannot be restarted so, or the answer cannot be used; the message says why."),
        (status = 428, body = Object, description = "A restart needs If-Match."),
    ),
    security(("view" = [])),
)]
pub async fn patch(
    State(whep): State<Whep>,
    place: Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let Path((_, session)) = place;
    if has_type(&headers, SDP) {
        let answer = text(&headers, SDP, body).await?;
        return accept(&whep, &session, &answer).await;
    }
    // Its candidates come ahead of its answer, and it is it who checks.
    if whep.counters.holds(&session) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let begun = whep.driver.begun(&session).await.ok_or(Refusal::UnknownSession)?;
    if !matches(&headers, &entity_tag(&begun.ice_session)) {
        return Err(Refusal::OtherSession);
    }
    let fragment = text(&headers, FRAGMENT, body).await?;
    if named_ufrag(&fragment).is_none_or(|ufrag| ufrag == begun.viewer_ufrag) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    restart(&whep, &session, &headers, &fragment).await
}

async fn restart(
    whep: &Whep,
    session: &str,
    headers: &HeaderMap,
    fragment: &str,
) -> Result<Response, Refusal> {
    if !headers.contains_key(IF_MATCH) {
        return Err(Refusal::Unconditional);
    }
    let credentials = credentials(fragment)?.ok_or(Refusal::UnknownSession)?;
    let restarted = whep.driver.restart(session, credentials).await.ok_or(Refusal::UnknownSession)?;
    let restarted = restarted.map_err(Refusal::Offer)?;
    let headers = [(CONTENT_TYPE, FRAGMENT.to_owned()), (ETAG, entity_tag(&restarted.ice_session))];
    Ok((StatusCode::OK, headers, restarted.fragment).into_response())
}

async fn accept(whep: &Whep, session: &str, answer: &str) -> Result<Response, Refusal> {
    let counter = whep.counters.take(session, Instant::now()).ok_or(Refusal::UnknownSession)?;
    let name = counter.name;
    whep.driver.accept(&name, &counter.program, counter.offering, answer).await?;
    // As with an offer: only who is there is told when the name goes.
    if !whep.programs.stands(&name, &counter.program) {
        whep.driver.leave(session).await;
        return Err(Refusal::UnknownProgram);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// RFC 9110 §13.1.1; weak tags match nothing. Who names no session is believed: candidates change nothing.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let mut named = headers.get_all(IF_MATCH).iter().peekable();
    let any = |value: &HeaderValue| {
        let mut tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.any(|other| other == "*" || other == tag)
    };
    named.peek().is_none() || named.any(any)
}
