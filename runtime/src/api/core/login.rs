//! `/api/login`: who says the right name and password gets tokens, which are a bearer of the API as ours are, with all rights there.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use understudy_core::process::login::{Claims, Token, Use, signed};
use utoipa::ToSchema;

use super::body::{Body, invalid};
use super::failure::Failure;
use crate::config;
use crate::seats::Seats;

/// Whoever guesses waits so long for each answer.
const WRONG: Duration = Duration::from_secs(2);

/// Logins that are judged at once, those that wait for having been wrong among them: no more than two guesses a second.
const AT_ONCE: usize = 4;

/// After which one of those seats is free.
const SOON: &str = "2";

/// Who gives the tokens.
const ISSUER: &str = "understudy";

/// What clients name as the way to log in.
pub(super) const WAY: &str = "localjwt";

/// Who may log in.
#[derive(Clone)]
pub struct Desk {
    settings: Arc<config::Login>,
    /// Of the secret that tokens are signed with.
    key: Hmac<Sha256>,
    seats: Seats,
}

/// What somebody says to log in.
#[derive(Deserialize, ToSchema)]
pub(in crate::api) struct Credentials {
    username: String,
    password: String,
}

/// What a login is worth.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Tokens {
    /// For 10 minutes, for everything.
    access_token: String,
    /// For 24 hours, for another access token.
    refresh_token: String,
}

/// Another one.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Refreshed {
    access_token: String,
}

impl Desk {
    pub fn new(settings: config::Login) -> Self {
        let key = Hmac::new_from_slice(settings.secret.as_bytes());
        let key = key.expect("a key of HMAC must be of any length");
        Self { settings: Arc::new(settings), key, seats: Seats::new(AT_ONCE) }
    }

    /// Whether that is a token for the API.
    pub(super) fn admits(&self, token: &str) -> bool {
        self.subject(token, Use::Access, now()).is_some()
    }

    /// Whether programs on this machine need none.
    pub(super) fn spares_localhost(&self) -> bool {
        self.settings.spares_localhost
    }

    /// `now`: since 1970.
    fn token(&self, usefor: Use, now: Duration) -> String {
        let unsigned = Claims::new(usefor, ISSUER, &self.settings.username, now.as_secs()).unsigned();
        let signature = self.key.clone().chain_update(unsigned.as_bytes()).finalize().into_bytes();
        signed(&unsigned, &signature)
    }

    /// Whose it is, if it is ours, for that use, and not too old.
    fn subject(&self, token: &str, usefor: Use, now: Duration) -> Option<String> {
        let token = Token::read(token).ok()?;
        self.key.clone().chain_update(token.signed.as_bytes()).verify_slice(&token.signature).ok()?;
        token.claims.judge(usefor, ISSUER, now.as_secs()).ok()?;
        Some(token.claims.sub)
    }

    fn knows(&self, credentials: &Credentials) -> bool {
        let same = |a: &str, b: &str| a.as_bytes().ct_eq(b.as_bytes());
        let name = same(&credentials.username, &self.settings.username);
        // Both, however it ends: time shall not tell which was wrong.
        bool::from(name & same(&credentials.password, &self.settings.password))
    }
}

pub(super) fn router(desk: Desk) -> Router {
    Router::new().route("/login", post(login)).route("/login/refresh", get(refresh)).with_state(desk)
}

