//! What is asked over HTTP, and what is said of it.

use reqwest::Method;

use super::*;

async fn asked(session: &Session, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = Client::new().request(method, session.url(path)).body(body.to_owned());
    let answer = request.send().await.expect("it must be answered");
    (answer.status().as_u16(), answer.text().await.expect("it must have a body"))
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_switched_off_are_the_page_s_own_and_nothing_else_is_there() {
    let session = Session::idle(&[]);
    session.until_reason("PageReady", "Loaded").await;
    let mode: Value = reqwest::get(session.url("/api/call/mode")).await.unwrap().json().await.unwrap();
    assert_eq!(mode["mode"], "browser");
    for path in ["/api/call/start", "/api/call/active", "/api/call/media/x", "/api/call/hub?peer=a"] {
        let (status, text) = asked(&session, Method::GET, path, "").await;
        assert_eq!(status, 404, "{path}");
        assert!(text.contains("UNDERSTUDY_CALLS"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_answered_in_the_source_system_s_words() {
    let session = Session::idle(&["--calls", "true", "--participant-id", "ada"]);
    session.until_reason("PageReady", "Loaded").await;
    let mode: Value = reqwest::get(session.url("/api/call/mode")).await.unwrap().json().await.unwrap();
    assert_eq!(mode, json!({ "mode": "native", "platform": "linux", "first": true }));
    let again: Value = reqwest::get(session.url("/api/call/mode")).await.unwrap().json().await.unwrap();
    assert_eq!(again["first"], false);

    let (get, post) = (Method::GET, Method::POST);
    let whom = r#"{"channel_id": "x", "remote_peer": "bob"}"#;
    let oneself = r#"{"channel_id": "x", "remote_peer": "ada"}"#;
    let unnamed = r#"{"channel_id": "x"}"#;
    for (method, path, body, status, text) in [
        (&get, "/api/call/start", "", 405, "method not allowed"),
        (&get, "/api/call/hangup", "", 405, "method not allowed"),
        (&post, "/api/call/active", "", 405, "method not allowed"),
        (&post, "/api/call/events", "", 405, "method not allowed"),
        (&post, "/api/call/start", "{", 400, "invalid json: "),
        (&post, "/api/call/start", r#"{"channel_id": 7}"#, 400, "invalid json: channel_id"),
        (&post, "/api/call/start", unnamed, 400, "missing channel_id or remote_peer"),
        (&post, "/api/call/accept", "{}", 400, "missing channel_id or remote_peer"),
        (&post, "/api/call/start", oneself, 400, "start call failed: remote_peer is this participant itself"),
        (&post, "/api/call/accept", whom, 500, "accept call failed: nobody of that name is here"),
        (&post, "/api/call/hangup", "{}", 400, "missing channel_id"),
        (&post, "/api/call/hangup", unnamed, 200, r#"{"status":"not_found"}"#),
        (&post, "/api/call/toggle-audio", unnamed, 404, "session not found"),
        (&post, "/api/call/toggle-video", unnamed, 404, "session not found"),
        (&get, "/api/call/active", "", 200, "[]"),
        (&get, "/api/call/debug", "", 200, r#"{"session_count":0,"sessions":[]}"#),
        (&get, "/api/call/session/x", "", 400, "bad path"),
        (&get, "/api/call/session//events", "", 400, "bad path"),
        (&get, "/api/call/session/x/events", "", 404, "session not found"),
        (&get, "/api/call/media/x", "", 404, "session not found"),
        (&get, "/api/call/selfvideo/x", "", 404, "session not found"),
        (&post, "/api/call/loopback/x", "{}", 400, "bad path"),
        (&post, "/api/call/loopback/x/offer", "{}", 404, "session not found"),
        (&post, "/api/call/loopback/x/other", "{}", 404, "unknown loopback action"),
        (&get, "/api/call/loopback/x/offer", "", 404, "unknown loopback action"),
    ] {
        let (answered, told) = asked(&session, method.clone(), path, body).await;
        assert_eq!(answered, status, "{method} {path} {body}: {told}");
        assert!(told.starts_with(text), "{method} {path} {body}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_nobody_answers_is_told_why_and_what_is_shown_meanwhile_can_be_looked_at() {
    let session = Session::idle(&["--calls", "true", "--participant-id", "ada"]);
    session.until_reason("PageReady", "Loaded").await;
    done(&session, "/api/call/start", with("nobody")).await;
    let call = active(&session).await.expect("it must ring");
    assert_eq!(
        (&call["phase"], &call["is_origin"], &call["hung"]),
        (&json!("requested"), &json!(true), &json!(false))
    );
    let mut course = Events::open(&session, &format!("/api/call/session/{CHANNEL}/events")).await;
    assert_eq!(course.named("state").await["phase"], "requested");
    // The preview of a camera needs no other side.
    let own = session.url(&format!("/api/call/selfvideo/{CHANNEL}"));
    let mut own = reqwest::get(own).await.expect("it must be answered");
    assert_eq!(own.headers()["content-type"], "video/webm");
    let first = tokio::time::timeout(SOON, own.chunk()).await.expect("it must come").unwrap().unwrap();
    assert_eq!(first[..4], [0x1a, 0x45, 0xdf, 0xa3]);
    let early = r#"{"sdp": "v=0"}"#;
    let path = format!("/api/call/loopback/{CHANNEL}/offer");
    assert_eq!(asked(&session, Method::POST, &path, early).await.0, 409);
    // After the time for which a peer is rung.
    let hangup = loop {
        let wait = tokio::time::timeout(Duration::from_secs(40), course.next());
        match wait.await.expect("it must end").expect("its end must be told") {
            (name, data) if name == "hangup" => break data,
            _ => {}
        }
    };
    assert_eq!((&hangup["type"], &hangup["reason"]), (&json!("call-hangup"), &json!("unreachable")));
    assert!(hangup["message"].as_str().unwrap().contains("remote_peer"), "{hangup}");
    let last = tokio::time::timeout(SOON, async { while own.chunk().await.unwrap().is_some() {} }).await;
    last.expect("the preview must end with the call");
}
