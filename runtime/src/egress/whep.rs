//! WHEP: a viewer posts an offer and gets an answer (draft-ietf-wish-whep).
//!
//! Only HTTP is here: what a status means, and to which fault of an offer it belongs. Access is decided by a layer
//! around [`router`]; [`with_cors`] belongs around that layer, because a preflight carries no token.

mod cors;
mod error;

pub use cors::with_cors;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use futures::StreamExt;
use understudy_core::offer::{Fault, MAX_BYTES};

use crate::program::{Found, Registry};
use crate::rtc::{Handle, OfferError};
use error::Refusal;

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// No honest offer comes near; past this the connection just ends.
const THROWN_AWAY: usize = 4 << 20;

#[derive(Clone)]
pub struct Whep {
    driver: Handle,
    programs: Registry,
}

/// `POST /whep/{name}`, and `PATCH` and `DELETE /whep/{name}/{session}`.
pub fn router(driver: Handle, programs: Registry) -> Router {
    Router::new()
        .route("/whep/{name}", post(watch))
        // Players put it there when their form takes a folder for an address.
        .route("/whep/{name}/", post(watch))
        .route("/whep/{name}/{session}", delete(leave).patch(trickle))
        .with_state(Whep { driver, programs })
}

/// Watch a programme over WHEP.
#[utoipa::path(
    post, path = "/whep/{name}", tag = "programme",
    params(("name" = String, Path, description = "program, or the name of a livestream.")),
    request_body(content = String, content_type = "application/sdp"),
    responses(
        (status = 201, content_type = "application/sdp", body = String, description = "The answer; Location is where to leave."),
        (status = 400, body = Object, description = "The body is no SDP."),
        (status = 404, body = Object, description = "There is no such programme."),
        (status = 408, body = Object, description = "The offer did not come whole within 30 s."),
        (status = 406, body = Object, description = "There is no codec that both sides know."),
        (status = 409, body = Object, description = "There is nothing to show yet; Retry-After says when to ask again."),
        (status = 413, body = Object, description = "The offer is too long."),
        (status = 415, body = Object, description = "The body is not application/sdp."),
        (status = 422, body = Object, description = "The offer cannot be answered; the message says why."),
        (status = 500, body = Object, description = "The answer would break a rule, which the message names."),
        (status = 503, body = Object, description = "There are as many viewers as there may be, or no tokens yet."),
    ),
    security(("view" = [])),
)]
pub async fn watch(
    State(whep): State<Whep>,
    uri: Uri,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    expect_type(&headers, SDP)?;
    let offer = text(body).await?;
    // After the body, which may take its time: whoever came to what ended meanwhile would watch it for good.
    let program = match whep.programs.find(&name) {
        Found::Live(program) => program,
        Found::Silent => return Err(Refusal::Silent),
        Found::Unknown => return Err(Refusal::UnknownProgram),
    };
    let answer = whep.driver.watch(&name, &program, &offer).await.map_err(Refusal::Offer)?;
    let location = format!("{}/{}", uri.path().trim_end_matches('/'), answer.session_id);
    let tag = entity_tag(&answer.ice_session);
    let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, location), (ETAG, tag)];
    Ok((StatusCode::CREATED, headers, answer.sdp).into_response())
}

/// Stop watching. Whoever asks for a session's end has it, also the second time.
#[utoipa::path(
    delete, path = "/whep/{name}/{session}", tag = "programme",
    params(("name" = String, Path), ("session" = String, Path)),
    responses((status = 200, description = "It has ended."), (status = 204, description = "It had ended already.")),
    security(("view" = [])),
)]
pub async fn leave(State(whep): State<Whep>, place: Path<(String, String)>) -> StatusCode {
    if whep.driver.leave(&place.1).await { StatusCode::OK } else { StatusCode::NO_CONTENT }
}

/// Tell more candidates. They are welcome and not needed: it is the viewer who checks. New credentials would be an ICE
/// restart.
#[utoipa::path(
    patch, path = "/whep/{name}/{session}", tag = "programme",
    params(("name" = String, Path), ("session" = String, Path)),
    request_body(content = String, content_type = "application/trickle-ice-sdpfrag"),
    responses(
        (status = 204),
        (status = 404, body = Object, description = "There is no such session; it may have ended."),
        (status = 412, body = Object, description = "If-Match names another ICE session than the ETag of the answer."),
        (status = 415, body = Object, description = "The body is not application/trickle-ice-sdpfrag."),
        (status = 422, body = Object, description = "ICE cannot be restarted within a session."),
    ),
    security(("view" = [])),
)]
pub async fn trickle(
    State(whep): State<Whep>,
    place: Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let begun = whep.driver.begun(&place.1).await.ok_or(Refusal::UnknownSession)?;
    if !matches(&headers, &entity_tag(&begun.ice_session)) {
        return Err(Refusal::OtherSession);
    }
    expect_type(&headers, FRAGMENT)?;
    let fragment = text(body).await?;
    let said = fragment.lines().find_map(|line| line.trim_end().strip_prefix("a=ice-ufrag:"));
    if said.is_some_and(|ufrag| ufrag != begun.viewer_ufrag) {
        return Err(Refusal::Restart);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// It names the ICE session (RFC 9725 §4.3.1): there is one in each session here, since restarts are refused.
fn entity_tag(ice_session: &str) -> String {
    format!("\"{ice_session}\"")
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

fn expect_type(headers: &HeaderMap, expected: &'static str) -> Result<(), Refusal> {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) { Ok(()) } else { Err(Refusal::WrongType { expected }) }
}

/// The body as text. One that is too large is read on for a while and thrown away: a client that is still writing when
/// the connection ends sees a broken pipe, not the answer.
async fn text(body: Body) -> Result<String, Refusal> {
    let (mut chunks, mut read, mut total) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refusal::Incomplete)?;
        total += chunk.len();
        if total > THROWN_AWAY {
            break;
        }
        if total <= MAX_BYTES {
            read.extend_from_slice(&chunk);
        }
    }
    if total > MAX_BYTES {
        return Err(Refusal::Offer(OfferError::Faulty(Fault::TooLarge)));
    }
    String::from_utf8(read).map_err(|_| Refusal::NotText)
}
