//! From RTMP to a browser's protocol, by the whole runtime: one process publishes, another takes that in, and is watched.

use reqwest::Client;
use serde_json::{Value, json};
use understudy_e2e::wait;

use crate::support::processes::SOON;
use crate::support::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_to_our_own_rtmp_is_taken_in_and_watched_over_whep() {
    let data = tempfile::tempdir().unwrap();
    let directory = data.path().to_str().unwrap();
    let session = Session::idle_with(&[
        ("CORE_WEBRTC_ENABLE", "true"),
        ("CORE_STORAGE_DISK_DIR", directory),
        // As if they were not set.
        ("CORE_ADDRESS", ""),
        ("CORE_RTMP_ADDRESS", ""),
        ("CORE_FFMPEG_BINARY", ""),
        ("CORE_FFMPEG_MAXPROCESSES", ""),
        ("CORE_API_AUTH_ENABLE", ""),
    ]);
    session.until_reason("PageReady", "Loaded").await;
    let client = Client::new();
    // What browsers play, so that it can be copied.
    let encode = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -c:a aac -f flv";
    let encode: Vec<&str> = encode.split(' ').collect();
    let publisher = json!({
        "id": "publisher",
        "input": [
            {"address": "testsrc=size=640x360:rate=30", "options": ["-re", "-f", "lavfi"]},
            {"address": "sine=frequency=440", "options": ["-re", "-f", "lavfi"]},
        ],
        "output": [{"id": "out", "address": "{rtmp,name=studio}", "options": encode}],
    });
    let watched = json!({
        "id": "watched",
        "input": [{"address": "#publisher:output=out", "options": []}],
        "output": [{"address": "-", "options": ["-c", "copy", "-f", "null"]}],
        "reconnect": true,
        "webrtc": {"enabled": true},
    });
    for config in [&publisher, &watched] {
        let made = client.post(session.url("/api/v3/process")).json(config).send().await.unwrap();
        let (status, told) = (made.status(), made.text().await.unwrap());
        assert_eq!(status, 200, "{told}");
    }
    // Sound that browsers do not play is encoded, once a run has shown it.
    let state = || async {
        let url = session.url("/api/v3/process/watched");
        let told: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        match (&told["state"]["webrtc"]["audio"], told["state"]["progress"]["frame"].as_u64()) {
            (audio, Some(30..)) if audio == "transcode" => Ok(told),
            _ => Err(told.to_string()),
        }
    };
    let (told, _) = wait::until(SOON, state).await;
    assert_eq!(told["state"]["webrtc"]["video"], "copy", "{told}");
    assert!(!told.to_string().replace("token=***", "").contains("token="), "{told}");
    let whep = session.url("/api/v3/process/watched/whep");
    let seen = understudy_e2e::probe::Watch::new(whep, 4).run().await.expect("it must be watched");
    assert_eq!((seen.width, seen.height), (640, 360), "{seen:?}");
    let metrics = session.counts("understudy_process_exits_total{reason=\"Legs\"}").await;
    assert!(metrics >= 1);
    let stopped =
        client.put(session.url("/api/v3/process/watched/command")).json(&json!({"command": "stop"}));
    assert_eq!(stopped.send().await.unwrap().status(), 200);
    let gone =
        client.post(session.url("/api/v3/process/watched/whep")).header("content-type", "application/sdp");
    assert_eq!(gone.body(include_str!("../fixtures/chromium_offer.sdp")).send().await.unwrap().status(), 404);
    assert!(session.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_sound_makes_nothing_but_its_picture() {
    let session = Session::idle_with(&[("CORE_WEBRTC_ENABLE", "true")]);
    session.until_reason("PageReady", "Loaded").await;
    let client = Client::new();
    let silent = json!({
        "id": "silent",
        "input": [{"address": "testsrc=size=320x180:rate=30", "options": ["-re", "-f", "lavfi"]}],
        "output": [{"address": "-", "options": ["-c", "copy", "-f", "null"]}],
        "webrtc": {"enabled": true},
    });
    let made = client.post(session.url("/api/v3/process")).json(&silent).send().await.unwrap();
    assert_eq!(made.status(), 200, "{}", made.text().await.unwrap());
    // The run that shows it is followed by one that knows it.
    let coders = || async {
        let url = session.url("/api/v3/process/silent/state");
        let told: Value = client.get(url).send().await.unwrap().json().await.unwrap();
        let outputs = told["progress"]["outputs"].as_array().map_or(&[][..], Vec::as_slice);
        let coders: Vec<_> = outputs.iter().map(|output| output["coder"].as_str().unwrap()).collect();
        match told["progress"]["frame"].as_u64() {
            Some(30..) if coders == ["copy", "libx264"] => Ok(told),
            _ => Err(told.to_string()),
        }
    };
    let (told, _) = wait::until(SOON, coders).await;
    assert_eq!(told["webrtc"]["audio"], "none", "{told}");
    assert!(session.terminate().await.success());
}
