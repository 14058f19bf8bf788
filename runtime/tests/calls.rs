//! Participants that call each other, as the source system's clients make them: over HTTP, server-sent events and WebM.

mod browser_peer;
mod many;
mod other_stacks;
mod page;
mod requests;

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::{Value, json};
use understudy_e2e::browser::{self, Chromium, Page};
use understudy_e2e::probe::Watch;
use understudy_e2e::wait;

use crate::support::session::Session;
use crate::webm::PLAY;

/// Shows the test picture at its camera, and nothing else to anybody.
const SPEC: &str = r#"
displayName: Ada
inputs:
  video: {file: {url: "understudy:test-picture"}}
  audio: {file: {url: "understudy:test-picture"}}
"#;
/// On a machine that does more than this.
const SOON: Duration = Duration::from_secs(20);
const CHANNEL: &str = "stage-1";

/// A participant of that name, with its own hub or at that of another.
fn participant(name: &str, hub: Option<&Session>, more: &[&str]) -> Session {
    let hub = hub.map(|other| other.url("/api/call/hub").replacen("http", "ws", 1));
    let mut arguments = vec!["--calls", "true", "--participant-id", name];
    arguments.extend(hub.iter().flat_map(|hub| ["--calls-hub", hub]));
    arguments.extend(more);
    Session::start_heard(SPEC, &arguments)
}

async fn post(session: &Session, path: &str, body: Value) -> Response {
    let request = Client::new().post(session.url(path)).body(body.to_string());
    request.send().await.expect("it must be answered")
}

/// What is answered to what has to succeed.
async fn done(session: &Session, path: &str, body: Value) -> Value {
    let answer = post(session, path, body).await;
    let (status, text) = (answer.status(), answer.text().await.expect("it must have a body"));
    assert!(status.is_success(), "{path}: {status}: {text}");
    serde_json::from_str(&text).expect("it must be JSON")
}

fn with(peer: &str) -> Value {
    json!({ "channel_id": CHANNEL, "remote_peer": peer })
}

/// What `GET /api/call/active` says of the call.
async fn active(session: &Session) -> Option<Value> {
    let answer = reqwest::get(session.url("/api/call/active")).await.expect("it must be answered");
    let calls: Vec<Value> = answer.json().await.expect("it must be an array");
    calls.into_iter().find(|call| call["channel_id"] == CHANNEL)
}

async fn until_connected(session: &Session) {
    let connected = || async {
        match active(session).await {
            Some(call) if call["pc_state"] == "connected" && call["phase"] == "connected" => Ok(()),
            other => Err(format!("{other:?}\n{}", session.log())),
        }
    };
    wait::until(SOON, connected).await;
}

/// Server-sent events, as they come.
struct Events {
    answer: Response,
    read: String,
}

impl Events {
    async fn open(session: &Session, path: &str) -> Self {
        let answer = reqwest::get(session.url(path)).await.expect("it must be answered");
        assert_eq!(answer.status(), 200);
        let mut events = Self { answer, read: String::new() };
        assert_eq!(events.next().await, Some(("connected".to_owned(), json!({ "status": "ok" }))));
        events
    }

    /// The next one; none: there are no more.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            while let Some((block, rest)) = self.read.split_once("\n\n") {
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (event, data) = (field("event: "), field("data: "));
                self.read = rest.to_owned();
                if let (Some(event), Some(data)) = (event, data) {
                    return Some((event, serde_json::from_str(&data).expect("it must be JSON")));
                }
            }
            let chunk =
                tokio::time::timeout(SOON, self.answer.chunk()).await.expect("something must be told");
            self.read
                .push_str(std::str::from_utf8(&chunk.expect("it must be read")?).expect("it must be text"));
        }
    }

    /// The first of that name from now on.
    async fn named(&mut self, name: &str) -> Value {
        loop {
            let (event, data) = self.next().await.expect("it must come before the end");
            if event == name {
                return data;
            }
        }
    }
}

/// Plays a side of the call at that page as clients of the source system do, where there is no WebRTC.
async fn play(page: &Page, session: &Session, side: &str) {
    let stream = session.url(&format!("/api/call/{side}/{CHANNEL}")).replacen("http", "ws", 1);
    let begun = page.evaluate(&PLAY.replace("STREAM", &stream)).await;
    assert_eq!(begun.expect("the page must run it"), true);
}

/// The pictures that others show count on, and are heard.
const PLAYS: &str = "video.error === null && numbers.size > 30 && video.currentTime > 2 \
    && video.webkitAudioDecodedByteCount > 0";

