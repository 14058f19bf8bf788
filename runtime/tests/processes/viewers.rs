//! Who watches a process stays while it is begun anew over the API.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::clip;
use crate::support::processes::{SOON, Settings, starting};
use crate::support::watched::Watched;

/// Between what is done to it, so that one gap is told from the other.
const QUIET: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_outlasts_a_restart_and_a_reload_that_leads_elsewhere() {
    let watched = Watched::with(Settings::default()).await;
    let rig = &watched.rig;
    std::fs::create_dir_all(rig.data()).unwrap();
    for name in ["short.ts", "half.ts"] {
        std::fs::copy(clip::folder().join(name), rig.data().join(name)).unwrap();
    }
    let writes = |name: &str| json!({"output": [{"id": "out", "address": format!("{{diskfs}}/{name}"), "options": ["-f", "mpegts"]}]});
    // It never runs: what it would write is there already.
    let mut source = starting("source", writes("short.ts"));
    source["autostart"] = json!(false);
    rig.add(&source).await;
    let config = json!({
        "input": [{"id": "in", "address": "#source:output=out", "options": ["-re", "-stream_loop", "-1"]}],
        "output": [{"id": "out", "address": "-", "options": ["-c", "copy", "-f", "null"]}],
        "webrtc": {"enabled": true},
    });
    rig.add(&starting("a", config)).await;
    watched.plays("a", ["copy", "transcode"]).await;

    let changes = async {
        let mut viewers = watched.driver.viewers("process/a");
        tokio::time::timeout(SOON, viewers.wait_for(|count| *count == 1)).await.expect("it comes").unwrap();
        tokio::time::sleep(QUIET).await;
        rig.command("a", "restart").await;
        tokio::time::sleep(QUIET).await;
        let (status, told) = rig.ask(Method::PUT, "/api/v3/process/source", Some(&writes("half.ts"))).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        rig.command("a", "reload").await;
        tokio::time::sleep(QUIET).await;
        assert!(!viewers.has_changed().unwrap(), "nobody has come or gone");
    };
    let watch = watched.watch("a", 14);
    let (seen, ()) = tokio::join!(watch.run(), changes);
    let seen = seen.expect("it must be watched");
    println!("{seen:?}");
    assert_eq!((seen.width, seen.height), (640, 360), "it has come to the other");
    assert!(rig.process("a").await["state"]["command"].to_string().contains("half.ts"));
    // Of each second so many pictures are missing; each of the two gaps is short.
    let missing = |seconds: &[u32]| seconds.iter().map(|count| 30_u32.saturating_sub(*count)).sum::<u32>();
    let (first, second) = seen.seconds.split_at(seen.seconds.len() / 2);
    for half in [first, second] {
        assert!((1..=60).contains(&missing(half)), "{seen:?}");
    }
    assert!(seen.seconds.iter().rev().take(2).all(|count| *count >= 24), "{seen:?}");
}
