//! The session's HTTP surface: what it consists of, and who may use which part.

pub mod calls;
mod computer;
pub mod core;
mod display;
mod fields;
mod inputs;
mod json;
pub mod live;
mod message;
pub mod offer;
mod openapi;
mod pages;
mod pieces;
mod players;
pub mod processes_page;
mod protocol;
mod recordings;
pub mod socket;
mod stage;
pub mod streamers;
mod streams;
pub mod whip;

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio::sync::watch;

use crate::access::{self, Guard, Policy, Role};
use crate::egress::view;
use crate::egress::whep::{self, IceServers};
use crate::feed::Feed;
use crate::ingest::Ingest;
use crate::program::Registry;
use crate::{rtc, session};

pub use inputs::Devices;
pub use openapi::document;
pub use recordings::Settings as RecordingSettings;
pub use streams::Settings as StreamSettings;

/// What the surface is made of.
pub struct Surface {
    pub session: session::Handle,
    /// What its programmes are watched over.
    pub whep: Router,
    /// What players are told of before they ask for anything.
    pub ice_servers: IceServers,
    pub policy: watch::Receiver<Policy>,
    pub devices: Devices,
    /// Where what is sent comes in, and over what a peer sends.
    pub ingest: Ingest,
    /// Where people see what was sent.
    pub feed: Feed,
    pub transport: rtc::Handle,
    /// Where what can be watched is found by name.
    pub programs: Registry,
    pub streams: StreamSettings,
    pub recordings: RecordingSettings,
    /// What processes are driven over ([`core::router`]).
    pub core: Router,
    /// What others are called over ([`calls::router`]).
    pub calls: Router,
    /// What many watch and steer together ([`streamers::router`]).
    pub streamers: Router,
    /// Of the participant socket; 0: there is none.
    pub participant_socket_port: u16,
    /// Where the feed page's players lie.
    pub players: PathBuf,
}

/// All routes, each behind the role that it asks for.
pub fn router(surface: Surface) -> Router {
    let Surface { session, whep, ice_servers, policy, devices, ingest, feed, .. } = surface;
    let Surface { transport, programs, streams, recordings, players, participant_socket_port, .. } = surface;
    let untold = matches!(*policy.borrow(), Policy::Local | Policy::Open(_));
    let guarded = |router: Router, role| {
        let guard = Arc::new(Guard { policy: policy.clone(), role });
        router.layer(middleware::from_fn_with_state(guard, access::check))
    };
    let inputs = inputs::Surface::new(session.clone(), devices);
    let streams = streams::Surface::new(session.clone(), programs, transport.clone(), streams);
    let recordings = recordings::Surface::new(session.clone(), recordings);
    let (display, computer) = (display::control(session.clone()), computer::view(session.clone()));
    let stage = stage::control(session.clone());
    let status = Router::new().route("/status", get(status).with_state(session));
    let watching = status.merge(whep).merge(streams.clone().view()).merge(recordings.clone().view());
    let viewing = guarded(watching.merge(computer), Role::View);
    // Pages of other sites may watch with a token; where there are none, they may not.
    let viewing = if untold { viewing } else { whep::with_cors(viewing, ice_servers) };
    let page = guarded(inputs.clone().view(), Role::View).layer(middleware::from_fn(explain_lock));
    let live = guarded(live::router(ingest.clone(), feed), Role::View);
    let sending = socket::router(ingest.clone()).merge(offer::router(ingest.clone(), transport.clone()));
    let sending = sending.merge(whip::router(ingest, transport));
    let control =
        inputs.control().merge(streams.control()).merge(recordings.control()).merge(display).merge(stage);
    // Pages hold no secrets; what they fetch is guarded.
    Router::new()
        .merge(surface.core)
        .merge(surface.streamers)
        .merge(surface.calls)
        .merge(pages::router())
        .merge(view::router())
        .merge(processes_page::router())
        .merge(calls::page::router())
        .merge(stage::page::router(participant_socket_port))
        .merge(players::router(players))
        .merge(openapi::router())
        .merge(viewing)
        .merge(page)
        .merge(live)
        .merge(guarded(control.merge(sending), Role::Control))
}

/// The session's report on itself.
#[utoipa::path(
    get, path = "/status", tag = "session", responses((status = 200, body = Object)), security(("view" = [])),
)]
async fn status(State(session): State<session::Handle>) -> Response {
    Json(session.report().borrow().clone()).into_response()
}

async fn explain_lock(headers: HeaderMap, request: Request, next: Next) -> Response {
    inputs::or_locked(headers, next.run(request).await)
}
