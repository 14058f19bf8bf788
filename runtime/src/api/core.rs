//! `/api`: the source system's API of processes, and what its clients ask besides.
//!
//! Errors are `{"code", "message", "details"}` here. WHEP at a process's place is `egress::whep`.

pub(super) mod about;
mod access;
mod body;
mod failure;
pub(super) mod login;
pub(super) mod memory;
pub(super) mod metadata;
pub(super) mod process;
pub(super) mod skills;
mod told;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use tokio::sync::watch;

use crate::access::{Guard, Policy, Role};
use crate::config;
use crate::egress::whep;
use crate::process::Processes;
use access::Door;
use login::Desk;

/// What the API is made of.
#[derive(Clone)]
pub struct Core {
    pub processes: Processes,
    /// None: nobody logs in.
    pub login: Option<config::Login>,
    /// Whether processes can be changed.
    pub may_write: Writing,
    /// None: they are not watched.
    pub whep: Option<Whep>,
}

/// What processes are watched over, and what players are told of before they ask for anything.
#[derive(Clone)]
pub struct Whep {
    /// `egress::whep::process_router`.
    pub router: Router,
    pub ice_servers: whep::IceServers,
}

/// Whether processes can be changed over the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    Allowed,
    /// Routes that write are not there.
    ReadOnly,
}

/// All routes, each behind the role that it asks for.
pub fn router(core: Core, policy: &watch::Receiver<Policy>) -> Router {
    let Core { processes, login, may_write, whep } = core;
    let desk = login.map(Desk::new);
    let door = |role| Arc::new(Door { guard: Guard { policy: policy.clone(), role }, desk: desk.clone() });
    let guarded =
        |router: Router, role| router.layer(middleware::from_fn_with_state(door(role), access::check));
    let known = skills::Known::new(processes.clone());
    let files = guarded(memory::router(processes.site().memory()), Role::View);
    let view = process::view(processes.clone()).merge(skills::view(known.clone()));
    let mut v3 = guarded(view, Role::View);
    let reading = process::inspect(processes.clone()).merge(metadata::inspect(processes.clone()));
    let reading = reading.merge(skills::inspect(known));
    v3 = v3.merge(guarded(reading, Role::Control));
    if may_write == Writing::Allowed {
        let writing = process::control(processes.clone()).merge(metadata::control(processes));
        v3 = v3.merge(guarded(writing, Role::Control));
    }
    let api = Router::new()
        .nest("/v3", v3)
        .merge(desk.clone().map(login::router).unwrap_or_default())
        .fallback(failure::not_found)
        .method_not_allowed_fallback(failure::not_allowed)
        .layer(DefaultBodyLimit::max(body::MOST_BYTES));
    let api = Router::new().nest("/api", api).layer(middleware::from_fn(failure::in_dialect));
    let is_untold = desk.is_none() && !policy.borrow().has_tokens();
    let whep = whep.map(|Whep { router, ice_servers }| {
        let watching = guarded(router, Role::View);
        // Pages of other sites may watch with a token; where there are none, they may not.
        if is_untold { watching } else { whep::with_cors(watching, ice_servers) }
    });
    api.merge(files)
        .merge(whep.unwrap_or_default())
        .merge(about::router(about::Itself::new(door(Role::View))))
}