#[tokio::test(flavor = "multi_thread")]
async fn two_participants_talk_over_a_hub_and_pages_without_webrtc_see_and_hear_each_of_them() {
    let ada = participant("ada", None, &[]);
    ada.until_live(SOON * 2).await;
    let bob = participant("bob", Some(&ada), &[]);
    bob.until_live(SOON * 2).await;
    let mut rings = Events::open(&ada, "/api/call/events").await;
    let started = done(&bob, "/api/call/start", with("ada")).await;
    assert_eq!(started, json!({ "status": "started", "channel_id": CHANNEL }));
    let incoming = json!({ "type": "incoming-call", "channel_id": CHANNEL, "remote_peer": "bob" });
    assert_eq!(rings.next().await, Some(("call".to_owned(), incoming.clone())));
    // Whoever listens later hears of what rings now.
    let mut later = Events::open(&ada, "/api/call/events").await;
    assert_eq!(later.next().await, Some(("call".to_owned(), incoming)));
    let accepted = done(&ada, "/api/call/accept", with("bob")).await;
    assert_eq!(accepted, json!({ "status": "accepted", "channel_id": CHANNEL }));
    assert_eq!(rings.named("call").await["type"], "call-accepted");
    until_connected(&ada).await;
    until_connected(&bob).await;
    let mut course = Events::open(&ada, &format!("/api/call/session/{CHANNEL}/events")).await;
    assert_eq!(course.named("state").await["pc_state"], "connected");

    // A page that nobody sees is shown nothing: each has a browser of its own.
    let (one, other) = (Chromium::launch().await, Chromium::launch().await);
    let (at_ada, at_bob) = (one.open(&ada.url("/status")).await, other.open(&bob.url("/status")).await);
    play(&at_ada, &ada, "media").await;
    play(&at_bob, &bob, "media").await;
    browser::becomes_true(&at_ada, PLAYS).await;
    browser::becomes_true(&at_bob, PLAYS).await;
    browser::photograph(&at_bob, "call-webm.png").await;

    // What is switched off is black for the other side, and comes back.
    let toggled = done(&ada, "/api/call/toggle-video", json!({ "channel_id": CHANNEL })).await;
    assert_eq!(toggled, json!({ "disabled": true }));
    assert_eq!(course.named("state").await["video_on"], false);
    browser::becomes_true(&at_bob, "lightest() < 40").await;
    done(&ada, "/api/call/toggle-video", json!({ "channel_id": CHANNEL })).await;
    at_bob.evaluate("numbers.clear()").await.expect("the page must run it");
    browser::becomes_true(&at_bob, "numbers.size > 20").await;

    let hung_up = done(&bob, "/api/call/hangup", json!({ "channel_id": CHANNEL })).await;
    assert_eq!(hung_up["status"], "hung_up");
    let hangup = course.named("hangup").await;
    assert_eq!((&hangup["type"], &hangup["reason"]), (&json!("hangup"), &json!("peer-hung-up")));
    assert_eq!(course.next().await, None, "and that is the end");
    assert_eq!((active(&ada).await, active(&bob).await), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_dies_in_a_call_is_called_again_under_the_same_name() {
    let ada = participant("ada", None, &["--calls-auto-accept", "true"]);
    ada.until_live(SOON * 2).await;
    let bob = participant("bob", Some(&ada), &[]);
    bob.until_live(SOON * 2).await;
    done(&bob, "/api/call/start", with("ada")).await;
    until_connected(&bob).await;
    until_connected(&ada).await;
    bob.kill().await;
    // Its connection has ended without a word, and is not given up for a while.
    let bob = participant("bob", Some(&ada), &[]);
    bob.until_live(SOON * 2).await;
    let unwell = || async {
        let call = active(&ada).await.map(|call| call["pc_state"].clone());
        (call != Some(json!("connected"))).then_some(()).ok_or_else(|| format!("{call:?}"))
    };
    wait::until(SOON * 2, unwell).await;
    done(&bob, "/api/call/start", with("ada")).await;
    until_connected(&bob).await;
    until_connected(&ada).await;
    assert!(bob.terminate().await.success());
    let over = || async {
        let call = active(&ada).await;
        call.is_none().then_some(()).ok_or_else(|| format!("{call:?}"))
    };
    wait::until(SOON, over).await;
    assert_eq!(ada.counts("understudy_calls_ended_total{reason=\"peer-hung-up\"}").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_other_side_says_is_heard_in_the_programme() {
    let ada = participant("ada", None, &[]);
    ada.until_live(SOON * 2).await;
    let hub = ada.url("/api/call/hub").replacen("http", "ws", 1);
    let silent =
        ["--calls", "true", "--participant-id", "eve", "--calls-auto-accept", "true", "--calls-hub", &hub];
    let eve = Session::idle_logged(&silent);
    eve.until_reason("PageReady", "Loaded").await;
    done(&ada, "/api/call/start", with("eve")).await;
    until_connected(&eve).await;
    let seen = Watch::new(eve.whep(), 5).run().await.expect("the programme must be shown");
    let tone = (seen.tone_hz - 1000.0).abs() < 10.0 && (0.1..0.3).contains(&seen.tone_duty);
    assert!(tone, "{seen:?}\n{}", eve.log());
}
