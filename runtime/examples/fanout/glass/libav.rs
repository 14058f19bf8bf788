//! A viewer that reads and decodes by libav, as ffplay does; ffmpeg itself holds back two pictures of what it has decoded.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio_util::sync::CancellationToken;

use super::sight::Sight;

/// Of the program in Python, which has PyAV.
const PLAY: &str = include_str!("play.py");

/// Watches what is at this address until it is told to leave, with so many others who look away.
pub async fn play(
    python: &Path,
    url: &str,
    others: usize,
    sight: Sight,
    leave: CancellationToken,
) -> anyhow::Result<()> {
    let _others: Vec<Child> = (0..others).map(|_| look_away(url)).collect::<anyhow::Result<_>>()?;
    let mut reader = reader(python, url, "flv")?;
    leave.run_until_cancelled(look(&mut reader, &sight)).await.unwrap_or(Ok(()))
}

/// The same of a WebSocket, whose messages it is given one after the other.
pub async fn read(python: &Path, url: &str, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let mut reader = reader(python, "pipe:0", "mpegts")?;
    let input = reader.stdin.take().context("it has a standard input")?;
    let passed = pass(url, input);
    let looked = async { tokio::try_join!(passed, look(&mut reader, &sight)).map(|_| ()) };
    leave.run_until_cancelled(looked).await.unwrap_or(Ok(()))
}

#[allow(clippy::disallowed_methods, reason = "nothing that is measured starts it")]
fn reader(python: &Path, input: &str, format: &str) -> anyhow::Result<Child> {
    let mut command = Command::new(python);
    command.args(["-c", PLAY, input, format]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    command.spawn().context("there is no Python")
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
    loop {
        sight.sees(pictures.read_u8().await.context("it plays no more")?);
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
