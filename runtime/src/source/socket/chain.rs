//! One stream of a sender: whole pictures or frames of sound go in, and come out on a branch.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSrc, AppSrcCallbacks};
use tokio::sync::Notify;
use understudy_core::input::intake::{Form, Piece};
use understudy_core::input::rest::Change;
use understudy_core::input::watch::Arrival;
use understudy_core::mpeg::Codec;
use understudy_core::mpeg::audio;
use understudy_core::mpeg::echo::Echo;
use understudy_core::spec::Shape;

use crate::camera::Writer;
use crate::gst::{Error, LEFT_OUT, Pipeline, element};
use crate::source::Surroundings;
use crate::source::metrics::Origin;
use crate::source::shape::{Branch, Branches, Timing};
use crate::source::valve;

/// Pieces that a decoder has not taken yet: more do not make it faster.
const MOST_UNDECODED: u64 = 8;
/// Sound is handed over when it is due and heard so much later: what decoder and PulseAudio take, on a loaded machine.
const SOUND_PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(60);

/// Tells that a decoder has taken all that it was given.
#[derive(Clone, Default)]
pub(super) struct Room(Arc<Notify>);

/// A stream's pipeline. Dropped, it goes down.
pub(super) struct Chain {
    pipeline: Pipeline,
    entry: AppSrc,
    branch: Branch,
    form: Form,
    began: Instant,
    pushed: Instant,
    /// What brings pictures out that a decoder holds back.
    echo: Option<Echo>,
}

impl Room {
    pub async fn made(&self) {
        self.0.notified().await;
    }
}

impl Chain {
    pub fn picture(
        codec: Codec,
        shape: Shape,
        writer: Writer,
        surroundings: &Surroundings,
        room: &Room,
    ) -> Result<Self, Error> {
        let pipeline = Pipeline::new("socket-picture");
        let branch = branches(&pipeline, surroundings, Timing::AsItComes).picture(shape, writer)?;
        let (caps, decoder) = picture_decoder(codec)?;
        let echo = match codec {
            Codec::Mpeg => {
                once_each(&decoder);
                Some(Echo::default())
            }
            Codec::H264 => None,
        };
        let chain = Self::linked(pipeline, branch, Form::Picture(codec), entry(&caps, room), &decoder)?;
        Ok(Self { echo, ..chain })
    }

    pub fn sound(format: audio::Format, surroundings: &Surroundings, room: &Room) -> Result<Self, Error> {
        let pipeline = Pipeline::new("socket-sound");
        let branch = branches(&pipeline, surroundings, Timing::ByTimestamp).sound()?;
        let entry = entry(&sound_caps(format), room);
        entry.set_min_latency(SOUND_PATIENCE.nseconds().cast_signed());
        let decoder = element("mpg123audiodec")?;
        Self::linked(pipeline, branch, Form::Sound(format), entry, &decoder)
    }

    fn linked(
        pipeline: Pipeline,
        branch: Branch,
        form: Form,
        entry: AppSrc,
        decoder: &gst::Element,
    ) -> Result<Self, Error> {
        pipeline.chain(&[entry.upcast_ref(), decoder])?;
        decoder.link(&branch.entry)?;
        valve::fit(decoder, &branch.flow);
        let began = Instant::now();
        Ok(Self { pipeline, entry, branch, form, began, pushed: began, echo: None })
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
    pub fn push(&mut self, piece: Piece) {
        self.pushed = Instant::now();
        let echo = self.echo.as_mut().and_then(|echo| echo.of(&piece.data));
        let echo = echo.map(|data| Piece { data: data.into(), alone: false, ..piece.clone() });
        for piece in [piece].into_iter().chain(echo) {
            let _ = self.entry.push_buffer(buffer(piece));
        }
    }

    /// Nothing is decoded while it rests.
    pub fn rest(&self, change: Change) {
        self.branch.flow.rest(change);
    }

    pub fn has_room(&self) -> bool {
        self.entry.current_level_buffers() < MOST_UNDECODED
    }

    pub fn plays(&self, form: Form) -> bool {
        self.form == form
    }

    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// For how long nothing has been given to it.
    pub fn idle(&self) -> Duration {
        self.pushed.elapsed()
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
    Branches { pipeline, surroundings, origin: Origin::Socket, timing }
}

/// Live, with timestamps of our own on the shared timeline.
fn entry(caps: &gst::Caps, room: &Room) -> AppSrc {
    let room = room.0.clone();
    let taken = AppSrcCallbacks::builder().need_data(move |_, _| room.notify_one()).build();
    let entry = AppSrc::builder().caps(caps).format(gst::Format::Time).is_live(true).do_timestamp(false);
    // How much waits is bounded by whoever pushes.
    entry.max_bytes(0).callbacks(taken).build()
}

/// Nothing in it may hold a frame back for the next one.
fn picture_decoder(codec: Codec) -> Result<(gst::Caps, gst::Element), Error> {
    let (caps, name) = match codec {
        Codec::H264 => (
            gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au"),
            "avdec_h264",
        ),
        // It decodes both generations.
        Codec::Mpeg => (
            gst::Caps::builder("video/mpeg")
                .field("mpegversion", 2)
                .field("systemstream", false)
                .field("parsed", true),
            "avdec_mpeg2video",
        ),
    };
    let decoder = element(name)?;
    // Threads that take a frame each hold as many frames back.
    decoder.set_property_from_str("thread-type", "slice");
    decoder.set_property("output-corrupt", false);
    Ok((caps.build(), decoder))
}

fn sound_caps(format: audio::Format) -> gst::Caps {
    gst::Caps::builder("audio/mpeg")
        .field("mpegversion", 1)
        .field("layer", i32::from(format.layer))
        .field("rate", format.rate_hz.cast_signed())
        .field("channels", i32::from(format.channels))
        .field("parsed", true)
        .build()
}

fn buffer(piece: Piece) -> gst::Buffer {
    let (decoded, shown) = (clock_time(piece.due), clock_time(piece.due + piece.reorder));
    let mut buffer = gst::Buffer::from_slice(piece.data);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_dts(decoded);
        buffer.set_pts(shown);
        if piece.breaks {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        if !piece.alone {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    buffer
}

/// Of a picture and its echo, which carry the same time, what comes out first passes.
fn once_each(decoder: &gst::Element) {
    let Some(pad) = decoder.static_pad("src") else { return };
    let last = parking_lot::Mutex::new(None);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, probe| {
        let shown = probe.buffer().and_then(|buffer| buffer.pts());
        match shown.is_some() && last.lock().replace(shown) == Some(shown) {
            true => LEFT_OUT,
            false => gst::PadProbeReturn::Ok,
        }
    });
}

fn clock_time(time: Duration) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX - 1))
}
