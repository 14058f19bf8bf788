//! Livestreams that are started over HTTP, as the source system's clients do it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use understudy_e2e::destination::{Destination, TOKEN};
use understudy_e2e::ports::free_tcp;
use understudy_e2e::{client, wait};

use crate::support::held::Held;
use crate::support::session::Session;

/// For what takes a moment on an idle machine.
const SOON: Duration = Duration::from_secs(40);

const MIRROR: &str = include_str!("../../examples/session.yaml");

const OFFER: &str = include_str!("fixtures/chromium_offer.sdp");

/// Of a recorded stream: some seconds.
const ENOUGH_BYTES: u64 = 300_000;

struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Its status and what it says.
    fn refusal(&self) -> (u16, String) {
        let said = serde_json::from_str(&self.text).map(|body: Value| body["message"].to_string());
        (self.status, said.map_or(self.text.clone(), |said| said.trim_matches('"').to_owned()))
    }
}

async fn ask(session: &Session, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let url = session.url(&format!("/stream/{path}"));
    let answer = reqwest::Client::new().request(method, url).body(body).send().await.unwrap();
    Answer { status: answer.status().as_u16(), text: answer.text().await.unwrap() }
}

async fn post(session: &Session, path: &str, body: Value) -> Answer {
    ask(session, Method::POST, path, body.to_string()).await
}

async fn list(session: &Session) -> Value {
    ask(session, Method::GET, "list", "").await.json()
}

