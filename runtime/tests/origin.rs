//! A session that only carries out what stands at one address: as it comes, by a process that is the session's own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use understudy_core::process::origin::ID;

use crate::support::clip;
use crate::support::server::{Server, ok};
use crate::support::session::Session;

/// From a source that is back to a picture that is served, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(30);

const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/// Long enough to be found and watched before it ends.
const LENGTH: Duration = Duration::from_secs(16);

/// As most files are: parameter sets in the header alone, and sound as AAC.
fn film(folder: &Path) -> Vec<u8> {
    let (from, to) = (folder.join("film.mkv"), folder.join("film.mp4"));
    understudy_runtime::test_picture::write(&from, LENGTH).expect("the test picture must be written");
    clip::finish(&format!(
        "filesrc location={} ! matroskademux name=d d.video_0 ! queue ! h264parse ! mp4mux name=m faststart=true ! \
         filesink location={} d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample ! avenc_aac ! aacparse ! m.",
        from.display(),
        to.display(),
    ));
    std::fs::read(to).expect("it must be there")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_goes_out_as_it_comes_once_it_is_there_and_its_process_is_nobody_else_s() {
    let folder = tempfile::tempdir().unwrap();
    let (film, is_there) = (film(folder.path()), Arc::new(AtomicBool::new(false)));
    let server = Server::start({
        let is_there = Arc::clone(&is_there);
        move |_| if is_there.load(Ordering::SeqCst) { ok("video/mp4", &film) } else { NOT_FOUND.to_vec() }
    })
    .await;
    // Its name does not say that it is a file.
    let url = server.url("/watch?token=the-secret-word");
    let session =
        Session::start_heard(&format!("origin: {{url: '{url}'}}"), &["--allow-private-urls", "127.0.0.0/8"]);
    let message = session.until_reason("InputsReady", "SourceNotFound").await;
    assert!(message.contains("404"), "{message}");
    assert_eq!(session.report().await.unwrap()["livestreams"][0]["ready"], false);

    is_there.store(true, Ordering::SeqCst);
    session.until_reason("InputsReady", "Playing").await;
    session.until_served("Serving", SOON).await;
    let seen = session.watch(5).run().await.expect("it must be watched");
    assert!(seen.distinct_per_second >= 24 && seen.width == 1280, "{seen:?}");
    assert!((990.0..1010.0).contains(&seen.tone_hz), "{seen:?}");

    let client = Client::new();
    let at = |path: &str| session.url(&format!("/api/v3/process/{ID}{path}"));
    let told: Value = client.get(at("")).send().await.unwrap().json().await.unwrap();
    let command = told["state"]["command"].as_array().unwrap();
    assert!(command.contains(&"-re".into()), "a file is read as it plays: {told}");
    let webrtc = &told["state"]["webrtc"];
    assert_eq!((&webrtc["video"], &webrtc["audio"]), (&"copy".into(), &"transcode".into()), "{told}");
    assert!(!told.to_string().contains("the-secret-word") && !session.log().contains("the-secret-word"));
    let probe: Value = client.get(at("/probe")).send().await.unwrap().json().await.unwrap();
    assert_eq!(probe["streams"][0]["codec"], "h264", "{probe}");
    assert!(!probe.to_string().contains("the-secret-word"), "{probe}");
    assert_eq!(client.delete(at("")).send().await.unwrap().status(), 403);
    let stop = client.put(at("/command")).json(&serde_json::json!({"command": "stop"}));
    assert_eq!(stop.send().await.unwrap().status(), 400);
    assert!(session.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_cannot_be_carried_out_is_tried_again() {
    let server = Server::start(|_| NOT_FOUND.to_vec()).await;
    let url = server.url("/watch");
    let session = Session::start_heard(
        &format!("origin: {{url: '{url}'}}"),
        &["--allow-private-urls", "127.0.0.0/8", "--core-ffmpeg-access-input-block", "/watch$"],
    );
    let message = session.until_reason("InputsReady", "SourceFailed").await;
    assert!(message.contains("CORE_FFMPEG_ACCESS_INPUT_ALLOW"), "{message}");
    let again = || async {
        let log = session.log();
        if log.matches("an origin is not carried out").count() >= 3 { Ok(()) } else { Err(log) }
    };
    understudy_e2e::wait::until(SOON, again).await;
    assert_eq!(server.connections(), 0);
    assert!(session.terminate().await.success());
}
