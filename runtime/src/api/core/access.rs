//! Who may use the API of processes: whoever has one of our tokens, or has logged in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use super::login::{Desk, missing};
use crate::access::{self, Guard, Role, Verdict};

/// What proxies add to what they hand on: whoever asks through one on this machine may be anywhere.
const HANDED_ON: [HeaderName; 3] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
];

/// What a door asks for.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) guard: Guard,
    /// None: nobody logs in.
    pub(super) desk: Option<Desk>,
}

/// Middleware: lets a request pass if its bearer has the door's role, which the request then carries as an extension.
pub(super) async fn check(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    if request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    match door.judge(&request) {
        Ok(role) => {
            request.extensions_mut().insert(role);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

impl Door {
    pub(super) fn judge(&self, request: &Request) -> Result<Role, Failure> {
        if let Some(desk) = &self.desk {
            if access::presented(request).is_some_and(|token| desk.admits(&token)) {
                return Ok(Role::Admin);
            }
            let is_spared = desk.spares_localhost() && is_of_this_machine(request);
            // Where there are no tokens of ours, a login is what is asked for.
            if !(is_spared || self.guard.policy.borrow().has_tokens()) {
                return Err(missing());
            }
        }
        let denied = |status, why| Err(Failure::of_http(status, why));
        match access::weigh(&self.guard.policy.borrow(), self.guard.role, request) {
            Verdict::Pass(role) => Ok(role),
            Verdict::Waiting => {
                denied(StatusCode::SERVICE_UNAVAILABLE, "the session has no access tokens yet")
            }
            Verdict::Unknown => Err(missing()),
            Verdict::TooLow => denied(StatusCode::FORBIDDEN, "this token's role does not allow it"),
            Verdict::Foreign | Verdict::Unnamed => denied(
                StatusCode::FORBIDDEN,
                "without tokens, pages of other sites may not; nor may foreign names",
            ),
        }
    }
}

fn is_of_this_machine(request: &Request) -> bool {
    let is_handed_on = HANDED_ON.iter().any(|name| request.headers().contains_key(name));
    !is_handed_on && peer(request).is_some_and(|peer| peer.is_loopback())
}

fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical())
}
