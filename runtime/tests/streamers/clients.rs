//! What the source system's clients do one after the other: the back end that has a streamer and never looks at it again, and the page
//! that watches it, goes and comes again.

use reqwest::Method;
use serde_json::{Value, json};
use understudy_e2e::peer::Peer;
use understudy_e2e::wait;

use super::client::{SOON, Socket, active, ask, at, body, first, until_watched};
use super::peers::INPUTS;
use crate::support::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_has_a_streamer_for_a_task_whoever_watches_it_meanwhile() {
    let session = Session::live(INPUTS).await;
    // It does not wait, and keeps nothing alive.
    let (status, made) = ask(&session, Method::POST, "/api/streamers", Some(body("task").to_string())).await;
    assert_eq!((status, &made["streamer_id"]), (200, &json!("task")));
    let looks = || async {
        let (_, told) = ask(&session, Method::GET, "/api/streamers/task", None).await;
        if told["status"] == "active" { Ok(told) } else { Err(told.to_string()) }
    };
    let (begun, _) = wait::until(SOON, looks).await;
    let url = at(&session, "/api/streamers/task/peer");
    // Its connection drops, and it comes again.
    for _ in 0..2 {
        let page = Peer::new(&url, 1).run().await.unwrap();
        assert_eq!((page.told[0].as_str(), page.size), ("WebRtcConfig", (1280, 720)));
        assert!(page.told.iter().any(|name| name == "ConnectionComplete") && page.frames > 0, "{page:?}");
        let told = until_watched(&session, "task", 0).await;
        assert_eq!(lasting(&told), lasting(&begun), "nothing of it is another");
    }
    let mut last = Socket::open(&url).await;
    last.until("Signaling").await;
    assert_eq!(ask(&session, Method::DELETE, "/api/streamers/task", None).await.0, 204);
    assert_eq!(last.until_the_end().await.0.last().map(String::as_str), Some("PeerDisconnect"));
    assert_eq!(ask(&session, Method::DELETE, "/api/streamers/task", None).await.0, 404);
    let (_, all) = ask(&session, Method::GET, "/api/streamers", None).await;
    assert_eq!(all, json!({ "streamers": [] }));
}

/// What stays as it was, whoever comes and goes.
fn lasting(told: &Value) -> [&Value; 3] {
    ["created_at", "status", "restarts"].map(|field| &told[field])
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_joins_a_session_that_is_kept_waits_for_the_offer_and_sees_it() {
    let session = Session::live(INPUTS).await;
    active(&session, "other").await;
    let of = |mode: &str| first(&json!({"session_id": "ses-1", "mode": mode, "client_unique_id": "agent"}));
    let url = at(&session, "/api/host/stream");
    let mut keeper = Socket::open(&url).await;
    keeper.says(tokio_tungstenite::tungstenite::Message::text(of("keepalive"))).await;
    keeper.until("StageComplete").await;
    let joined = Peer { first: Some(of("join")), ..Peer::new(&url, 2) }.run().await.unwrap();
    assert!(joined.frames > 0 && joined.size == (1280, 720), "{joined:?}");
    let is_ok = |said: &String| said.contains("\"Ok\"");
    assert!(joined.general.iter().any(is_ok), "it is told how the connection is: {joined:?}");
    let (_, told) = ask(&session, Method::GET, "/api/sessions", None).await;
    assert_eq!(told["sessions"][0]["session_id"], "ses-1", "it is kept: {told}");
}
