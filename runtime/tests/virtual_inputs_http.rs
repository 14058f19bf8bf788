//! A session driven over HTTP alone, as the source system's clients do it, with its feed page in a real browser, and set
//! up through the environment as they do it.

mod feed;
mod settings;
mod viewers;

use std::time::Duration;

use futures::StreamExt;
use nix::sys::socket::sockopt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::wait;

use crate::support::session::Session;

/// From the start to a page that shows its camera, on a machine that does more than this.
const START: Duration = Duration::from_secs(40);

/// Whoever does not answer the next one's knock for two seconds is gone; more for a loaded machine.
const VANISHED: Duration = Duration::from_secs(5);

const MIRROR_ALONE: &str = "page: {url: 'understudy:mirror'}";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Answer {
    status: u16,
    kind: String,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }
}

async fn ask(session: &Session, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    let url = session.url(&format!("/input/devices/virtual/{path}"));
    let answer = reqwest::Client::new().request(method, url).body(body).send().await.unwrap();
    let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    Answer {
        status: answer.status().as_u16(),
        kind: kind.unwrap_or_default(),
        text: answer.text().await.unwrap(),
    }
}

async fn post(session: &Session, path: &str, body: impl Into<reqwest::Body>) -> Answer {
    ask(session, Method::POST, path, body).await
}

