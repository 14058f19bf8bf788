//! The table of methods, statuses and bodies.

use reqwest::Method;
use serde_json::{Value, json};

use super::client::{active, ask, body};
use crate::support::session::Session;

/// All of one streamer's fields, but what differs from run to run.
fn shape(told: &Value) -> Vec<&String> {
    told.as_object().unwrap().keys().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_its_status_and_its_words() {
    let session = Session::idle(&[]);
    let begun = active(&session, "desk-1").await;
    assert_eq!(
        shape(&begun),
        [
            "connected_peers",
            "created_at",
            "fps",
            "height",
            "moonlight_connected",
            "peers",
            "restarts",
            "status",
            "streamer_id",
            "width"
        ]
    );
    assert_eq!((&begun["streamer_id"], &begun["moonlight_connected"]), (&json!("desk-1"), &json!(true)));
    assert_eq!((&begun["connected_peers"], &begun["peers"]), (&json!(0), &json!([])));
    assert_eq!(
        (&begun["width"], &begun["height"]),
        (&json!(1280), &json!(720)),
        "what is so, not what was asked"
    );
    let created = begun["created_at"].as_str().unwrap();
    let age = jiff_age(created);
    assert!((0..120).contains(&age), "{created} is {age} s ago");

    refusals(&session).await;

    let (status, all) = ask(&session, Method::GET, "/api/streamers", None).await;
    assert_eq!(
        (status, all),
        (200, json!({ "streamers": [begun.clone()] })),
        "it stays as it is with nobody"
    );
    let (status, one) = ask(&session, Method::GET, "/api/streamers/desk-1", None).await;
    assert_eq!((status, &one), (200, &begun));

    let unnamed = {
        let mut body = body("");
        body.as_object_mut().unwrap().remove("streamer_id");
        ask(&session, Method::POST, "/api/streamers", Some(body.to_string())).await
    };
    let id = unnamed.1["streamer_id"].as_str().unwrap().to_owned();
    assert_eq!((unnamed.0, id.len()), (200, 36), "one is made, without waiting: 200, not 201");
    bound(&session).await;

    for (id, status) in [("desk-1", 204), ("desk-1", 404), (id.as_str(), 204)] {
        let (told, text) = ask(&session, Method::DELETE, &format!("/api/streamers/{id}"), None).await;
        let words = if status == 204 { json!("") } else { json!({ "error": "Streamer not found" }) };
        assert_eq!((told, text), (status, words));
    }
    idle_ends(&session).await;
}

async fn refusals(session: &Session) {
    let changed = |field: &str, value: Value| {
        let mut body = body("other");
        body[field] = value;
        body.to_string()
    };
    let without = |field: &str| {
        let mut body = body("other");
        body.as_object_mut().unwrap().remove(field);
        body.to_string()
    };
    for (path, sent, status, words) in [
        ("/api/streamers", body("desk-1").to_string(), 409, "Streamer already exists"),
        ("/api/streamers", changed("host_id", json!(1)), 404, "Host not found"),
        ("/api/streamers", changed("app_id", json!(7)), 500, "there is no app 7"),
        ("/api/streamers", changed("streamer_id", json!("a/b")), 400, "streamer_id: must be"),
        ("/api/streamers", changed("fps", json!("fast")), 400, "fps: invalid type"),
        (
            "/api/streamers",
            changed("video_colorspace", json!("RGB")),
            400,
            "video_colorspace: unknown variant",
        ),
        ("/api/streamers", without("bitrate"), 400, "missing field `bitrate`"),
        ("/api/streamers", without("client_unique_id"), 400, "missing field `client_unique_id`"),
        ("/api/streamers", String::new(), 400, "EOF"),
        ("/api/streamers", "[]".to_owned(), 400, "invalid type"),
        ("/api/streamers", " ".repeat(100_000), 413, "too long"),
        ("/api/streamers?wait=soon", body("other").to_string(), 400, "wait: must be"),
        ("/api/streamers?wait=61", body("other").to_string(), 400, "wait: must be"),
    ] {
        let (told, answer) = ask(session, Method::POST, path, Some(sent)).await;
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(told == status && error.contains(words), "{path}: {told} {answer}");
    }
    for (method, path) in [
        (Method::GET, "/api/streamers/nobody"),
        (Method::DELETE, "/api/streamers/nobody"),
        (Method::GET, "/api/streamers/nobody/peer"),
        (Method::GET, "/api/streamers/a%20b"),
    ] {
        let (status, answer) = ask(session, method, path, None).await;
        assert!(status == 404 && answer["error"] == "Streamer not found", "{path}: {status} {answer}");
    }
}

/// There are two now.
async fn bound(session: &Session) {
    let begin = |id: String| async move {
        ask(session, Method::POST, "/api/streamers", Some(body(&id).to_string())).await
    };
    for number in 2..8 {
        assert_eq!(begin(format!("n{number}")).await.0, 200, "{number}");
    }
    let (status, answer) = begin("n8".to_owned()).await;
    assert!(status == 503 && answer["error"].as_str().unwrap().contains("8 streamers"), "{answer}");
    for number in 2..8 {
        assert_eq!(ask(session, Method::DELETE, &format!("/api/streamers/n{number}"), None).await.0, 204);
    }
}

/// One that is to end with nobody does; and one of which nothing was said is still there then.
async fn idle_ends(session: &Session) {
    let mut brief = body("brief");
    brief["idle_timeout_seconds"] = json!(1);
    assert_eq!(ask(session, Method::POST, "/api/streamers", Some(body("stays").to_string())).await.0, 200);
    assert_eq!(ask(session, Method::POST, "/api/streamers", Some(brief.to_string())).await.0, 200);
    let gone = || async {
        let (status, told) = ask(session, Method::GET, "/api/streamers/brief", None).await;
        if status == 404 { Ok(()) } else { Err(told.to_string()) }
    };
    understudy_e2e::wait::until(super::client::SOON, gone).await;
    assert_eq!(ask(session, Method::GET, "/api/streamers/stays", None).await.0, 200);
}

/// How many seconds ago that was.
fn jiff_age(at: &str) -> i64 {
    let at: jiff::Timestamp = at.parse().unwrap();
    (jiff::Timestamp::now() - at).total(jiff::Unit::Second).unwrap() as i64
}
