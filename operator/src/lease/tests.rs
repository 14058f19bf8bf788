//! An election before an API server that stops answering.

use super::*;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use kube::Client;
use serde_json::Value;

/// Far apart, so that a leader that waits for an answer too long is told from one that does not.
const TIMING: Timing = Timing {
    duration: Duration::from_secs(4),
    renew_deadline: Duration::from_millis(2000),
    retry: Duration::from_millis(1900),
};

/// Takes one lease and then says nothing any more.
async fn falls_silent() -> Client {
    let collection = "/apis/coordination.k8s.io/v1/namespaces/system/leases";
    let (sender, made) = watch::channel(None::<Value>);
    let create = move |Json(lease): Json<Value>| async move {
        sender.send_replace(Some(lease.clone()));
        (StatusCode::CREATED, Json(lease))
    };
    let read = move || async move {
        let lease = made.borrow().clone();
        let status = if lease.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let missing =
            serde_json::json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
        (status, Json(lease.unwrap_or(missing)))
    };
    let silent = || std::future::pending::<StatusCode>();
    let router = Router::new()
        .route(collection, post(create))
        .route(&format!("{collection}/operator"), get(read).put(silent));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::try_from(kube::Config::new(address.parse().unwrap())).unwrap()
}

#[tokio::test]
async fn a_leader_whose_renewal_is_not_answered_steps_down_before_others_may_take_over() {
    let api = Api::namespaced(falls_silent().await, "system");
    let (sender, mut leadership) = watch::channel(Leadership::Follower);
    let end = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn({
        let end = end.clone();
        async move { Election::new(api, "operator", "me", TIMING).run(&sender, end).await }
    });
    let led = *leadership.wait_for(|now| *now != Leadership::Follower).await.unwrap();
    assert!(matches!(led, Leadership::Leader { term } if term > 1), "terms follow the clock: {led:?}");
    leadership.wait_for(|now| *now == Leadership::Follower).await.unwrap();
    let after = began.elapsed();
    assert!(after >= TIMING.renew_deadline, "stepped down too early, after {after:?}");
    assert!(after < TIMING.renew_deadline + TIMING.retry / 2, "stepped down only after {after:?}");
    end.cancel();
    running.await.unwrap();
}

#[test]
fn the_last_words_of_a_leader_are_over_before_others_may_take_over() {
    for timing in [Timing::default(), TIMING] {
        let free = timing.duration.saturating_sub(timing.renew_deadline);
        assert!(timing.last_words() > Duration::ZERO && timing.last_words() < free, "{timing:?}");
    }
}
