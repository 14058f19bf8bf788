//! Livestreams that are started over HTTP, as the source system's clients do it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::session::Session;

const MIRROR: &str = include_str!("../../examples/session.yaml");

const OFFER: &str = include_str!("fixtures/chromium_offer.sdp");

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