/// Log in to the API of processes.
#[utoipa::path(
    post, path = "/api/login", tag = "processes", request_body = Credentials,
    responses(
        (status = 200, body = Tokens),
        (status = 400, body = Failure, description = "There is no name and password."),
        (status = 401, body = Failure, description = "They are not right."),
        (status = 404, body = Failure, description = "Nobody has to log in (CORE_API_AUTH_ENABLE)."),
        (status = 415, body = Failure, description = "The body is not said to be JSON."),
        (status = 429, body = Failure, description = "Others are being wrong; Retry-After says when to try again."),
    ),
)]
pub(in crate::api) async fn login(
    State(desk): State<Desk>,
    Body(body): Body,
) -> Result<Json<Tokens>, Refused> {
    let credentials: Credentials = serde_json::from_value(body).map_err(invalid)?;
    let seat = desk.seats.take().ok_or(Refused::Busy)?;
    if !desk.knows(&credentials) {
        tracing::warn!("somebody tried to log in with a wrong name or password");
        // Also for whoever hangs up: the next guess would come sooner.
        let held = tokio::spawn(async move {
            tokio::time::sleep(WRONG).await;
            drop(seat);
        });
        // It fails with the runtime alone.
        let _ = held.await;
        return Err(Failure::bare(StatusCode::UNAUTHORIZED, "Invalid authorization credentials").into());
    }
    let token = |usefor| desk.token(usefor, now());
    Ok(Json(Tokens { access_token: token(Use::Access), refresh_token: token(Use::Refresh) }))
}

/// Why nobody is logged in.
pub(in crate::api) enum Refused {
    Failed(Failure),
    /// Too many try at once.
    Busy,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(failure) => failure.into_response(),
            Self::Busy => {
                let why = "too many logins are tried at once";
                let failure = Failure::of_http(StatusCode::TOO_MANY_REQUESTS, why);
                ([(header::RETRY_AFTER, SOON)], failure).into_response()
            }
        }
    }
}

/// Get another access token for a refresh token, which is sent as the bearer.
#[utoipa::path(
    get, path = "/api/login/refresh", tag = "processes",
    responses(
        (status = 200, body = Refreshed),
        (status = 401, body = Failure, description = "There is no token."),
        (status = 403, body = Failure, description = "It is none for this, or too old."),
        (status = 404, body = Failure, description = "Nobody has to log in (CORE_API_AUTH_ENABLE)."),
    ),
)]
pub(in crate::api) async fn refresh(
    State(desk): State<Desk>,
    headers: HeaderMap,
) -> Result<Json<Refreshed>, Failure> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
    let token = token.ok_or_else(missing)?;
    let subject = desk.subject(token, Use::Refresh, now()).filter(|name| *name == desk.settings.username);
    subject.ok_or_else(|| Failure::bare(StatusCode::FORBIDDEN, "Invalid token"))?;
    Ok(Json(Refreshed { access_token: desk.token(Use::Access, now()) }))
}

pub(super) fn missing() -> Failure {
    Failure::bare(StatusCode::UNAUTHORIZED, "Missing or invalid JWT token")
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn desk(secret: &str) -> Desk {
        let name = || "ada".to_owned();
        let settings = config::Login {
            username: name(),
            password: name(),
            secret: secret.to_owned(),
            spares_localhost: false,
        };
        Desk::new(settings)
    }

    #[test]
    fn a_token_is_good_for_one_use_by_one_key_for_its_time() {
        let (ours, others) = (desk("0123456789abcdef"), desk("0123456789abcdeg"));
        let token = ours.token(Use::Access, NOW);
        let at =
            |desk: &Desk, usefor, seconds| desk.subject(&token, usefor, NOW + Duration::from_secs(seconds));
        assert_eq!(at(&ours, Use::Access, 599).as_deref(), Some("ada"));
        assert_eq!(at(&ours, Use::Access, 600), None);
        assert_eq!(at(&ours, Use::Refresh, 0), None);
        assert_eq!(at(&others, Use::Access, 0), None);
    }

    #[test]
    fn claims_that_were_not_signed_are_none() {
        let desk = desk("0123456789abcdef");
        let token = desk.token(Use::Access, NOW);
        let signature = token.rsplit_once('.').unwrap().1;
        let others = Claims::new(Use::Access, ISSUER, "bob", NOW.as_secs()).unsigned();
        for wrong in [format!("{others}.{signature}"), format!("{others}."), others] {
            assert_eq!(desk.subject(&wrong, Use::Access, NOW), None, "{wrong}");
        }
    }
}
