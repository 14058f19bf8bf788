//! The older socket and its sessions, as scripted exchanges.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Socket, active, ask, at, first, until_watched};
use crate::support::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn the_older_socket_and_its_sessions_answer_as_their_clients_expect() {
    let session = Session::idle(&[]);
    active(&session, "plain").await;
    let open = |more: Value| {
        let (url, first) = (at(&session, "/api/host/stream"), first(&more));
        async move {
            let mut socket = Socket::open(&url).await;
            socket.says(Message::text(first)).await;
            socket
        }
    };

    // Without a session it goes with its socket.
    let mut alone = open(json!({})).await;
    let (names, _) = alone.until("StageStarting").await;
    assert_eq!(names, ["WebRtcConfig", "UpdateApp", "StageComplete", "StageComplete", "StageStarting"]);
    assert_eq!(streamers(&session).await, 2);
    drop(alone);
    until_streamers(&session, 1).await;

    sessions(&session, &open).await;
    what_is_wrong_ends_it(&session, &open).await;
}

async fn sessions<F: Future<Output = Socket>>(session: &Session, open: &impl Fn(Value) -> F) {
    let of = |mode: &str| json!({"session_id": "ses-1", "mode": mode, "client_unique_id": "agent"});
    let mut missing = open(of("join")).await;
    assert_eq!(missing.until_the_end().await.0, ["SessionNotFound"]);

    let mut creator = open(of("create")).await;
    creator.until("UpdateApp").await;
    let mut again = open(of("create")).await;
    assert_eq!(again.until_the_end().await.0, ["AlreadyStreaming"]);
    assert_eq!(listed(session).await, json!([as_listed("create", true)]));

    let mut joined = open(of("join")).await;
    joined.until("Signaling").await;
    let (names, _) = creator.until_the_end().await;
    assert_eq!(names.last().map(String::as_str), Some("ClientKicked"));
    until_watched(session, "ses-1", 1).await;
    let mut kept = open(of("keepalive")).await;
    assert_eq!(kept.until_the_end().await.0, Vec::<String>::new(), "it is there: all is as it is to be");
    drop(joined);
    until_watched(session, "ses-1", 0).await;
    assert_eq!(listed(session).await, json!([as_listed("create", false)]), "it waits for its client");
    assert_eq!(ask(session, Method::DELETE, "/api/streamers/ses-1", None).await.0, 204);

    let mut keeper = open(of("keepalive")).await;
    let (names, _) = keeper.until("StageComplete").await;
    assert_eq!(names, ["UpdateApp", "StageComplete"], "nobody watches: there is nothing to negotiate");
    assert_eq!(listed(session).await, json!([as_listed("keepalive", false)]));
    let (status, told) = ask(session, Method::GET, "/api/admin/status", None).await;
    assert_eq!((status, &told["total_sessions"], &told["total_clients"]), (200, &json!(1), &json!(1)));
    assert_eq!(
        (&told["active_websockets"], &told["sessions"][0]["streamer_alive"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(ask(session, Method::DELETE, "/api/streamers/ses-1", None).await.0, 204);
    assert_eq!(keeper.until_the_end().await.0, ["PeerDisconnect"]);
}

fn as_listed(mode: &str, has_websocket: bool) -> Value {
    json!({"session_id": "ses-1", "client_unique_id": "agent", "mode": mode, "has_websocket": has_websocket})
}

async fn what_is_wrong_ends_it<F: Future<Output = Socket>>(session: &Session, open: &impl Fn(Value) -> F) {
    for (fields, names) in [
        (json!({"host_id": 3}), vec!["HostNotFound"]),
        (json!({"app_id": 3}), vec!["AppNotFound"]),
        (json!({"fps": 0}), vec![]),
        (json!({"mode": "steal"}), vec![]),
    ] {
        let mut socket = open(fields.clone()).await;
        let (told, code) = socket.until_the_end().await;
        assert_eq!(told, names, "{fields}");
        assert!(code.is_some(), "{fields}: it is closed in good order");
    }
    let url = at(session, "/api/host/stream");
    for text in ["{", r#"{"Signaling":{"Description":{"ty":"offer","sdp":""}}}"#] {
        let mut socket = Socket::open(&url).await;
        socket.says(Message::Ping("first".into())).await;
        socket.says(Message::text(text)).await;
        assert_eq!(socket.until_the_end().await, (vec!["pong".to_owned()], Some(1007)), "{text}");
    }
    // Also later.
    let mut socket = open(json!({})).await;
    socket.until("UpdateApp").await;
    socket.says(Message::text("{")).await;
    assert_eq!(socket.until_the_end().await.1, Some(1007));
    until_streamers(session, 1).await;
}

async fn listed(session: &Session) -> Value {
    let (status, told) = ask(session, Method::GET, "/api/sessions", None).await;
    assert_eq!(status, 200);
    told["sessions"].clone()
}

async fn streamers(session: &Session) -> usize {
    ask(session, Method::GET, "/api/streamers", None).await.1["streamers"].as_array().unwrap().len()
}

async fn until_streamers(session: &Session, count: usize) {
    let so_many = || async {
        let there = streamers(session).await;
        if there == count { Ok(()) } else { Err(format!("{there} streamers")) }
    };
    understudy_e2e::wait::until(super::client::SOON, so_many).await;
}
