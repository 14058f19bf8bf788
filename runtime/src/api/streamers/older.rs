//! `WS /api/host/stream`: the older socket, whose first message says who somebody is. A browser can set no header.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use super::Failure;
use super::socket::{LARGEST_MESSAGE, Upgrade};
use crate::access::{self, Policy, Role, Verdict};
use crate::streamer::Streamers;
use crate::subprotocol;

/// A WebSocket that begins, joins or keeps a session: its first message, within 10 s, is `AuthenticateAndInit`.
///
/// Its `credentials` are a bearer token: the control token begins a session, the view token joins one. Without a `session_id` the
/// streamer goes with the socket.
#[utoipa::path(
    get, path = "/api/host/stream", tag = "streamers",
    responses(
        (status = 101, description = "The socket opens."),
        (status = 403, body = Object, description = "Without tokens, pages of other sites may not."),
        (status = 503, body = Object, description = "The session has no tokens yet; or as many are here as may be."),
    ),
)]
pub(in crate::api) async fn stream(
    State((streamers, policy)): State<(Streamers, watch::Receiver<Policy>)>,
    request: Request,
) -> Result<Response, Failure> {
    let no = |why: &str| Failure(StatusCode::FORBIDDEN, why.to_owned());
    let late = |why: &str| Failure(StatusCode::SERVICE_UNAVAILABLE, why.to_owned());
    let verdict = access::weigh(&policy.borrow(), Role::View, &request);
    match verdict {
        // Who it is, its first message says.
        Verdict::Pass(_) | Verdict::Unknown | Verdict::TooLow => {}
        Verdict::Waiting => return Err(late("the session has no access tokens yet")),
        Verdict::Foreign | Verdict::Unnamed => {
            return Err(no("without tokens, pages of other sites may not; nor may foreign names"));
        }
    }
    let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    let (mut parts, _) = request.into_parts();
    let upgrade = Upgrade::from_request_parts(&mut parts, &()).await;
    let upgrade = match upgrade {
        Ok(Ok(upgrade)) => upgrade,
        Ok(Err(rejection)) => return Ok(rejection.into_response()),
        Err(never) => match never {},
    };
    // Who is nowhere is not on this machine.
    let from = from.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let stranger = streamers.stranger(from).ok_or_else(|| late("as many are connected as there may be"))?;
    Ok(upgrade
        .protocols(subprotocol::asked(&parts.headers))
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| stranger.serve(socket, policy, from)))
}
