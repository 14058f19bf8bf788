//! A reader of the transport stream that comes over a WebSocket.

use anyhow::Context;
use futures::StreamExt;
use gstreamer as gst;
use tokio_util::sync::CancellationToken;

use super::player::Player;
use super::sight::Sight;

const SOURCE: &str = "appsrc name=in is-live=true caps=\"video/mpegts,systemstream=true,packetsize=188\" ! tsdemux ! h264parse";

/// Plays until it is told to leave.
pub async fn read(url: &str, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let player = Player::start(SOURCE, sight)?;
    let input = player.input()?;
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await?;
    let pass = async {
        while let Some(message) = socket.next().await {
            input.push_buffer(gst::Buffer::from_slice(message?.into_data())).context("it plays no more")?;
        }
        anyhow::bail!("the socket has ended")
    };
    leave.run_until_cancelled(pass).await.unwrap_or(Ok(()))
}
