//! Who is let in no more, or otherwise; and who comes back.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::wait;
use understudy_proto::v1::{AccessTokens, SessionSpec, Sharing};

use super::client::{SOON, Socket, at, body, first};
use crate::support::operator::Operator;
use crate::support::session::Session;

fn tokens(view: &str, control: &str) -> AccessTokens {
    AccessTokens { view: view.into(), control: control.into(), admin: "a".into() }
}

/// A session without a page, with a streamer; whoever opens it, and whom it believes.
async fn desk() -> (Operator, Session) {
    let operator = Operator::of(SessionSpec::default()).await;
    operator.admits(tokens("v", "c"));
    let session = Session::idle(&operator.arguments().iter().map(String::as_str).collect::<Vec<_>>());
    operator.is_linked().await;
    let made = || async {
        let url = session.url("/api/streamers");
        let sent = reqwest::Client::new().post(url).bearer_auth("c").body(body("desk").to_string()).send();
        let status = sent.await.map_err(|error| error.to_string())?.status().as_u16();
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    };
    wait::until(SOON, made).await;
    (operator, session)
}

fn peer(session: &Session, query: &str) -> String {
    at(session, &format!("/api/streamers/desk/peer?{query}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_withdrawn_ends_what_it_opened_and_one_that_sinks_steers_no_more() {
    let (operator, session) = desk().await;
    let mut steers = Socket::open(&peer(&session, "token=c")).await;
    let mut looks = Socket::open(&peer(&session, "token=v")).await;
    let mut oversees = Socket::open(&peer(&session, "token=a")).await;
    let mut keeps = Socket::open(&at(&session, "/api/host/stream")).await;
    let said = first(&json!({"credentials": "c", "session_id": "ses", "mode": "keepalive"}));
    keeps.says(Message::text(said)).await;
    keeps.until("UpdateApp").await;
    steers.stands("steers").await;

    operator.admits(tokens("c", "d"));
    steers.stands("watches").await;
    assert_eq!(looks.until_the_end().await.1, Some(1008));
    assert_eq!(keeps.until_the_end().await.1, Some(1008));
    operator.admits(tokens("w", "d"));
    let (told, code) = steers.until_the_end().await;
    assert_eq!((told.last().map(String::as_str), code), (Some("PeerDisconnect"), Some(1008)));
    oversees.stands("steers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_is_the_same_to_others_and_has_the_control_that_they_had() {
    let (operator, session) = desk().await;
    let host = Some(Sharing { mode: "Host".into(), max_viewers: 2, ..Sharing::default() });
    operator.shows(SessionSpec { sharing: host, ..SessionSpec::default() });
    let refused = Socket::knock(&peer(&session, "token=c&identity=a%20b"), &[]).await.err();
    let (status, why) = refused.expect("it is no identity");
    assert!(status == 400 && why.contains("identity: must be"), "{status} {why}");

    let ada = peer(&session, "token=c&identity=ada-1");
    let (mut first, mut other) = (Socket::open(&ada).await, Socket::open(&peer(&session, "token=c")).await);
    first.stands("waits").await;
    first.asks("request").await;
    let known = first.stands("steers").await["host"].clone();
    other.asks("request").await;
    other.stands("waits").await;
    assert_eq!(Socket::knock(&peer(&session, "token=c"), &[]).await.err().expect("two watch").0, 503);

    // By another connection, while the one before is there, though as many watch as may.
    let mut again = Socket::open(&ada).await;
    let (told, code) = first.until_the_end().await;
    assert_eq!((told.last().map(String::as_str), code), (Some("ClientKicked"), Some(1000)));
    assert_eq!(again.stands("steers").await["host"], known, "others know the same one");
    assert_eq!(other.stands("waits").await["host"], known);

    // After it has gone: others who have asked do not wait for it.
    drop(again);
    assert_ne!(other.stands("steers").await["host"], known);
    drop(other);
    let told = || async {
        let asked = reqwest::Client::new().get(session.url("/api/streamers/desk")).bearer_auth("v").send();
        let told: Value = asked.await.map_err(|error| error.to_string())?.json().await.unwrap();
        if told["connected_peers"] == 0 { Ok(()) } else { Err(told.to_string()) }
    };
    wait::until(SOON, told).await;
    let mut back = Socket::open(&ada).await;
    back.asks("request").await;
    assert_eq!(back.stands("steers").await["host"], known, "it is known for a while");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_streamer_is_shared_follows_the_document_while_people_watch() {
    let (operator, session) = desk().await;
    let mut socket = Socket::open(&peer(&session, "token=c")).await;
    socket.stands("steers").await;
    for (mode, you) in [("Off", "watches"), ("Host", "waits"), ("Union", "steers")] {
        let sharing = Some(Sharing { mode: mode.into(), ..Sharing::default() });
        operator.shows(SessionSpec { sharing, ..SessionSpec::default() });
        loop {
            // It has asked once: it is told of each change.
            let (_, told) = socket.until("Steering").await;
            if told["Steering"]["you"] == you {
                break;
            }
        }
    }
}
