//! A camera of RTSP, which is what most people have.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use understudy_e2e::probe::Watch;

use crate::support::broadcast::Rtsp;
use crate::support::processes::{SOON, Settings, starting, with_each};
use crate::support::watched::Watched;

/// Before it goes, and after it is back.
const LOOK: Duration = Duration::from_secs(3);
/// For as long it is away.
const AWAY: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_a_camera_sees_it_again_when_it_is_back() {
    with_each(comes_back).await;
}

async fn comes_back(ffmpeg: PathBuf) {
    let camera = Rtsp::open();
    let (url, place) = (camera.url(), camera.place());
    let watched = Watched::with(Settings { ffmpeg, own: vec![place], ..Settings::default() }).await;
    let config = json!({
        "input": [{"id": "in", "address": url, "options": []}],
        "output": [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
        "reconnect": true, "stale_timeout_seconds": 5, "webrtc": {"enabled": true},
    });
    watched.rig.add(&starting("door", config)).await;
    let first = watched.plays("door", ["copy", "copy"]).await;

    let goes = async {
        let mut viewers = watched.driver.viewers("process/door");
        tokio::time::timeout(SOON, viewers.wait_for(|count| *count == 1)).await.expect("it comes").unwrap();
        tokio::time::sleep(LOOK).await;
        drop(camera);
        tokio::time::sleep(AWAY).await;
        let camera = Rtsp::at(place.port());
        let is_back = |process: &serde_json::Value| {
            let state = &process["state"];
            state["pid"] != first["state"]["pid"] && state["progress"]["frame"].as_u64() > Some(15)
        };
        watched.rig.until("door", is_back).await;
        tokio::time::sleep(LOOK).await;
        assert!(!viewers.has_changed().unwrap(), "nobody has come or gone");
        camera
    };
    let watch = Watch::new(watched.rig.url("/api/v3/process/door/whep"), 14);
    let (seen, _camera) = tokio::join!(watch.run(), goes);
    let seen = seen.expect("it must be watched");
    println!("{seen:?}");
    assert_eq!((seen.width, seen.height), (1280, 720), "{seen:?}");
    assert!((seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");
    assert!(seen.seconds.iter().rev().take(2).all(|count| *count >= 20), "{seen:?}");
    let process = watched.rig.process("door").await;
    assert_eq!(process["state"]["webrtc"], json!({"video": "copy", "audio": "copy", "reason": ""}));
}
