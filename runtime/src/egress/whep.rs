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

use crate::program::{Found, Registry};
use crate::rtc::Handle;
use crate::signalling::{SDP, ended, text};
use error::Refusal;

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

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
    let offer = text(&headers, SDP, body).await?;
    // After the body, which may take its time: whoever came to what ended meanwhile would watch it for good.
    let program = match whep.programs.find(&name) {
        Found::Live(program) => program,
        Found::Silent => return Err(Refusal::Silent),
        Found::Unknown => return Err(Refusal::UnknownProgram),
    };
    let answer = whep.driver.watch(&name, &program, &offer).await.map_err(Refusal::Offer)?;
    // It is admitted a while after it was looked up, and only who is there is told when the name goes.
    if !whep.programs.stands(&name, &program) {
        whep.driver.leave(&answer.session_id).await;
        return Err(Refusal::UnknownProgram);
    }
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
    ended(whep.driver.leave(&place.1).await)
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
    let fragment = text(&headers, FRAGMENT, body).await?;
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::pin;

    use tokio::sync::watch as values;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::broadcast::{Metrics, Renditions};
    use crate::program::Program;
    use crate::rtc;

    const OFFER: &str = include_str!("../../tests/fixtures/chromium_offer.sdp");

    #[tokio::test]
    async fn who_is_admitted_as_the_name_goes_is_sent_away() {
        let shutdown = CancellationToken::new();
        let address = Ipv4Addr::LOCALHOST.into();
        let config = rtc::Config {
            bind: (address, 0).into(),
            tcp: rtc::TcpPort::Off,
            announce: vec![address],
            max_viewers: 1,
            loops: rtc::loops_here(),
        };
        let driver = rtc::spawn(&config, rtc::Metrics::default(), shutdown.clone()).unwrap();
        let (programs, viewers) = (Registry::default(), driver.viewers("a"));
        let media = Renditions::new(&Metrics::default());
        let program = Program::of(&media, values::channel(true).1);
        programs.name(&program, ["a".to_owned()]);
        let whep = State(Whep { driver: driver.clone(), programs: programs.clone() });
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(SDP))]);
        let place = (Uri::from_static("/whep/a"), Path("a".to_owned()));
        let mut watching = pin!(watch(whep, place.0, place.1, headers, OFFER.into()));
        assert!(futures::poll!(&mut watching).is_pending(), "it waits for being admitted");
        programs.name(&program, []);
        let refused = watching.await.expect_err("there is nothing to watch");
        assert!(matches!(refused, Refusal::UnknownProgram));
        assert_eq!(*viewers.borrow(), 0);
        shutdown.cancel();
        driver.stopped().await;
    }
}
