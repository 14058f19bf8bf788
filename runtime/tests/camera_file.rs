//! The camera without kernel module and PipeWire: a file that Chromium reads, with all other parts real.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use tempfile::TempDir;

use crate::support::session::Session;

const MIRROR: &str = include_str!("../../examples/session.yaml");

/// As in `session.rs`: from the start to a live page, and from a death to a picture again.
const START: Duration = Duration::from_secs(40);
const REPAIR: Duration = Duration::from_secs(10);

fn start(inputs: &Path) -> Session {
    let folder = inputs.display().to_string();
    Session::start_with(MIRROR, &["--camera", "file", "--virtual-inputs-dir", &folder])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_as_the_camera_is_live_and_the_microphone_beside_it_too() {
    let inputs = TempDir::new().unwrap();
    let session = start(inputs.path());
    session.until_live(START).await;
    let seen = session.watch(8).run().await.unwrap();
    println!("{seen:?}");
    // Measured: 30. Nobody tells the reader of a new frame: when the two beats meet, it sees one twice or misses one.
    assert!(seen.distinct_per_second >= 22 && seen.max_gap_frames <= 6, "{seen:?}");
    assert!((seen.tone_hz - 1000.0).abs() < 10.0 && (0.12..0.3).contains(&seen.tone_duty), "{seen:?}");
    let report = session.report().await.unwrap();
    assert_eq!(report["media"]["camera"], "file");
    let limits = session.until_reason("DevicesReady", "Live").await;
    assert!(limits.contains("the camera is a file"), "{limits}");
    assert!(session.children("pipewire").is_empty(), "PipeWire is not needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_sound_or_browser_repairs_itself_with_a_file_as_the_camera() {
    let inputs = TempDir::new().unwrap();
    let session = start(inputs.path());
    session.until_live(START).await;
    for (deaths, part) in (1..).zip(["pulseaudio", "chromium"]) {
        kill(session.children(part)[0], Signal::SIGKILL).unwrap();
        session.until_happened("Lost", deaths).await;
        session.until_live(REPAIR).await;
        let seen = session.watch(5).run().await.unwrap();
        assert!(seen.distinct_per_second >= 15 && seen.tone_duty > 0.1, "after {part}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_taken_away_comes_back_and_the_page_with_it() {
    let inputs = TempDir::new().unwrap();
    let session = start(inputs.path());
    session.until_live(START).await;
    std::fs::remove_file(inputs.path().join("video.y4m")).unwrap();
    session.until_happened("PageReloaded", 1).await;
    session.until_live(REPAIR).await;
    let seen = session.watch(5).run().await.unwrap();
    assert!(seen.distinct_per_second >= 15, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_not_there_is_a_condition_that_says_how_to_mend_it() {
    let session = Session::start_with(MIRROR, &["--camera", "v4l2", "--video-device", "/dev/nowhere20"]);
    let message = session.until_reason("DevicesReady", "CameraFailed").await;
    assert!(message.contains("/dev/nowhere20") && message.contains("load v4l2loopback"), "{message}");
    session.until_reason("PageReady", "Loaded").await;
    let report = session.report().await.unwrap();
    assert_eq!(report["media"]["camera"], "none", "no other mode takes its place");
}