fn refused(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_started_listed_and_stopped_in_the_source_system_s_words() {
    let session = Session::live(MIRROR).await;
    assert_eq!(list(&session).await, json!([]));
    let started = ask(&session, Method::POST, "start", "{}").await;
    assert_eq!(started.status, 201, "{}", started.text);
    let mut stream = started.json();
    let began = stream["started_at"].take();
    assert!(began.as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{began}");
    let (rtmp, rtmps) = (stream["playback_url"].clone(), stream["secure_playback_url"].clone());
    assert!(
        rtmp.as_str().unwrap().ends_with("/live/default") && rtmps.as_str().unwrap().starts_with("rtmps://")
    );
    assert_eq!(
        stream,
        json!({
            "id": "default", "mode": "internal", "ingest_url": rtmp, "is_streaming": true, "started_at": null,
            "playback_url": rtmp, "secure_playback_url": rtmps, "websocket_url": null, "webrtc_offer_url": null,
        })
    );
    let again = ask(&session, Method::POST, "start", "{}").await;
    assert_eq!(again.refusal(), refused(409, "stream already in progress"));
    let other =
        post(&session, "start", json!({"id": "other", "mode": "webrtc", "framerate": 15})).await.json();
    assert_eq!(
        (&other["ingest_url"], &other["webrtc_offer_url"]),
        (&json!(""), &json!("/stream/webrtc/offer"))
    );
    let listed = list(&session).await;
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|stream| stream["id"].clone()).collect();
    assert_eq!(ids, ["default", "other"]);
    // As its documentation shows it, without a body.
    let stopped = ask(&session, Method::POST, "stop", "").await;
    assert_eq!((stopped.status, stopped.text.as_str()), (200, ""));
    let missing = ask(&session, Method::POST, "stop", "").await;
    assert_eq!(missing.refusal(), refused(404, "stream not found"));
    assert_eq!(post(&session, "stop", json!({"id": "other"})).await.status, 200);
    assert_eq!(list(&session).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_carried_out_says_why_and_starts_nothing() {
    let session = Session::live(MIRROR).await;
    assert_eq!(
        ask(&session, Method::POST, "start", "").await.refusal(),
        refused(400, "request body required")
    );
    for (body, message) in [
        (json!({"mode": "hls"}), "invalid stream mode"),
        (json!({"mode": "remote"}), "target_url is required for remote streaming"),
        (json!({"framerate": 0}), "framerate: must be 1 to 60 frames a second, got 0"),
        (json!({"id": "a b"}), "id: must be 1 to 50 letters, digits, - and _"),
    ] {
        assert_eq!(post(&session, "start", body).await.refusal(), refused(400, message));
    }
    for body in ["{", r#"{"framerate": "fast"}"#] {
        let answer = ask(&session, Method::POST, "start", body).await;
        assert!(
            answer.status == 400 && answer.text.starts_with("can't decode JSON body: "),
            "{}",
            answer.text
        );
    }
    let owned = post(&session, "start", json!({"id": "program"})).await;
    assert_eq!(owned.status, 409, "{}", owned.text);
    assert_eq!(post(&session, "stop", json!({"id": "program"})).await.status, 409);
    assert_eq!(list(&session).await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_offers_is_answered_if_the_stream_is_of_that_kind() {
    let session = Session::live(MIRROR).await;
    for (id, mode) in [("default", "webrtc"), ("played", "internal")] {
        let started = post(&session, "start", json!({"id": id, "mode": mode, "framerate": 12})).await;
        assert_eq!(started.status, 201, "{}", started.text);
    }
    let offer = async |body: Value| post(&session, "webrtc/offer", body).await;
    assert_eq!(offer(json!({})).await.refusal(), refused(400, "sdp is required"));
    assert_eq!(offer(json!({"id": "none", "sdp": OFFER})).await.refusal(), refused(404, "stream not found"));
    let other = offer(json!({"id": "played", "sdp": OFFER})).await;
    assert_eq!(other.refusal(), refused(409, "stream does not support webrtc"));
    assert_eq!(offer(json!({"sdp": "v=0"})).await.refusal(), refused(500, "failed to negotiate stream"));
    // In the same moment in which it was started.
    let answered = offer(json!({"sdp": OFFER})).await;
    assert_eq!(answered.status, 200, "{}", answered.text);
    let sdp = answered.json()["sdp"].as_str().unwrap().to_owned();
    assert!(sdp.contains("a=candidate:") && sdp.contains("a=sendonly"), "{sdp}");
}

/// The session's page, and what it sends may go to this machine, whatever its addresses are.
async fn live() -> Session {
    let session = Session::start_with(MIRROR, &["--allow-private-urls", "*"]);
    session.until_live(SOON).await;
    session
}

async fn named(session: &Session, id: &str) -> Value {
    let streams = list(session).await;
    let found = streams.as_array().unwrap().iter().find(|stream| stream["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("there must be {id}: {streams}"))
}

async fn until_streaming(session: &Session, id: &str) -> Value {
    let streaming = async || {
        let stream = named(session, id).await;
        if stream["is_streaming"] == true { Ok(stream) } else { Err(stream.to_string()) }
    };
    wait::until(SOON, streaming).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn players_of_two_kinds_fetch_what_was_started_for_them_as_fast_as_was_asked_for() {
    let session = live().await;
    post(&session, "start", json!({"id": "played", "framerate": 5})).await;
    post(&session, "start", json!({"id": "read", "mode": "socket", "framerate": 5})).await;
    let url = session.rtmp("/live/played");
    let probe = format!("timeout 30 ffmpeg -v error -i {url} -t 4 -map 0:v -f framecrc - | grep -vc '^#'");
    let frames: u32 = client::shell(&probe, Path::new("/")).await.unwrap().trim().parse().unwrap();
    assert!((15..=25).contains(&frames), "{frames} in 4 s");
    let socket = |id: &str| session.url(&format!("/stream/socket/{id}")).replace("http", "ws");
    let (mut read, _) = tokio_tungstenite::connect_async(socket("read")).await.unwrap();
    let first = loop {
        match tokio::time::timeout(SOON, read.next()).await.unwrap() {
            Some(Ok(Message::Binary(bytes))) => break bytes,
            Some(Ok(Message::Ping(_))) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((first[0], first.len() % 188), (0x47, 0));
    let refused = reqwest::get(session.url("/stream/socket/played")).await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), refused.text().await.unwrap().as_str()),
        (409, "stream not websocket-enabled")
    );
    assert_eq!(post(&session, "stop", json!({"id": "read"})).await.status, 200);
    let stopped = loop {
        match tokio::time::timeout(SOON, read.next()).await.unwrap() {
            Some(Ok(Message::Close(Some(frame)))) => break frame,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((u16::from(stopped.code), stopped.reason.as_str()), (1000, "stream stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_programme_is_counted_whichever_way_they_come() {
    let session = live().await;
    let counted = async |number: u64| {
        let count = async || {
            let report = session.report().await?;
            let viewers = report["livestreams"][0]["viewers"].as_u64().unwrap_or_default();
            if viewers == number { Ok(()) } else { Err(format!("{viewers} and not {number}")) }
        };
        wait::until(SOON, count).await;
    };
    let socket = session.url("/stream/socket/program").replace("http", "ws");
    let (read, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
    counted(1).await;
    let play = format!("-v error -i {} -f null -", session.rtmp("/live/program"));
    let mut player = client::ffmpeg(&play);
    counted(2).await;
    player.kill().await.unwrap();
    counted(1).await;
    drop(read);
    counted(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_sent_to_a_server_of_rtmp_and_its_key_is_told_to_nobody_else() {
    let session = live().await;
    let port = free_tcp();
    let url = format!("rtmp://127.0.0.1:{port}/app/secretkey");
    let body = json!({"id": "out", "mode": "remote", "target_url": url});
    let nobody = post(&session, "start", body.clone()).await;
    assert_eq!(nobody.refusal(), refused(500, "failed to start stream"));
    assert!(!nobody.text.contains("secretkey"), "{}", nobody.text);
    assert_eq!(list(&session).await, json!([]));
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("timeout 60 ffmpeg -v error -listen 1 -i {url} -c copy -f matroska got.mkv");
    let place = folder.path().to_owned();
    let listening = tokio::spawn(async move { client::shell(&listen, &place).await });
    let started = async || {
        let started = post(&session, "start", body.clone()).await;
        if started.status == 201 { Ok(started.json()) } else { Err(started.text) }
    };
    let started = wait::until(SOON, started).await.0;
    assert_eq!((&started["ingest_url"], &started["playback_url"]), (&json!(url), &json!(url)));
    let listed = until_streaming(&session, "out").await.to_string();
    assert!(listed.contains("rtmp://127.0.0.1") && !listed.contains("secretkey"), "{listed}");
    // ffmpeg looks at a stream for seconds before it writes any of it.
    let written = async || {
        let bytes = std::fs::metadata(folder.path().join("got.mkv")).map_or(0, |file| file.len());
        if bytes > ENOUGH_BYTES { Ok(()) } else { Err(format!("{bytes} bytes")) }
    };
    wait::until(SOON, written).await;
    assert_eq!(post(&session, "stop", json!({"id": "out"})).await.status, 200);
    tokio::time::timeout(SOON, listening).await.unwrap().unwrap().expect("it must end well");
    let probe = "ffprobe -v error -show_entries stream=codec_name -of csv=p=0 got.mkv";
    let got = client::shell(probe, folder.path()).await.unwrap();
    assert!(got.contains("h264") && got.contains("aac"), "{got}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_published_to_a_server_of_whip_which_hears_of_its_end() {
    let (session, server) = (live().await, Destination::start(&[]).await);
    let body =
        |token: &str| json!({"id": "out", "mode": "whip", "target_url": server.url("/whip"), "token": token});
    let started = post(&session, "start", body(TOKEN)).await;
    assert_eq!(started.status, 201, "{}", started.text);
    let listed = until_streaming(&session, "out").await;
    assert_eq!((&listed["mode"], &listed["playback_url"]), (&json!("whip"), &Value::Null));
    assert!(!listed.to_string().contains(TOKEN));
    assert_eq!(post(&session, "stop", json!({"id": "out"})).await.status, 200);
    let left = async || {
        let seen: Value = reqwest::get(server.url("/seen")).await.unwrap().json().await.unwrap();
        if seen["sessions"] == 0 { Ok(()) } else { Err(seen.to_string()) }
    };
    wait::until(SOON, left).await;
    let refused = post(&session, "start", body("another")).await;
    assert_eq!(refused.refusal().1, "failed to start stream", "{}", refused.text);
}

/// Looked for in all that a session tells of itself.
const KEY: &str = "streamkey-d41d8cd9";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_in_nothing_that_a_session_tells() {
    let session = Session::idle_with(&[("UNDERSTUDY_ALLOW_PRIVATE_URLS", "*"), ("RUST_LOG", "debug")]);
    session.until_live(SOON).await;
    // One that nobody answers, one that is refused at once, and one whose server has nothing to do with it.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = format!("127.0.0.1:{}", silent.local_addr().unwrap().port());
    for (id, body) in [
        ("silent", json!({"mode": "remote", "target_url": format!("rtmp://{silent}/app/{KEY}")})),
        (
            "gone",
            json!({"mode": "remote", "target_url": format!("rtmps://127.0.0.1:9/app/{KEY}?auth={KEY}")}),
        ),
        ("whip", json!({"mode": "whip", "target_url": format!("http://127.0.0.1:9/{KEY}"), "token": KEY})),
        ("bad", json!({"mode": "remote", "target_url": format!("https://127.0.0.1/{KEY}")})),
    ] {
        let mut body = body;
        body["id"] = json!(id);
        let answer = post(&session, "start", body).await;
        assert_eq!(
            answer.status == 201,
            answer.text.contains(KEY),
            "only who started one is told: {}",
            answer.text
        );
    }
    let told = [
        list(&session).await.to_string(),
        session.report().await.unwrap().to_string(),
        session.metrics().await,
        session.log(),
    ];
    assert!(told[3].contains("push"), "it tells of them: {}", told[3]);
    for text in told {
        assert!(!text.contains(KEY), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_that_come_and_go_leave_nothing_behind() {
    const ROUNDS: usize = 1000;
    const GROWTH_KIB: u64 = 16 << 10;
    let session = live().await;
    let http = reqwest::Client::new();
    let round = async |number: usize| {
        let mode = ["internal", "webrtc", "socket"][number % 3];
        let id = format!("round-{number}");
        let start = json!({"id": id, "mode": mode, "framerate": 5 + number % 20});
        let started = http.post(session.url("/stream/start")).body(start.to_string()).send().await.unwrap();
        assert_eq!(started.status(), 201);
        let stop = json!({"id": id}).to_string();
        assert_eq!(http.post(session.url("/stream/stop")).body(stop).send().await.unwrap().status(), 200);
    };
    // Somebody watches all the time: what is kept warm for a while is there before and after.
    let socket = session.url("/stream/socket/program").replace("http", "ws");
    let (mut read, _) = tokio_tungstenite::connect_async(socket).await.unwrap();
    assert!(read.next().await.unwrap().is_ok());
    let _watching = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        while read.next().await.is_some() {}
    }));
    for number in 0..50 {
        round(number).await;
    }
    let before = Held::at_rest(&session).await;
    for number in 0..ROUNDS {
        round(number).await;
    }
    before.comes_back(&session, Held { descriptors: 2, threads: 2, resident_kib: GROWTH_KIB }).await;
    assert_eq!(list(&session).await, json!([]));
}
