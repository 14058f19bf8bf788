//! What comes in a call: packets go in, and come out as encoded pictures and sound of hubs that whoever wants them reads.
//!
//! Nothing is decoded here. Packets in order pass at once; one that is missing is waited for, for as long as it takes to be sent again.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Interval, interval};
use understudy_core::fanout::keyframe::Need;
use understudy_core::fanout::vp8;
use understudy_core::media::{Kind, Track, VideoCodec};
use understudy_core::offer::Encoding;

use crate::broadcast::{Hub, Metrics};
use crate::capture::{Made, unit};
use crate::gst::{Error, Pipeline, packets};
use crate::rtc::{Packet, Report, Sink, Taken};

/// About a second of a 5 Mbps picture.
const PACKETS: usize = 512;
/// How long a packet that is missing is waited for: a few times as long as it takes to be sent again.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(120);
/// Between two looks at whether all is well.
const LOOK: Duration = Duration::from_secs(1);
/// As browsers send them.
const SOUND: Duration = Duration::from_millis(20);
const PICTURE: Duration = Duration::from_millis(33);

/// Where the transport leaves packets.
pub(super) struct Inlet(mpsc::Sender<Packet>);

/// What becomes of them.
pub(super) struct Reception {
    pub picture: Hub,
    pub sound: Hub,
    packets: mpsc::Receiver<Packet>,
    video: Option<Chain>,
    audio: Option<Chain>,
    looks: Interval,
}

/// One stream.
struct Chain {
    ssrc: u32,
    encoding: Encoding,
    entry: AppSrc,
    /// Taken down with it.
    pipeline: Pipeline,
}

impl Sink for Inlet {
    fn take(&self, packet: Packet) -> Taken {
        match self.0.try_send(packet) {
            Ok(()) => Taken::Yes,
            Err(TrySendError::Full(_)) => Taken::Full,
            Err(TrySendError::Closed(_)) => Taken::Unwanted,
        }
    }

    fn report(&self, _report: Report) {}
}

impl Reception {
    pub fn new(metrics: &Metrics) -> (Inlet, Self) {
        let (inlet, packets) = mpsc::channel(PACKETS);
        let hub = |kind| Hub::new(kind, metrics.clone());
        let (picture, sound) = (hub(Kind::Video), hub(Kind::Audio));
        (Inlet(inlet), Self { picture, sound, packets, video: None, audio: None, looks: interval(LOOK) })
    }

    /// Passes on what comes, for good. May be given up on without losing any.
    pub async fn receive(&mut self) {
        loop {
            tokio::select! {
                Some(packet) = self.packets.recv() => {
                    if let Err(error) = self.pass(packet) {
                        tracing::warn!(%error, "what comes in a call cannot be received");
                    }
                }
                _ = self.looks.tick() => self.look(),
            }
        }
    }

    /// A stream that broke down begins anew with its next packet.
    fn look(&mut self) {
        for chain in [&mut self.video, &mut self.audio] {
            let broken = chain.as_ref().and_then(|chain| chain.pipeline.look_after());
            if let Some(error) = broken {
                tracing::warn!(%error, "a stream of a call broke down");
                *chain = None;
            }
        }
    }

    fn pass(&mut self, packet: Packet) -> Result<(), Error> {
        let Packet { format, ssrc, bytes, .. } = packet;
        let encoding = format.encoding;
        let (chain, hub) = match encoding.kind() {
            Kind::Video => (&mut self.video, &self.picture),
            Kind::Audio => (&mut self.audio, &self.sound),
        };
        if chain.as_ref().is_none_or(|chain| (chain.ssrc, chain.encoding) != (ssrc, encoding)) {
            tracing::info!(encoding = encoding.name(), "a stream of a call begins");
            *chain = Some(Chain::new(ssrc, (encoding, format.payload_type), hub.clone())?);
        }
        if let Some(chain) = chain {
            chain.push(bytes);
        }
        Ok(())
    }
}

impl Chain {
    fn new(ssrc: u32, (encoding, payload_type): (Encoding, u8), hub: Hub) -> Result<Self, Error> {
        let pipeline = Pipeline::new("call");
        let entry = packets::entry(encoding, payload_type, ssrc);
        let buffer = packets::jitter_buffer(PATIENCE)?;
        let sink = AppSink::builder().sync(false).max_buffers(64).build();
        sink.set_callbacks(published(hub.clone(), encoding));
        packets::pass_requests(&entry, move || hub.request_keyframe(Need::Repair));
        let unpack = packets::unpack(encoding)?;
        let mut chain: Vec<&gst::Element> = vec![entry.upcast_ref(), &buffer];
        chain.extend(&unpack);
        chain.push(sink.upcast_ref());
        pipeline.chain(&chain)?;
        pipeline.inner.set_state(gst::State::Playing)?;
        Ok(Self { ssrc, encoding, entry, pipeline })
    }

    /// What it does not take any more is told on its bus.
    fn push(&self, packet: Bytes) {
        let _ = self.entry.push_buffer(gst::Buffer::from_slice(packet));
    }
}

fn published(hub: Hub, encoding: Encoding) -> AppSinkCallbacks {
    let mut size = None;
    let publish = move |sink: &AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let track = track(encoding, size);
        let duration = if encoding.kind() == Kind::Video { PICTURE } else { SOUND };
        let Some(mut unit) = unit(&sample, Made { track, duration, delay: Duration::ZERO }) else {
            return Ok(gst::FlowSuccess::Ok);
        };
        if encoding == Encoding::Vp8 {
            size = vp8::keyframe(&unit.payload).or(size);
            unit.track = self::track(encoding, size);
            unit.key = vp8::keyframe(&unit.payload).is_some();
        }
        hub.publish(unit);
        Ok(gst::FlowSuccess::Ok)
    };
    AppSinkCallbacks::builder().new_sample(publish).build()
}

/// `size`: as far as it is known.
const fn track(encoding: Encoding, size: Option<vp8::Size>) -> Track {
    let (width, height) = match size {
        Some(size) => (size.width, size.height),
        None => (640, 480),
    };
    let codec = match encoding {
        Encoding::Opus => return Track::opus(2),
        Encoding::Vp8 | Encoding::Vp9 => VideoCodec::Vp8,
        Encoding::H264 => VideoCodec::H264,
    };
    Track::Video { codec, width, height, frames_per_second: 30 }
}
