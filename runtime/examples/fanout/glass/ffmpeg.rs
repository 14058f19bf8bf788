//! ffmpeg as a viewer, told as ffplay is to hold nothing back, which decodes and hands out the middle of each picture.

use std::process::Stdio;

use anyhow::Context;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use super::sight::Sight;

/// Two pixels by two: four of brightness, then two of colour.
const PICTURE_BYTES: usize = 6;

/// Watches what is at this address until it is told to leave, with so many others who look away.
pub async fn play(url: &str, others: usize, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let _others: Vec<Child> = (0..others).map(|_| look_away(url)).collect::<anyhow::Result<_>>()?;
    let mut reader = reader(&["-i", url])?;
    leave.run_until_cancelled(look(&mut reader, &sight)).await.unwrap_or(Ok(()))
}

/// The same of a WebSocket, whose messages it is given one after the other.
pub async fn read(url: &str, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let mut reader = reader(&["-f", "mpegts", "-i", "pipe:0"])?;
    let input = reader.stdin.take().context("it has a standard input")?;
    let passed = pass(url, input);
    let looked = async { tokio::try_join!(passed, look(&mut reader, &sight)).map(|_| ()) };
    leave.run_until_cancelled(looked).await.unwrap_or(Ok(()))
}

#[allow(clippy::disallowed_methods, reason = "nothing that is measured starts it")]
fn reader(input: &[&str]) -> anyhow::Result<Child> {
    let before = ["-v", "error", "-fflags", "nobuffer", "-flags", "low_delay"];
    let after = ["-an", "-fps_mode", "passthrough", "-vf", "crop=2:2", "-pix_fmt", "yuv420p"];
    let out = ["-f", "rawvideo", "-flush_packets", "1", "pipe:1"];
    let mut command = Command::new("ffmpeg");
    command.args(before).args(input).args(after).args(out);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().context("there is no ffmpeg")
}

#[allow(clippy::disallowed_methods, reason = "as above")]
fn look_away(url: &str) -> anyhow::Result<Child> {
    let mut command = Command::new("rtmpdump");
    command.args(["-q", "-v", "-o", "/dev/null", "-r", url]);
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().context("there is no rtmpdump")
}

async fn look(reader: &mut Child, sight: &Sight) -> anyhow::Result<()> {
    let mut pictures = reader.stdout.take().context("it has a standard output")?;
    let mut picture = [0; PICTURE_BYTES];
    loop {
        pictures.read_exact(&mut picture).await.context("ffmpeg has ended")?;
        sight.sees(picture[0]);
    }
}

async fn pass(url: &str, mut into: ChildStdin) -> anyhow::Result<()> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    while let Some(message) = socket.next().await {
        into.write_all(&message?.into_data()).await?;
        into.flush().await?;
    }
    anyhow::bail!("the socket has ended")
}
