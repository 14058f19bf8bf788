//! Who may not watch is told what to do, and does when that is done.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::sync::watch;
use understudy_e2e::browser::{self, Chromium};
use understudy_proto::v1::AccessTokens;
use understudy_runtime::access::{self, Guard, Policy, Role};
use understudy_runtime::egress::view;

use super::{PLAYS, SESSION, is_in, says};
use crate::support::session::Session;
use crate::support::stage::{Stage, listen};

/// What the stage serves, for whoever has the token `secret`.
async fn guarded(stage: &Stage, policy: watch::Receiver<Policy>) -> SocketAddr {
    let guard = Arc::new(Guard { policy, role: Role::View });
    let watched = stage.app.clone().layer(from_fn_with_state(guard, access::check));
    let page = view::router();
    listen(Router::new().merge(page).fallback_service(watched)).await
}

fn tokens() -> Policy {
    let (control, admin) = ("control".into(), "admin".into());
    Policy::Tokens(Box::new(AccessTokens { view: "secret".into(), control, admin }))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_is_asked_for_one_and_whose_is_wrong_is_told_so() {
    let stage = Stage::open().await;
    let http = guarded(&stage, watch::channel(tokens()).1).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{http}/view")).await;
    says(&page, "This needs an access token").await;
    browser::becomes_true(&page, "document.activeElement === token").await;
    browser::photograph(&page, "view-unauthorized.png").await;
    page.evaluate("token.value = 'guess'; entry.requestSubmit(); true").await.unwrap();
    says(&page, "This access token is not valid").await;
    page.evaluate("token.value = ' secret '; entry.requestSubmit(); true").await.unwrap();
    browser::becomes_true(&page, PLAYS).await;
    let kept = "location.href + document.body.innerHTML + JSON.stringify(localStorage) + document.cookie";
    assert_eq!(page.evaluate(&format!("({kept}).includes('secret')")).await.unwrap(), false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_has_no_tokens_yet_is_waited_for() {
    let stage = Stage::open().await;
    let (policy, policies) = watch::channel(Policy::Waiting);
    let http = guarded(&stage, policies).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{http}/view?token=secret")).await;
    says(&page, "The participant is getting ready").await;
    policy.send_replace(tokens());
    browser::becomes_true(&page, PLAYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_a_full_house_is_let_in_when_somebody_leaves() {
    let session = Session::start_with(SESSION, &["--max-viewers", "1"]);
    session.until_served("Serving", super::START).await;
    let chromium = Chromium::launch().await;
    let first = chromium.open(&session.url("/view")).await;
    browser::becomes_true(&first, PLAYS).await;
    let second = chromium.open(&session.url("/view")).await;
    says(&second, "Too many people are watching").await;
    is_in(&first, "live").await;
    first.load("about:blank").await.unwrap();
    browser::becomes_true(&second, PLAYS).await;
}
