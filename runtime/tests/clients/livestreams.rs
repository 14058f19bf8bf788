//! The same of livestreams: each way out is asked for, played and ended as documented.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use understudy_e2e::ports::free_tcp;
use understudy_e2e::{client, wait};

use super::{HOST, is_precise};
use crate::support::session::Session;

const MIRROR: &str = include_str!("../../../examples/session.yaml");

/// For what takes a moment on an idle machine.
const SOON: Duration = Duration::from_secs(40);

const OFFER: &str = include_str!("../fixtures/chromium_offer.sdp");

/// Of a captured stream: some seconds.
const ENOUGH_BYTES: u64 = 100_000;

macro_rules! example {
    ($name:literal) => {
        include_str!(concat!("../fixtures/examples/livestream-", $name))
    };
}

/// What a command prints, typed where the session's ports are others.
async fn types(session: &Session, command: &str, folder: &Path) -> String {
    let host = session.url("").replace("http://127.0.0.1", "localhost");
    let command = command.replace(HOST, &host);
    client::shell(&command, folder).await.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// A stream as it is documented, but for when it began.
fn is_as_documented(told: &str, documented: Value) {
    let mut stream: Value = serde_json::from_str(told).unwrap_or_else(|_| panic!("not JSON: {told}"));
    let began = stream["started_at"].take();
    assert!(
        began.as_str().is_some_and(|at| at.starts_with("20") && (at.ends_with('Z') || is_precise(at))),
        "{told}"
    );
    assert_eq!(stream, documented);
}

fn documented(id: &str, mode: &str) -> Value {
    json!({
        "id": id, "mode": mode, "ingest_url": "", "is_streaming": true, "started_at": null, "playback_url": null,
        "secure_playback_url": null, "websocket_url": null, "webrtc_offer_url": null,
    })
}

async fn the_internal_example(session: &Session, folder: &Path) {
    let (rtmp, rtmps) = (session.rtmp("/live/default"), session.rtmps("/live/default"));
    let told = types(session, example!("internal.sh"), folder).await;
    let mut stream = documented("default", "internal");
    (stream["ingest_url"], stream["playback_url"]) = (json!(rtmp), json!(rtmp));
    stream["secure_playback_url"] = json!(rtmps);
    is_as_documented(&told, stream);
    // It plays until nobody reads its lines any more: a hundred of them are three seconds.
    let player = "SDL_VIDEODRIVER=dummy SDL_AUDIODRIVER=dummy timeout 40 ffplay -fflags nobuffer";
    let shown = r"awk -v RS='[\r\n]' '/Video:|Audio:/ { print } /A-V:/ && ++lines == 100 { print; exit }'";
    let played = types(session, &format!("{player} -i {rtmp} 2>&1 | {shown}"), folder).await;
    let has = |word: &str| played.contains(word);
    assert!(has("Video: h264") && has("Audio: aac") && has("A-V:"), "{played}");
    types(session, "curl -s -X POST http://localhost:444/stream/stop", folder).await;
}

/// What is named there is stood in for by ffmpeg.
async fn the_remote_example(session: &Session, folder: &Path) {
    let port = free_tcp();
    let url = format!("rtmp://127.0.0.1:{port}/app/stream-key");
    let listen = format!(
        "timeout 50 {} -v error -listen 1 -i {url} -t 1 -c copy got.mkv",
        client::new_ffmpeg().display()
    );
    let place = folder.to_owned();
    let listening = tokio::spawn(async move { client::shell(&listen, &place).await });
    let start = example!("remote.sh").replace("rtmp://live.example.com/app/stream-key", &url);
    let started = || async {
        let told = types(session, &start, folder).await;
        // Nobody may listen yet.
        if told.contains("failed to start stream") { Err(told) } else { Ok(told) }
    };
    let (told, _) = wait::until(SOON, started).await;
    let mut stream = documented("default", "remote");
    (stream["ingest_url"], stream["playback_url"]) = (json!(url), json!(url));
    // It is true once something has been acknowledged.
    stream["is_streaming"] = serde_json::from_str::<Value>(&told).unwrap()["is_streaming"].clone();
    is_as_documented(&told, stream);
    tokio::time::timeout(SOON, listening)
        .await
        .expect("it must end")
        .unwrap()
        .expect("it must get its second");
    types(session, "curl -s -X POST http://localhost:444/stream/stop", folder).await;
}

async fn the_socket_example(session: &Session, folder: &Path) {
    let told = types(session, example!("transport.sh"), folder).await;
    let mut stream = documented("live-ts", "socket");
    stream["websocket_url"] = json!("/stream/socket/live-ts");
    is_as_documented(&told, stream);
    let host = session.url("").replace("http://127.0.0.1", "localhost");
    std::fs::write(folder.join("capture.mjs"), example!("capture.mjs").replace(HOST, &host)).unwrap();
    let mut capture = client::node("capture.mjs", folder, &[]);
    let enough = || async {
        let bytes = std::fs::metadata(folder.join("capture.ts")).map_or(0, |file| file.len());
        (bytes > ENOUGH_BYTES).then_some(()).ok_or_else(|| format!("{bytes} bytes"))
    };
    wait::until(SOON, enough).await;
    assert_eq!(types(session, example!("stop.sh"), folder).await, "");
    let ended =
        tokio::time::timeout(SOON, capture.wait()).await.expect("it must end with the stream").unwrap();
    assert!(ended.success(), "{ended}");
    let probe = "ffprobe -v error -show_entries stream=codec_name -of csv=p=0 capture.ts";
    let seen = types(session, probe, folder).await;
    assert!(seen.contains("h264") && seen.contains("aac"), "{seen}");
}

async fn the_peers_example(session: &Session, folder: &Path) {
    let told = types(session, example!("peers.sh"), folder).await;
    let mut stream = documented("webrtc-live", "webrtc");
    stream["webrtc_offer_url"] = json!("/stream/webrtc/offer");
    is_as_documented(&told, stream);
    let offer = serde_json::to_string(OFFER).unwrap();
    let offered = example!("offer.sh").replace("\"<your-offer-sdp>\"", &offer.replace('\'', "\\u0027"));
    let answer: Value = serde_json::from_str(&types(session, &offered, folder).await).unwrap();
    assert!(answer["sdp"].as_str().is_some_and(|sdp| sdp.contains("a=end-of-candidates")), "{answer}");
    let list: Value = serde_json::from_str(&types(session, example!("list.sh"), folder).await).unwrap();
    let [only] = list.as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), *only);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_livestreams_give_the_documented_answers_and_are_played() {
    let folder = tempfile::tempdir().unwrap();
    let session = Session::start_with(MIRROR, &["--allow-private-urls", "127.0.0.1"]);
    session.until_live(SOON).await;
    the_internal_example(&session, folder.path()).await;
    the_remote_example(&session, folder.path()).await;
    the_socket_example(&session, folder.path()).await;
    the_peers_example(&session, folder.path()).await;
}