async fn steered(session: &Session, path: &str, body: &Value) -> Value {
    let answer = post(session, path, body.to_string()).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

async fn status(session: &Session) -> Value {
    ask(session, Method::GET, "status", "").await.json()
}

fn idle() -> Value {
    json!({
        "state": "idle", "mode": "device", "video_device": "/dev/video20", "audio_sink": "audio_input",
        "microphone_source": "microphone",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_without_a_document_shows_how_to_drive_it_and_is_driven_over_http() {
    let session = Session::idle(&[]);
    session.until_reason("PageReady", "Loaded").await;
    session.until_reason("DevicesReady", "Live").await;
    assert_eq!(status(&session).await, idle());
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/pages/welcome")).await;
    browser::becomes_true(&page, "document.body.innerText.includes(location.origin + '/view')").await;
    browser::photograph(&page, "welcome.png").await;
    assert!(session.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_page_what_is_configured_is_watched_also_what_is_for_the_speaker_until_it_is_stopped() {
    let session = Session::start("displayName: Ada");
    session.until_reason("PageReady", "NotWanted").await;
    let clip = session.clip().display().to_string();
    let audio = json!({"type": "file", "url": clip, "destination": "speaker"});
    steered(&session, "configure", &json!({"video": {"type": "file", "url": clip}, "audio": audio})).await;
    session.until_live(START).await;
    // How many pictures come is judged where nothing runs beside it.
    let seen = session.watch(3).run().await.unwrap();
    assert!(seen.frames > 30 && (seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");
    steered(&session, "stop", &json!({})).await;
    session.until_reason("DevicesReady", "NotWanted").await;
    wait::until(START, || async {
        let (left, report) = (session.children("pulseaudio"), session.report().await?);
        let nothing = left.is_empty() && report["livestreams"][0]["reason"] == "NoPage";
        if nothing { Ok(()) } else { Err(format!("{left:?}, {report}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_configured_paused_resumed_and_stopped_and_a_viewer_sees_it() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    let clip = session.clip().display().to_string();
    let body = json!({
        "video": {"type": "File", "url": clip}, "audio": {"type": "file", "url": clip}, "start_paused": true,
    });
    let paused = steered(&session, "configure", &body).await;
    assert_eq!(paused["state"], "paused");
    let video = json!({"type": "file", "url": clip, "width": 1280, "height": 720, "frame_rate": 30});
    assert_eq!(paused["video"], video);
    assert_eq!(paused["audio"], json!({"type": "file", "url": clip, "destination": "microphone"}));
    let running = steered(&session, "resume", &json!({})).await;
    assert_eq!(running["state"], "running");
    assert_ne!(running["started_at"], paused["started_at"], "the state began with its change");
    session.until_live(START).await;
    session.watch(5).whole().await.unwrap();
    assert_eq!(status(&session).await, running);
    for state in ["pause", "pause"] {
        assert_eq!(steered(&session, state, &json!({})).await["state"], "paused");
    }
    // Twice, without a body, and with one that is ignored.
    for body in ["", "not JSON"] {
        assert_eq!(post(&session, "stop", body).await.json(), idle());
    }
}

/// Where nothing is configured to be sent.
async fn nobody_is_let_in_to_send(session: &Session) {
    for (body, code, message) in [
        ("{}", 400, "sdp is required"),
        (r#"{"sdp":" "}"#, 400, "sdp is required"),
        (r#"{"sdp":"v=0"}"#, 409, "virtual input not configured for webrtc ingest"),
    ] {
        let answer = post(session, "webrtc/offer", body).await;
        assert_eq!((answer.status, answer.json()), (code, json!({"message": message})), "{body}");
    }
    let info = ask(session, Method::GET, "feed/socket/info", "").await;
    assert_eq!((info.status, info.json()), (409, json!({"message": "virtual video ingest not active"})));
    for kind in ["video", "audio"] {
        let refused = knock(session, kind).await.unwrap_err();
        assert_eq!(refused, (409, "socket ingest not configured".to_owned()), "{kind}");
    }
    let answer = post(session, "webrtc/offer", "v=0").await;
    assert_eq!((answer.status, answer.kind.starts_with("text/plain")), (400, true));
    assert!(answer.text.starts_with("can't decode JSON body"), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_invalid_says_why_and_leaves_what_runs_alone() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    for (path, message) in [
        ("pause", "no active virtual input session to pause"),
        ("resume", "no virtual input configuration to resume"),
    ] {
        let answer = post(&session, path, "").await;
        assert_eq!((answer.status, answer.json()), (400, json!({"message": message})));
    }
    let body = json!({"video": {"type": "file", "url": "understudy:test-picture"}});
    steered(&session, "configure", &body).await;
    let before = status(&session).await;
    for (body, message) in [
        ("{}", "either video or audio source must be provided"),
        ("null", "either video or audio source must be provided"),
        (r#"{"video":{}}"#, "video source type is required"),
        (r#"{"audio":{"url":"http://a/b"}}"#, "audio source type is required"),
        (r#"{"video":{"type":"stream"}}"#, "video URL must be provided when video source is set"),
        (r#"{"audio":{"type":"file"}}"#, "audio URL must be provided when audio source is set"),
        (r#"{"audio":{"type":"stream","url":" "}}"#, "audio URL must be provided when audio source is set"),
        (r#"{"video":{"type":"tape"}}"#, "video.type: must be stream, file, socket or webrtc, got tape"),
        (r#"{"audio":{"type":"tape"}}"#, "audio.type: must be stream, file, socket or webrtc, got tape"),
        (
            r#"{"video":{"type":"socket","format":"h264"}}"#,
            "unsupported video format for realtime ingest: expected mpegts for socket video, got h264",
        ),
        (
            r#"{"video":{"type":"webrtc","format":"mpegts"}}"#,
            "unsupported video format for realtime ingest: expected ivf for webrtc video, got mpegts",
        ),
        (
            r#"{"audio":{"type":"socket","format":"ogg"}}"#,
            "unsupported audio format for realtime ingest: expected mp3 for socket audio, got ogg",
        ),
        (
            r#"{"audio":{"type":"webrtc","format":"mp3"}}"#,
            "unsupported audio format for realtime ingest: expected ogg for webrtc audio, got mp3",
        ),
        (
            r#"{"video":{"type":"socket","frame_rate":90}}"#,
            "video.frame_rate: must be 1 to 60 frames a second, got 90",
        ),
        (
            r#"{"audio":{"type":"socket","destination":"roof"}}"#,
            "audio.destination: must be microphone or speaker, got roof",
        ),
    ] {
        let answer = post(&session, "configure", body).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"message": message})), "{body}");
    }
    for body in ["", "{", "[1]", r#"{"video":{"type":"socket","width":"wide"}}"#] {
        let answer = post(&session, "configure", body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.kind.starts_with("text/plain"), "{body}: {}", answer.kind);
        assert!(answer.text.starts_with("can't decode JSON body"), "{body}: {}", answer.text);
    }
    nobody_is_let_in_to_send(&session).await;
    assert_eq!(status(&session).await, before, "what runs goes on");
}

/// Somebody who would send over a socket: the first word that they are told, or why they are turned away.
async fn knock(session: &Session, kind: &str) -> Result<(Socket, String), (u16, String)> {
    let url = session.url(&format!("/input/devices/virtual/socket/{kind}")).replace("http:", "ws:");
    match tokio_tungstenite::connect_async(url).await {
        Ok((mut socket, _)) => {
            let word = socket.next().await.expect("something must be said").expect("it must be heard");
            Ok((socket, word.into_text().unwrap().to_string()))
        }
        Err(Error::Http(answer)) => {
            let body = answer.body().as_deref().unwrap_or_default();
            Err((answer.status().as_u16(), String::from_utf8_lossy(body).into_owned()))
        }
        Err(other) => panic!("not refused over HTTP: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_publisher_of_a_kind_is_let_in_at_a_time() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    let body = json!({"video": {"type": "socket"}, "audio": {"type": "socket"}});
    let before = steered(&session, "configure", &body).await;
    for (kind, format) in [("video", "mpegts"), ("audio", "mp3")] {
        let (first, word) = knock(&session, kind).await.unwrap();
        assert_eq!(word, format);
        // As any client does that reads: it answers pings by itself.
        let reads = tokio::spawn(first.for_each(|_| async {}));
        let refused = knock(&session, kind).await.unwrap_err();
        assert_eq!(refused, (409, "socket ingest already connected".to_owned()));
        reads.abort();
        // The contract's second; whoever is not gone by then keeps others out.
        wait::until(Duration::from_secs(1), || async {
            knock(&session, kind).await.map(drop).map_err(|(_, why)| why)
        })
        .await;
    }
    assert_eq!(status(&session).await, before);
}

/// Goes without a word, as when the power fails: a connection in repair (tcp(7)) is closed silently.
fn vanish(socket: Socket) {
    let MaybeTlsStream::Plain(stream) = socket.get_ref() else { panic!("there is no TLS here") };
    nix::sys::socket::setsockopt(stream, sockopt::TcpRepair, &1)
        .expect("this takes CAP_NET_ADMIN: run it as root");
    drop(socket);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_place_of_a_publisher_that_vanished_is_free_again() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    steered(&session, "configure", &json!({"video": {"type": "socket"}})).await;
    vanish(knock(&session, "video").await.unwrap().0);
    wait::until(VANISHED, || async { knock(&session, "video").await.map(drop).map_err(|(_, why)| why) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_cannot_be_answered_is_told_and_the_session_goes_on() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    let before = steered(&session, "configure", &json!({"video": {"type": "webrtc"}})).await;
    let answer = post(&session, "webrtc/offer", r#"{"sdp":"nonsense"}"#).await;
    assert_eq!(
        (answer.status, &answer.json()["message"]),
        (500, &json!("failed to negotiate webrtc ingest"))
    );
    assert_eq!(status(&session).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_document_sets_is_not_replaced_over_http() {
    let session = Session::start(include_str!("../../examples/session.yaml"));
    session.until_reason("PageReady", "Loaded").await;
    let told = status(&session).await;
    assert_eq!(
        (&told["state"], &told["video"]["url"]),
        (&json!("running"), &json!("understudy:test-picture"))
    );
    let body = r#"{"video":{"type":"socket"}}"#;
    for (path, body) in [("configure", body), ("stop", "")] {
        let answer = post(&session, path, body).await;
        assert_eq!(answer.status, 409, "{path}: {}", answer.text);
        assert!(answer.json()["message"].as_str().unwrap().contains("spec.inputs"));
    }
    assert_eq!(status(&session).await, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_of_the_surface_is_served() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    let yaml = reqwest::get(session.url("/spec.yaml")).await.unwrap();
    assert_eq!(yaml.headers()["content-type"], "application/vnd.oai.openapi");
    assert!(yaml.text().await.unwrap().contains("/input/devices/virtual/configure:"));
    let json: Value = reqwest::get(session.url("/spec.json")).await.unwrap().json().await.unwrap();
    assert!(json["paths"]["/input/devices/virtual/feed"]["get"].is_object());
    let player = reqwest::get(session.url("/players/hls.js")).await.unwrap();
    assert_eq!(player.headers()["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(player.headers()["x-content-type-options"], "nosniff");
    for name in ["package.json", "..%2fmedia%2ftest-picture.mkv"] {
        let answer = reqwest::get(session.url(&format!("/players/{name}"))).await.unwrap();
        assert_eq!(answer.status(), 404, "{name}");
    }
}
