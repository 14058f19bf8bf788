//! A player of RTMP, and others beside it.

use std::process::Stdio;

use anyhow::Context;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use super::player::Player;
use super::sight::Sight;

/// Plays until it is told to leave, with so many others who look away.
pub async fn play(url: &str, others: usize, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let _others: Vec<Child> = (0..others).map(|_| look_away(url)).collect::<anyhow::Result<_>>()?;
    let _player = Player::start(&format!("rtmp2src location={url} ! flvdemux ! h264parse"), sight)?;
    leave.cancelled().await;
    Ok(())
}

#[allow(clippy::disallowed_methods, reason = "nothing that is measured starts it")]
fn look_away(url: &str) -> anyhow::Result<Child> {
    let mut command = Command::new("rtmpdump");
    command.args(["-q", "-v", "-o", "/dev/null", "-r", url]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().context("there is no rtmpdump")
}
