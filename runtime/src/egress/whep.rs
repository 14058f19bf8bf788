//! WHEP: a viewer posts an offer and gets an answer (draft-ietf-wish-whep).
//!
//! Only HTTP is here: what a status means, and to which fault of an offer it belongs. Access is decided by a layer
//! around [`router`]; [`with_cors`] belongs around that layer, because a preflight carries no token.

mod error;
mod ice_servers;

mod cors;
mod counter;

mod patch;

mod process;

pub use cors::with_cors;
pub use ice_servers::{BadServers, IceServers};
// With what describes it.
pub use patch::*;
pub use process::*;

use std::time::Instant;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use understudy_core::leg::Levels;
use understudy_core::level::Level;

use crate::program::{Found, Program, Registry};
use crate::rtc::{Handle, Ice, OfferError};
use crate::signalling::{self, SDP, ended, text};
use counter::Counters;
use error::Refusal;

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

#[derive(Clone)]
pub struct Whep {
    driver: Handle,
    programs: Registry,
    counters: Counters,
    ice_servers: IceServers,
}

/// `POST /whep/{name}`, and `PATCH` and `DELETE /whep/{name}/{session}`.
pub fn router(driver: Handle, programs: Registry, ice_servers: IceServers) -> Router {
    let endpoint = || post(watch).get(describe).options(options).fallback(not_allowed);
    let session = delete(leave).patch(patch).get(describe).options(options).fallback(not_allowed);
    Router::new()
        .route("/whep/{name}", endpoint())
        // Players put it there when their form takes a folder for an address.
        .route("/whep/{name}/", endpoint())
        .route("/whep/{name}/{session}", session)
        .with_state(Whep::new(driver, programs, ice_servers))
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
        (status = 406, body = Object, description = "There is no codec that both sides know; or, to an empty body, an offer (application/sdp), whose answer Location takes by PATCH."),
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
    whep.watch(uri, name, headers, body).await
}

impl Whep {
    fn new(driver: Handle, programs: Registry, ice_servers: IceServers) -> Self {
        Self { driver, programs, counters: Counters::default(), ice_servers }
    }

    /// The answer to an offer for what has that name; to none, an offer.
    async fn watch(
        &self,
        uri: Uri,
        name: String,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Response, Refusal> {
        let offer = if body.is_end_stream() { None } else { Some(text(&headers, SDP, body).await?) };
        // After the body, which may take its time: whoever came to what ended meanwhile would watch it for good.
        let program = match self.programs.find(&name) {
            Found::Live(program) => program,
            Found::Silent => return Err(Refusal::Silent),
            Found::Unknown => return Err(Refusal::UnknownProgram),
        };
        self.counters.expire(Instant::now());
        let Some(offer) = offer else { return self.counter(&uri, &name, &program) };
        let answer = signalling::watch(&self.driver, &self.programs, (&name, &program), &offer).await;
        let answer = answer.map_err(Refusal::Offer)?.ok_or(Refusal::UnknownProgram)?;
        let place = (answer.session_id.as_str(), answer.ice_session.as_str());
        Ok(self.described(StatusCode::CREATED, &uri, place, answer.sdp.clone()))
    }

    /// Offers what was asked for, for whoever wants to answer.
    fn counter(&self, uri: &Uri, name: &str, program: &Program) -> Result<Response, Refusal> {
        if !self.counters.have_room() {
            return Err(Refusal::Offer(OfferError::Full));
        }
        let level = program.levels().map_or(Level::HD, Levels::offered);
        let offering = self.driver.offer(Ice::Lite, level).map_err(Refusal::Offer)?;
        let place = (offering.session_id(), offering.ice_session());
        let response = self.described(StatusCode::NOT_ACCEPTABLE, uri, place, offering.sdp().to_owned());
        self.counters.keep(name, program, offering, Instant::now());
        Ok(response)
    }

    /// Whether there was such a session.
    async fn leave(&self, session: &str) -> bool {
        self.counters.take(session, Instant::now()).is_some() || self.driver.leave(session).await
    }

    async fn describe(&self, name: &str, session: Option<&String>) -> Result<Response, Refusal> {
        match session {
            _ if matches!(self.programs.find(name), Found::Unknown) => return Err(Refusal::UnknownProgram),
            Some(session) if self.driver.begun(session).await.is_none() && !self.counters.holds(session) => {
                return Err(Refusal::UnknownSession);
            }
            _ => {}
        }
        Ok((StatusCode::OK, [(CONTENT_TYPE, SDP), (ACCEPT_POST, SDP)]).into_response())
    }

    /// A session and its ICE session, with a description.
    fn described(
        &self,
        status: StatusCode,
        uri: &Uri,
        (session, ice_session): (&str, &str),
        sdp: String,
    ) -> Response {
        let location = format!("{}/{session}", uri.path().trim_end_matches('/'));
        let headers = [(CONTENT_TYPE, SDP.to_owned()), (LOCATION, location), (ETAG, entity_tag(ice_session))];
        let mut response = (status, headers, sdp).into_response();
        self.ice_servers.tell(response.headers_mut());
        response
    }
}

/// Stop watching. Whoever asks for a session's end has it, also the second time.
#[utoipa::path(
    delete, path = "/whep/{name}/{session}", tag = "programme",
    params(("name" = String, Path), ("session" = String, Path)),
    responses((status = 200, description = "It has ended."), (status = 204, description = "It had ended already.")),
    security(("view" = [])),
)]
pub async fn leave(State(whep): State<Whep>, place: Path<(String, String)>) -> StatusCode {
    ended(whep.leave(&place.1).await)
}

/// See what is there: nothing but that it takes offers, or that the session lasts.
async fn describe(State(whep): State<Whep>, place: Path<Vec<String>>) -> Result<Response, Refusal> {
    whep.describe(place.first().map_or("", String::as_str), place.get(1)).await
}

/// What is told without a token where pages of other sites may not watch; where they may, [`with_cors`] answers.
async fn options(State(whep): State<Whep>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    cors::describe(response.headers_mut(), &whep.ice_servers);
    response
}

async fn not_allowed() -> Refusal {
    Refusal::Method
}

/// It names the ICE session (RFC 9725 §4.3.1), of which there is another after each restart.
fn entity_tag(ice_session: &str) -> String {
    format!("\"{ice_session}\"")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use axum::http::HeaderValue;
    use tokio::sync::watch as values;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::broadcast::{Metrics, Renditions};
    use crate::rtc::tests::on_loopback;

    const OFFER: &str = include_str!("../../tests/fixtures/chromium_offer.sdp");

    #[tokio::test]
    async fn who_is_admitted_as_the_name_goes_is_sent_away() {
        let shutdown = CancellationToken::new();
        let driver = on_loopback(1, &shutdown);
        let (programs, viewers) = (Registry::default(), driver.viewers("a"));
        let media = Renditions::new(&Metrics::default());
        let program = Program::of(&media, values::channel(true).1);
        programs.name(&program, ["a".to_owned()]);
        let whep = State(Whep::new(driver.clone(), programs.clone(), IceServers::default()));
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
