//! The socket of one who watches, without anybody who could: what it is told, and what it may say.

use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Socket, active, ask, at, until_watched};
use crate::support::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_is_told_each_step_and_the_end_and_leaves_nothing() {
    let servers = r#"[{"urls": "stun:stun.example:3478"}]"#;
    let session = Session::idle(&["--ice-servers", servers, "--steering-max-viewers", "3"]);
    active(&session, "other").await;
    active(&session, "desk").await;
    let url = at(&session, "/api/streamers/desk/peer");
    let mut socket = Socket::open(&url).await;
    let config = socket.hears().await.unwrap();
    let servers = json!([{"urls": ["stun:stun.example:3478"], "username": "", "credential": ""}]);
    assert_eq!(config, json!({"WebRtcConfig": {"ice_servers": servers}}));
    let (names, offer) = socket.until("Signaling").await;
    assert_eq!(names, ["StageComplete", "StageStarting", "Signaling"]);
    let description = &offer["Signaling"]["Description"];
    let sdp = description["sdp"].as_str().unwrap();
    assert_eq!(description["ty"], "offer");
    for section in ["m=video", "m=audio", "m=application"] {
        assert!(sdp.contains(section), "{sdp}");
    }

    what_is_no_use_is_passed_over(&mut socket).await;
    let told = until_watched(&session, "desk", 1).await;
    let peer = &told["peers"][0];
    assert_eq!((peer["peer_id"].as_str().unwrap().len(), &peer["is_live"]), (36, &json!(false)));

    let more = [Socket::open(&url).await, Socket::open(&url).await];
    let (status, text) = Socket::knock(&url, &[]).await.err().expect("there are as many as may be");
    assert!(status == 503 && text.contains("UNDERSTUDY_STEERING_MAX_VIEWERS"), "{status} {text}");
    drop(more);
    until_watched(&session, "desk", 1).await;
    comes_and_goes(&session, &url).await;

    assert_eq!(ask(&session, Method::DELETE, "/api/streamers/desk", None).await.0, 204);
    let (names, code) = socket.until_the_end().await;
    assert_eq!((names.last().map(String::as_str), code), (Some("PeerDisconnect"), Some(1000)));
    let gone = Socket::knock(&url, &[]).await.err().unwrap();
    assert_eq!(gone, (404, r#"{"error":"Streamer not found"}"#.to_owned()));
    let (_, all) = ask(&session, Method::GET, "/api/streamers", None).await;
    assert_eq!(all["streamers"].as_array().unwrap().len(), 1, "the other one has nothing to do with it");
}

/// It goes on, and answers pings.
async fn what_is_no_use_is_passed_over(socket: &mut Socket) {
    for text in
        ["{", "7", r#"{"Unknown":1}"#, r#"{"Signaling":{"Description":{"ty":"answer","sdp":"none"}}}"#]
    {
        socket.says(Message::text(text)).await;
    }
    socket.says(Message::binary(vec![1, 2, 3])).await;
    socket.says(Message::Ping("still".into())).await;
    let (names, _) = socket.until("pong").await;
    assert!(names.iter().all(|name| name == "pong" || name == "Signaling"), "{names:?}");
    socket.says(Message::text(r#"{"Steering":"state"}"#)).await;
    let (_, told) = socket.until("Steering").await;
    assert_eq!(told["Steering"], json!({"host": null, "you": "steers", "asked_by": null}));
    socket.says(Message::text(r#"{"Steering":"request"}"#)).await;
    let (_, told) = socket.until("SteeringRefused").await;
    assert!(told["SteeringRefused"]["reason"].as_str().unwrap().contains("no seat"), "{told}");
}

async fn comes_and_goes(session: &Session, url: &str) {
    let before = viewers(session).await;
    for _ in 0..30 {
        let mut socket = Socket::open(url).await;
        let first = socket.hears().await.unwrap();
        assert!(first["WebRtcConfig"].is_object(), "{first}");
    }
    until_watched(session, "desk", 1).await;
    assert_eq!(viewers(session).await, before, "whoever has left is no viewer");
}

/// Of whatever is served over WebRTC.
async fn viewers(session: &Session) -> Value {
    session.report().await.unwrap()["livestreams"][0]["viewers"].clone()
}
