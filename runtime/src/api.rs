//! The session's HTTP surface: viewer page, WHEP, bundled pages, and its report.

pub mod offer;

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use tokio::sync::watch;

use crate::access::{self, Guard, Policy, Role};
use crate::egress::{view, whep};
use crate::session;

/// Pages that a session can show as `understudy:NAME`.
const PAGES: [(&str, &str); 1] = [("mirror", include_str!("../assets/pages/mirror.html"))];

/// All routes, each behind the role that it asks for.
pub fn router(session: session::Handle, whep: Router, policy: watch::Receiver<Policy>) -> Router {
    let local = matches!(*policy.borrow(), Policy::Local);
    let guard = Arc::new(Guard { policy, role: Role::View });
    let guarded = Router::new()
        .route("/status", get(status).with_state(session))
        .merge(whep)
        .layer(middleware::from_fn_with_state(guard, access::check));
    // Pages of other sites may watch with a token; where there are none, they may not.
    let viewing = if local { guarded } else { whep::with_cors(guarded) };
    // Pages hold no secrets; what they fetch is guarded.
    let pages = Router::new()
        .route("/", get(|| async { Redirect::temporary("/view") }))
        .route("/pages/{name}", get(page))
        .merge(view::router());
    pages.merge(viewing)
}

async fn status(State(session): State<session::Handle>) -> Response {
    Json(session.report().borrow().clone()).into_response()
}

async fn page(Path(name): Path<String>) -> Response {
    match PAGES.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => ([(header::CACHE_CONTROL, "no-cache")], Html(*text)).into_response(),
        None => {
            let names: Vec<_> = PAGES.iter().map(|(name, _)| *name).collect();
            let text = format!("There is no bundled page {name}; known: {}.\n", names.join(", "));
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}
