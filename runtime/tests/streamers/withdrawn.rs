//! Tokens that are withdrawn, and people who come back, where there is a connection and something is held.

use std::time::Duration;

use serde_json::Value;
use understudy_e2e::peer::Peer;
use understudy_e2e::wait;
use understudy_proto::v1::{AccessTokens, Page, SessionSpec, Sharing};

use super::client::{SOON, Socket, at, body};
use crate::support::operator::Operator;
use crate::support::server::{Server, ok};
use crate::support::session::Session;

/// Tells whoever serves it what is pressed and let go of.
const BOARD: &str = r#"<!doctype html><title>a board</title>
<script>for (const kind of ["keydown", "keyup"])
    addEventListener(kind, ({ key, repeat }) => repeat || fetch(`/${kind}/${key}`), true)</script>"#;

/// Of what is told at once, on a machine that does more than this.
const AT_ONCE: Duration = Duration::from_secs(10);
const SHIFT: u16 = 0x10;

fn tokens(view: &str, control: &str) -> AccessTokens {
    AccessTokens { view: view.into(), control: control.into(), admin: "a".into() }
}

/// A session that shows the board, with a streamer that shows something.
async fn shown(board: &Server) -> (Operator, SessionSpec, Session) {
    let page = Some(Page { url: board.url("/"), ..Page::default() });
    let spec = SessionSpec { page, ..SessionSpec::default() };
    let operator = Operator::of(spec.clone()).await;
    operator.admits(tokens("v", "c"));
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    let session = Session::idle(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    operator.is_linked().await;
    let made = || async {
        let url = session.url("/api/streamers?wait=30");
        let sent = reqwest::Client::new().post(url).bearer_auth("a").body(body("desk").to_string()).send();
        let status = sent.await.map_err(|error| error.to_string())?.status().as_u16();
        if status == 200 { Ok(()) } else { Err(status.to_string()) }
    };
    wait::until(SOON, made).await;
    until(&session, SOON, |told| told["status"] == "active").await;
    (operator, spec, session)
}

/// The streamer, once it stands so.
async fn until(session: &Session, patience: Duration, is_so: impl Fn(&Value) -> bool) -> Value {
    let asked = || async {
        let asked = reqwest::Client::new().get(session.url("/api/streamers/desk")).bearer_auth("a").send();
        let told: Value = asked.await.map_err(|error| error.to_string())?.json().await.unwrap();
        if is_so(&told) { Ok(told) } else { Err(told.to_string()) }
    };
    wait::until(patience, asked).await.0
}

/// Once that has happened so many times.
async fn happens(board: &Server, what: &str, times: usize, patience: Duration) {
    let told = || async {
        let paths = board.paths();
        let so_many = paths.iter().filter(|path| *path == what).count();
        if so_many == times { Ok(()) } else { Err(format!("{paths:?}")) }
    };
    wait::until(patience, told).await;
}

/// Of whatever is served over WebRTC.
async fn viewers(session: &Session) -> Result<u64, String> {
    let asked = reqwest::Client::new().get(session.url("/status")).bearer_auth("a").send();
    let told: Value = asked.await.map_err(|error| error.to_string())?.json().await.unwrap();
    told["livestreams"][0]["viewers"].as_u64().ok_or_else(|| told.to_string())
}

fn watches(told: &Value, live: &[bool]) -> bool {
    let peers = told["peers"].as_array().into_iter().flatten();
    peers.map(|peer| peer["is_live"] == true).eq(live.iter().copied())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_steer_no_more_lets_go_and_watches_on_and_who_may_nothing_is_shown_nothing() {
    let board = Server::start(|_| ok("text/html", BOARD)).await;
    let (operator, _, session) = shown(&board).await;
    let url = at(&session, "/api/streamers/desk/peer");
    let mut holder = Peer { token: Some("c".into()), hold: vec![SHIFT], ..Peer::new(&url, 120) }.start();
    happens(&board, "/keydown/Shift", 1, SOON).await;

    operator.admits(tokens("c", "d"));
    happens(&board, "/keyup/Shift", 1, AT_ONCE).await;
    until(&session, AT_ONCE, |told| watches(told, &[true])).await;
    assert_eq!(viewers(&session).await, Ok(1), "it is shown what it was");
    // Another that comes with the same token looks on from the beginning.
    let press = Peer { token: Some("c".into()), press: vec![0x41], ..Peer::new(&url, 1) };
    assert!(press.run().await.unwrap().frames > 0);
    let press = Peer { token: Some("d".into()), press: vec![0x42], ..Peer::new(&url, 1) };
    press.run().await.unwrap();
    happens(&board, "/keyup/b", 1, AT_ONCE).await;
    assert!(!board.paths().iter().any(|path| path == "/keydown/a"), "{:?}", board.paths());

    operator.admits(tokens("w", "d"));
    until(&session, AT_ONCE, |told| watches(told, &[])).await;
    let nobody = || async {
        if viewers(&session).await? == 0 { Ok(()) } else { Err("it is still shown something".to_owned()) }
    };
    wait::until(AT_ONCE, nobody).await;
    assert!(holder.try_wait().unwrap().is_none(), "it was not the one who left");
    holder.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_by_another_connection_has_let_go_of_what_the_first_held_and_whoever_only_looks_gains_nothing()
 {
    let board = Server::start(|_| ok("text/html", BOARD)).await;
    let (operator, spec, session) = shown(&board).await;
    let url = |token: &str| at(&session, &format!("/api/streamers/desk/peer?token={token}&identity=ada-1"));
    let mut holder = Peer { hold: vec![SHIFT], ..Peer::new(url("c"), 120) }.start();
    happens(&board, "/keydown/Shift", 1, SOON).await;
    let known = until(&session, AT_ONCE, |told| watches(told, &[true])).await["peers"][0]["peer_id"].clone();

    // Of those who come at once as the same person, one is there in the end, known as before.
    let (ada, mut sockets) = (url("c"), Vec::new());
    for socket in futures::future::join_all((0..8).map(|_| Socket::open(&ada))).await {
        sockets.push(socket);
    }
    happens(&board, "/keyup/Shift", 1, AT_ONCE).await;
    let told = until(&session, AT_ONCE, |told| watches(told, &[false])).await;
    assert_eq!((&told["peers"][0]["peer_id"], &told["connected_peers"]), (&known, &1.into()));
    let mut kicked = Vec::new();
    for socket in &mut sockets {
        kicked.push(socket.is_kicked().await);
    }
    assert_eq!(kicked.iter().filter(|kicked| **kicked).count(), 7, "{kicked:?}");
    holder.kill().await.unwrap();

    // The seat is not to be had by an identity alone.
    let sharing = Some(Sharing { mode: "Host".into(), ..Sharing::default() });
    operator.shows(SessionSpec { sharing, ..spec });
    let mut host = sockets.swap_remove(kicked.iter().position(|kicked| !kicked).unwrap());
    host.stands("waits").await;
    host.asks("request").await;
    assert_eq!(host.stands("steers").await["host"], known);
    let mut other = Socket::open(&at(&session, "/api/streamers/desk/peer?token=c")).await;
    other.asks("request").await;
    other.stands("waits").await;
    let mut looks = Socket::open(&url("v")).await;
    let asked = looks.stands("watches").await;
    assert_ne!(asked["host"], known, "who asked has it");
    assert_eq!(other.stands("steers").await["host"], asked["host"]);
    looks.asks("request").await;
    let (_, refused) = looks.until("SteeringRefused").await;
    assert!(refused["SteeringRefused"]["reason"].as_str().unwrap().contains("look on"), "{refused}");
    let (told, code) = host.until_the_end().await;
    assert_eq!((told.last().map(String::as_str), code), (Some("ClientKicked"), Some(1000)));
}
