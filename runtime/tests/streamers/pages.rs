//! Pages that the session's document names: each has a display, a sound and a browser of its own while a streamer shows it.

use reqwest::Method;
use serde_json::json;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::wait;

use super::client::{SOON, Socket, ask, at, body};
use crate::support::server::{Server, ok};
use crate::support::session::Session;

/// Tells whoever serves it what is typed.
const BOARD: &str = r#"<!doctype html><title>a board</title>
<script>addEventListener("keydown", ({ key }) => fetch(`/typed/${key}`), true)</script>"#;

fn of_app(app: u32, id: &str) -> String {
    let mut body = body(id);
    body["app_id"] = app.into();
    body.to_string()
}

/// By another session of its own, while the one before still ends.
async fn shown_again_at_once(session: &Session) {
    for id in ["meeting", "page:board"] {
        let (status, _) = ask(session, Method::DELETE, &format!("/api/streamers/{id}"), None).await;
        assert_eq!(status, 204, "{id}");
    }
    let (status, told) = ask(session, Method::POST, "/api/streamers?wait=40", Some(of_app(1, "again"))).await;
    assert_eq!((status, &told["status"]), (200, &json!("active")), "{told}");
    let mut socket = Socket::open(&at(session, "/api/streamers/again/peer")).await;
    socket.until("Signaling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_page_is_there_while_a_streamer_shows_it_and_has_a_keyboard_of_its_own() {
    let [own, board] =
        [Server::start(|_| ok("text/html", BOARD)).await, Server::start(|_| ok("text/html", BOARD)).await];
    let spec = format!(
        "page: {{url: \"{}\"}}\nsharing: {{pages: [{{name: board, url: \"{}\", width: 640, height: 480}}]}}",
        own.url("/"),
        board.url("/"),
    );
    let session = Session::start_with(&spec, &["--allow-private-urls", "*"]);
    session.until_live(SOON).await;
    let (_, apps) = ask(&session, Method::GET, "/api/apps", None).await;
    assert_eq!(apps["apps"][1], json!({"app_id": 1, "title": "board", "is_hdr_supported": false}));
    let (status, refused) = ask(&session, Method::POST, "/api/streamers", Some(of_app(2, "none"))).await;
    let why = refused["error"].as_str().unwrap_or_default();
    assert!(status == 500 && why.starts_with("there is no app 2"), "{status} {refused}");
    assert_eq!(session.children("Xvfb").len(), 1, "nobody shows the page");

    let (status, told) =
        ask(&session, Method::POST, "/api/streamers?wait=40", Some(of_app(1, "meeting"))).await;
    assert_eq!((status, &told["status"]), (200, &json!("active")), "{told}");
    assert_eq!((&told["width"], &told["height"]), (&json!(640), &json!(480)));
    assert_eq!(session.children("Xvfb").len(), 2);

    // In a browser it is at a page of its own, which makes a streamer of it where there is none.
    let chromium = Chromium::launch().await;
    let view = chromium.open(&session.url("/view/page:board")).await;
    let steers = "document.body.dataset.state === 'live' && document.body.dataset.steers === 'yes'
        && video.videoWidth === 640 && video.videoHeight === 480";
    browser::becomes_true(&view, steers).await;
    view.evaluate("sink.focus(); true").await.unwrap();
    for kind in ["rawKeyDown", "keyUp"] {
        let key = json!({"type": kind, "key": "a", "code": "KeyA"});
        view.hands("Input.dispatchKeyEvent", key).await.unwrap();
    }
    let typed = || async {
        let paths = board.paths();
        if paths.iter().any(|path| path == "/typed/a") { Ok(()) } else { Err(format!("{paths:?}")) }
    };
    wait::until(SOON, typed).await;
    assert!(!own.paths().iter().any(|path| path.starts_with("/typed/")), "another keyboard");

    drop(chromium);
    shown_again_at_once(&session).await;
    assert_eq!(ask(&session, Method::DELETE, "/api/streamers/again", None).await.0, 204);
    let ended = || async {
        let displays = session.children("Xvfb").len();
        if displays == 1 { Ok(()) } else { Err(format!("{displays} displays")) }
    };
    wait::until(SOON, ended).await;
}
