//! Another size of the display, and what becomes of those who see it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::{client, wait};

use crate::support::session::Session;

const MIRROR: &str = include_str!("../../examples/session.yaml");

/// Until a picture of another size is somewhere: display, browser and encoder begin anew, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);

async fn resize(session: &Session, body: Value) -> (u16, Value) {
    let answer = Client::new().patch(session.url("/display")).body(body.to_string()).send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn post(session: &Session, path: &str, body: Value) -> u16 {
    let answer = Client::new().post(session.url(path)).body(body.to_string()).send().await.unwrap();
    answer.status().as_u16()
}

/// The widths of the pictures that a file has, as a decoder finds them.
async fn widths(file: &Path) -> Vec<String> {
    let probe = "ffprobe -v error -select_streams v -show_entries frame=width -of csv=p=0";
    // Of a file that grows the last may be cut off, or all of it not there yet.
    let told =
        client::shell(&format!("{probe} '{}' 2> /dev/null || true", file.display()), Path::new("/")).await;
    let told = told.unwrap();
    // What a picture carries beside itself has a line of its own.
    let lines = told.lines().map(|line| line.trim_matches(',')).filter(|line| !line.is_empty());
    let mut widths: Vec<_> = lines.map(str::to_owned).collect();
    widths.dedup();
    widths
}

/// Writes what a socket carries into a file, until it is dropped.
async fn watch_socket(session: &Session, file: &Path) -> tokio_util::task::AbortOnDropHandle<()> {
    let url = session.url("/stream/socket/program").replace("http://", "ws://");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let mut file = tokio::fs::File::create(file).await.unwrap();
    tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        while let Some(message) = socket.next().await {
            file.write_all(&message.unwrap().into_data()).await.unwrap();
            file.flush().await.unwrap();
        }
    }))
}

/// Keeps what it plays in a file, until it is dropped.
fn play_rtmp(session: &Session, file: &Path) -> tokio::process::Child {
    let (url, file) = (session.rtmp("/live/program"), file.display());
    client::ffmpeg(&format!("-i {url} -an -c copy -flush_packets 1 -f flv {file}"))
}

async fn until_wide(file: &Path, width: &str) {
    let found = || async {
        let widths = widths(file).await;
        (widths.last().map(String::as_str) == Some(width)).then_some(()).ok_or_else(|| format!("{widths:?}"))
    };
    wait::until(SOON, found).await;
}

fn recording(session: &Session) -> PathBuf {
    session.recordings().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_see_the_display_go_on_with_its_new_size() {
    let session = Session::live(MIRROR).await;
    let folder = tempfile::tempdir().unwrap();
    let (socket, rtmp) = (folder.path().join("socket.ts"), folder.path().join("rtmp.flv"));
    assert_eq!(post(&session, "/recording/start", json!({"framerate": 30})).await, 201);
    let reading = watch_socket(&session, &socket).await;
    let mut player = play_rtmp(&session, &rtmp);
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/view/program")).await;
    browser::becomes_true(&page, "understudy.width === 1280 && understudy.frames > 30").await;
    browser::becomes_true(&page, "window.first = understudy.peer, true").await;
    until_wide(&rtmp, "1280").await;

    let (status, told) = resize(&session, json!({"width": 800, "height": 600})).await;
    assert_eq!(
        (status, &told["message"]),
        (409, &json!("resize refused: live view, recording or stream active"))
    );
    let wanted = json!({"width": 800, "height": 600, "refresh_rate": 25, "require_idle": false});
    let resized = json!({"width": 800, "height": 600, "refresh_rate": 25});
    assert_eq!(resize(&session, wanted).await, (200, resized));

    browser::becomes_true(&page, "understudy.width === 800 && understudy.height === 600").await;
    browser::becomes_true(&page, "understudy.peer === window.first").await;
    until_wide(&rtmp, "800").await;
    until_wide(&socket, "800").await;
    assert!(!reading.is_finished() && player.try_wait().unwrap().is_none(), "they go on");
    until_wide(&recording(&session), "800").await;
    assert_eq!(post(&session, "/recording/stop", json!({})).await, 200);
    assert_eq!(session.recordings().len(), 1, "it is one file");
    for file in [recording(&session), socket, rtmp] {
        assert_eq!(widths(&file).await, ["1280", "800"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_nobody_watches_is_resized_and_a_stream_that_was_started_counts_as_watched() {
    let session = Session::live(MIRROR).await;
    let small = json!({"width": 640, "height": 480});
    assert_eq!(post(&session, "/stream/start", json!({"mode": "socket"})).await, 201);
    assert_eq!(resize(&session, small.clone()).await.0, 409);
    assert_eq!(resize(&session, json!({"width": 1280, "height": 720})).await.0, 200, "it is so already");
    assert_eq!(post(&session, "/stream/stop", json!({})).await, 200);
    // Whoever found out whether there is a picture has gone since.
    wait::until(SOON, || async {
        let (status, told) = resize(&session, small.clone()).await;
        (status == 200).then_some(()).ok_or_else(|| told.to_string())
    })
    .await;
    session.until_live(SOON).await;
    let shot =
        Client::new().post(session.url("/computer/screenshot")).send().await.unwrap().bytes().await.unwrap();
    // The header of a PNG: its width and height (§11.2.2).
    assert_eq!(shot[16..24], [0, 0, 2, 128, 0, 0, 1, 224]);
    for (body, message) in [
        (json!({}), "no display parameters to update"),
        (json!({"width": 300}), "width: must be 320 to 3840 pixels, got 300"),
        (json!({"refresh_rate": 12}), "refresh_rate: must be one of [60, 30, 25, 10], got 12"),
    ] {
        let (status, told) = resize(&session, body).await;
        assert_eq!((status, &told["message"]), (400, &json!(message)));
    }
}
