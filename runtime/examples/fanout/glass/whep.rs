//! A viewer over WHEP, and GStreamer's decoder behind it.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use parking_lot::Mutex;
use rtc::rtp::Packet;
use rtc::shared::marshal::Marshal;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use understudy_core::spec::Resolution;
use understudy_load::signalling::{Client, Signalling, Whep};
use understudy_load::tally::Tally;
use understudy_load::viewer::{Attention, Plan, Repair, Viewer};

use super::sight::Sight;

/// Packets of some keyframes.
const WAITING: usize = 4096;

/// Watches until it is told to leave.
pub async fn watch(url: &str, sight: Sight, leave: CancellationToken) -> anyhow::Result<()> {
    let (decoder, frames) = decoder()?;
    let (packets, received) = mpsc::channel(WAITING);
    tokio::spawn(depacketize(received, decoder));
    std::thread::spawn(move || look(&frames, &sight));
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
    })
}

/// As every player does it, without a jitter buffer: the network is the loopback.
fn decoder() -> anyhow::Result<(AppSrc, AppSink)> {
    let pipeline = gst::parse::launch(
        "appsrc name=in is-live=true format=time caps=\"application/x-rtp,media=video,encoding-name=H264,clock-rate=90000\" ! \
         rtph264depay ! avdec_h264 thread-type=slice ! video/x-raw,format=I420 ! appsink name=out sync=false",
    )?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().ok().context("a description makes a pipeline")?;
    let source =
        pipeline.by_name("in").and_then(|source| source.downcast().ok()).context("it begins in an appsrc")?;
    let sink =
        pipeline.by_name("out").and_then(|sink| sink.downcast().ok()).context("it ends in an appsink")?;
    pipeline.set_state(gst::State::Playing)?;
    Ok((source, sink))
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

fn look(frames: &AppSink, sight: &Sight) {
    let middle = (Resolution::HD.height() / 2 * Resolution::HD.width() + Resolution::HD.width() / 2) as usize;
    while let Ok(sample) = frames.pull_sample() {
        let Some(map) = sample.buffer().and_then(|buffer| buffer.map_readable().ok()) else { continue };
        map.get(middle).inspect(|luma| sight.sees(**luma));
    }
}
