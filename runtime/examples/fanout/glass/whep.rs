//! A viewer over WHEP, whose packets a player decodes.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gstreamer as gst;
use gstreamer_app::AppSrc;
use parking_lot::Mutex;
use rtc::rtp::Packet;
use rtc::shared::marshal::Marshal;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use understudy_load::signalling::{Client, Signalling, Whep};
use understudy_load::tally::Tally;
use understudy_load::viewer::{Attention, Plan, Repair, Viewer};

use super::player::Player;
use super::sight::Sight;

/// As every player does it, without a jitter buffer: the network is the loopback.
const SOURCE: &str = "appsrc name=in is-live=true format=time caps=\"application/x-rtp,media=video,encoding-name=H264,clock-rate=90000\" ! \
     rtph264depay";
/// Packets of some keyframes.
const WAITING: usize = 4096;

/// Watches until it is told to leave.
pub async fn watch(url: &str, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let player = Player::start(SOURCE, sight)?;
    let (packets, received) = mpsc::channel(WAITING);
    tokio::spawn(depacketize(received, player.input()?));
    viewer(url, packets)?.run(leave).await.context("the viewer")?;
    Ok(())
}

fn viewer(url: &str, packets: mpsc::Sender<Packet>) -> anyhow::Result<Viewer> {
    let whep = Whep::new(Client::new()?, url.parse()?, None);
    let plan = Plan {
        signalling: Signalling::Whep(whep),
        local: Ipv4Addr::LOCALHOST.into(),
        repair: Repair::Ask,
        jitter: Duration::ZERO,
    };
    Ok(Viewer {
        plan: Arc::new(plan),
        attention: Attention::All,
        tally: Arc::new(Mutex::new(Tally::default())),
        pictured: oneshot::channel().0,
        packets: Some(packets),
        keys: None,
    })
}

async fn depacketize(mut received: mpsc::Receiver<Packet>, decoder: AppSrc) {
    // Sound has other payload types; the picture's is the one that has most packets, and the first to be a large one.
    let mut video = None;
    while let Some(packet) = received.recv().await {
        if packet.payload.len() > 500 {
            video.get_or_insert(packet.header.payload_type);
        }
        if video == Some(packet.header.payload_type)
            && let Ok(bytes) = packet.marshal()
        {
            let _ = decoder.push_buffer(gst::Buffer::from_slice(bytes));
        }
    }
}
