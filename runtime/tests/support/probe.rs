//! The probe on another WebRTC stack, as a child process.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::{Child, Command};

/// Start, handshake and watching, on a machine that does more than this.
const DEADLINE: Duration = Duration::from_secs(90);

#[derive(Debug, Deserialize)]
pub struct Seen {
    pub frames: u32,
    pub distinct_per_second: u32,
    pub max_gap_frames: u32,
    pub first_frame_ms: u32,
    pub width: u32,
    pub height: u32,
    pub audio_seconds: f64,
    pub tone_hz: f64,
    pub tone_duty: f64,
    pub delete_status: u16,
}

pub async fn watch(url: &str, seconds: u32) -> Seen {
    watch_losing(url, seconds, 0.0).await
}

/// Watches while a share of the packets is lost on the way.
pub async fn watch_losing(url: &str, seconds: u32, share: f64) -> Seen {
    let child = command(url, seconds, share).output();
    let output = tokio::time::timeout(DEADLINE, child).await.expect("the probe must end").expect("the probe must run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the probe failed: {errors}");
    serde_json::from_slice(&output.stdout).expect("the probe must tell JSON")
}

/// A probe that can be killed.
pub fn start(url: &str) -> Child {
    command(url, 3600, 0.0).spawn().expect("the probe must run")
}

fn command(url: &str, seconds: u32, share: f64) -> Command {
    let probe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/probe");
    let python = cache().join("venv/bin/python");
    assert!(python.exists(), "{} is missing; make it with: sh e2e/probe/setup.sh", python.display());
    #[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
    let mut command = Command::new(python);
    command
        .arg(probe.join("probe.py"))
        .args(["--url", url, "--json", "--seconds", &seconds.to_string(), "--drop", &share.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[expect(clippy::disallowed_methods, reason = "where setup.sh put it; tests have no other configuration")]
fn cache() -> PathBuf {
    std::env::var("UNDERSTUDY_CACHE").map_or_else(
        |_| PathBuf::from(std::env::var("HOME").expect("HOME must be set")).join(".cache/understudy"),
        PathBuf::from,
    )
}
