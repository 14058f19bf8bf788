//! One stream of a peer: packets go in, and come out as pictures or sound on a branch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use understudy_core::fanout::keyframe::Need;
use understudy_core::input::rest::Change;
use understudy_core::input::watch::Arrival;
use understudy_core::media::Kind;
use understudy_core::offer::{Encoding, Format};
use understudy_core::spec::Shape;

use super::feeding;
use super::playout::{Played, Playout};
use crate::camera::Writer;
use crate::gst::{Error, Pipeline, element, packets};
use crate::rtc::Packet;
use crate::source::Surroundings;
use crate::source::metrics::Origin;
use crate::source::shape::{Branch, Branches, Timing};
use crate::source::valve;
use crate::source::voice::SOUND_AHEAD;

/// How long a missing picture packet is waited for: a few times as long as it takes to be sent again. What came before
/// the gap does not wait.
const PICTURE_PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(120);
/// How late a piece of sound may be: it is played this much after it was sent.
pub(super) const SOUND_PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(60);

/// What makes a stream another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub peer: u64,
    pub ssrc: u32,
    format: Arc<Format>,
}

/// A stream's pipeline. Dropped, it goes down.
pub(super) struct Chain {
    pipeline: Pipeline,
    entry: AppSrc,
    jitter_buffer: gst::Element,
    playout: Playout,
    branch: Branch,
    key: Key,
    began: Instant,
}

impl Key {
    pub fn of(peer: u64, packet: &Packet) -> Self {
        Self { peer, ssrc: packet.ssrc, format: Arc::clone(&packet.format) }
    }

    pub fn encoding(&self) -> Encoding {
        self.format.encoding
    }

    pub fn kind(&self) -> Kind {
        self.encoding().kind()
    }
}

impl Chain {
    pub fn picture(
        key: Key,
        shape: Shape,
        writer: Writer,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let pipeline = Pipeline::playback("peer-picture");
        let branch = branches(&pipeline, surroundings, Timing::AsItComes).picture(shape, writer)?;
        let entry = packets::entry(key.encoding(), key.format.payload_type, key.ssrc);
        let door = surroundings.ingest.peer.clone();
        packets::pass_requests(&entry, move || door.refresh(Need::Repair));
        let buffer = packets::jitter_buffer(PICTURE_PATIENCE)?;
        // A decoder that cannot keep up must not build a backlog: frames are lost, and a whole one is asked for.
        buffer.set_property("drop-on-latency", true);
        let elements = decoding(key.encoding())?;
        if let [.., before, decoder] = &elements[..] {
            // People who look at the feed are given what is not decoded, too.
            feeding::tap(before, key.encoding(), surroundings.feed.clone());
            valve::fit(decoder, &branch.flow);
        }
        let mut chain = vec![entry.upcast_ref(), &buffer];
        chain.extend(&elements);
        pipeline.chain(&chain)?;
        gst::Element::link_many([chain[chain.len() - 1], &branch.entry])?;
        let (playout, began) = (Playout::default(), Instant::now());
        Ok(Self { pipeline, entry, jitter_buffer: buffer, playout, branch, key, began })
    }

    /// Played so much later than it would be by itself.
    pub fn sound(key: Key, surroundings: &Surroundings, hold: Duration) -> Result<Self, Error> {
        let pipeline = Pipeline::playback("peer-sound");
        let branch = branches(&pipeline, surroundings, Timing::ByTimestamp).sound()?;
        let entry = packets::entry(key.encoding(), key.format.payload_type, key.ssrc);
        let buffer = packets::jitter_buffer(SOUND_PATIENCE)?;
        let unpack = packets::unpack(Encoding::Opus)?;
        let decoder = element("opusdec")?;
        decoder.set_property("plc", true);
        decoder.set_property("use-inband-fec", true);
        // The decoder asks for 120 ms, the longest packet that there is, to mend one loss from the next packet. That one
        // is here by the time the loss is certain: nobody has to wait for it, and lips would be far from the voice.
        pipeline.inner.set_latency(SOUND_PATIENCE + SOUND_AHEAD);
        let mut chain = vec![entry.upcast_ref(), &buffer];
        chain.extend(unpack.iter().chain([&decoder]));
        pipeline.chain(&chain)?;
        decoder.link(&branch.entry)?;
        valve::fit(&decoder, &branch.flow);
        let (playout, began) = (Playout::default(), Instant::now());
        playout.watch(&buffer);
        let chain = Self { pipeline, entry, jitter_buffer: buffer, playout, branch, key, began };
        chain.hold(hold);
        Ok(chain)
    }

    pub async fn start(&self) -> Result<(), Error> {
        self.pipeline.begin(gst::State::Playing).await
    }

    /// Takes it down; no frame comes after it.
    pub async fn stop(&self) {
        if let Err(error) = self.pipeline.begin(gst::State::Null).await {
            tracing::debug!(%error, "a stream did not go down cleanly");
        }
    }

    /// What it does not take any more is told on its bus, by whom and why.
    pub fn push(&self, packet: Bytes) {
        let _ = self.entry.push_buffer(gst::Buffer::from_slice(packet));
    }

    /// Of what is played by its time: from now on so much later. What is on its way keeps its time.
    pub fn hold(&self, hold: Duration) {
        let nanoseconds = i64::try_from(hold.as_nanos()).unwrap_or_default();
        self.jitter_buffer.set_property("ts-offset", nanoseconds);
        self.playout.hold(hold);
    }

    /// The last piece of sound that left the jitter buffer.
    pub fn played(&self) -> Option<Played> {
        self.playout.last()
    }

    /// Nothing is decoded while it rests.
    pub fn rest(&self, change: Change) {
        self.branch.flow.rest(change);
    }

    pub fn plays(&self, key: &Key) -> bool {
        self.key == *key
    }

    /// Another peer may change everything at once.
    pub fn may_change(&self, key: &Key, gap: Duration) -> bool {
        self.key.peer != key.peer || self.age() >= gap
    }

    pub const fn peer(&self) -> u64 {
        self.key.peer
    }

    pub const fn key(&self) -> &Key {
        &self.key
    }

    pub fn encoding(&self) -> Encoding {
        self.key.encoding()
    }

    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// When it last delivered.
    pub fn arrival(&self) -> Arrival {
        self.branch.flow.arrival()
    }

    pub fn look_after(&self) -> Option<Error> {
        self.pipeline.look_after()
    }
}

const fn branches<'a>(
    pipeline: &'a Pipeline,
    surroundings: &'a Surroundings,
    timing: Timing,
) -> Branches<'a> {
    Branches { pipeline, surroundings, origin: Origin::WebRtc, timing }
}

/// From packets in their order to raw pictures. Nothing in it may hold a frame back for the next one.
fn decoding(encoding: Encoding) -> Result<Vec<gst::Element>, Error> {
    let decoder = element(match encoding {
        Encoding::Vp8 => "vp8dec",
        Encoding::Vp9 => "vp9dec",
        Encoding::H264 => "avdec_h264",
        Encoding::Opus => return Err(Error::Missing("picture decoder for sound")),
    })?;
    let mut elements = packets::unpack(encoding)?;
    if encoding == Encoding::H264 {
        // Threads that take a frame each hold as many frames back.
        decoder.set_property_from_str("thread-type", "slice");
        decoder.set_property("output-corrupt", false);
    }
    elements.push(decoder);
    Ok(elements)
}
