//! A file played at its own rate: any container and codec that GStreamer decodes, the picture scaled
//! with its aspect kept into the camera's size, the sound into the microphone.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use understudy_core::input::Plan;
use understudy_core::spec::Destination;

use super::Surroundings;
use crate::camera::Writer;
use crate::gst::{Ended, Error, Pipeline, element};

/// How far ahead of its playing sound is handed to PulseAudio: small, since it adds to the delay.
const PULSE_BUFFER_MICROSECONDS: i64 = 40_000;
const PULSE_FRAGMENT_MICROSECONDS: i64 = 10_000;

/// An opened file.
pub(super) struct File {
    pipeline: Pipeline,
}

/// Where decoded pads are linked to, by kind.
struct Branches {
    video: Branch,
    audio: Branch,
}

#[derive(Default)]
struct Branch {
    entry: Option<gst::Element>,
    linked: AtomicBool,
}

/// With a writer the picture goes to it; the sound goes to the microphone if it is carried.
pub(super) fn open(
    path: &Path,
    plan: &Plan,
    writer: Option<Writer>,
    surroundings: &Surroundings,
) -> Result<File, Error> {
    let pipeline = Pipeline::playback("file");
    let source = element("filesrc")?;
    source.set_property("location", path.display().to_string());
    let decoder = element("decodebin")?;
    pipeline.chain(&[&source, &decoder])?;
    let video = writer.map(|writer| video_branch(&pipeline, writer, surroundings)).transpose()?;
    let audio =
        plan.carries.audio().then(|| audio_branch(&pipeline, plan.destination, surroundings)).transpose()?;
    let branches = Arc::new(Branches {
        video: Branch { entry: video, linked: AtomicBool::new(false) },
        audio: Branch { entry: audio, linked: AtomicBool::new(false) },
    });
    let weak = Arc::downgrade(&branches);
    decoder.connect_pad_added(move |_, pad| link(&weak, pad));
    decoder.connect_no_more_pads(move |decoder| complain(decoder, &branches));
    Ok(File { pipeline })
}

impl File {
    /// Plays from the start. The segment flag makes the end a message instead of an end of stream, so that
    /// the file can begin again without a gap.
    pub(super) async fn start(&self) -> Result<(), Error> {
        self.pipeline.set(gst::State::Paused).await?;
        self.seek(gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT)?;
        self.pipeline.set(gst::State::Playing).await
    }

    /// Takes it down; what cannot be taken down is left to its drop.
    pub(super) async fn stop(&self) {
        if let Err(error) = self.pipeline.set(gst::State::Null).await {
            tracing::debug!(%error, "a source did not go down cleanly");
        }
    }

    pub(super) async fn ended(&self) -> Ended {
        self.pipeline.ended().await
    }

    /// Plays again after `ended`.
    pub(super) fn again(&self, ended: &Ended) -> Result<(), Error> {
        match ended {
            Ended::Segment => self.seek(gst::SeekFlags::SEGMENT),
            _ => self.seek(gst::SeekFlags::FLUSH | gst::SeekFlags::SEGMENT),
        }
    }

    fn seek(&self, flags: gst::SeekFlags) -> Result<(), Error> {
        Ok(self.pipeline.inner.seek_simple(flags, gst::ClockTime::ZERO)?)
    }
}

fn video_branch(
    pipeline: &Pipeline,
    writer: Writer,
    surroundings: &Surroundings,
) -> Result<gst::Element, Error> {
    let queue = element("queue")?;
    let rate = element("videorate")?;
    let scale = element("videoconvertscale")?;
    scale.set_property("add-borders", true);
    let format = surroundings.format;
    let (width, height) = (format.size.width().cast_signed(), format.size.height().cast_signed());
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", width)
        .field("height", height)
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("framerate", gst::Fraction::new(format.frame_rate.per_second().cast_signed(), 1))
        .build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(true).max_buffers(2).drop(true).build();
    sink.set_callbacks(
        gst_app::AppSinkCallbacks::builder().new_sample(move |sink| show(sink, &writer)).build(),
    );
    pipeline.chain(&[&queue, &rate, &scale, sink.upcast_ref()])?;
    Ok(queue)
}

fn show(sink: &gst_app::AppSink, writer: &Writer) -> Result<gst::FlowSuccess, gst::FlowError> {
    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
    let buffer = sample.buffer_owned().ok_or(gst::FlowError::Error)?;
    let mapped = buffer.into_mapped_buffer_readable().map_err(|_| gst::FlowError::Error)?;
    writer.show(Bytes::from_owner(mapped));
    Ok(gst::FlowSuccess::Ok)
}

fn audio_branch(
    pipeline: &Pipeline,
    destination: Destination,
    surroundings: &Surroundings,
) -> Result<gst::Element, Error> {
    let queue = element("queue")?;
    let convert = element("audioconvert")?;
    let resample = element("audioresample")?;
    let caps = element("capsfilter")?;
    let format = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", 48_000)
        .field("channels", 2)
        .build();
    caps.set_property("caps", &format);
    let sink = element("pulsesink")?;
    sink.set_property("server", &surroundings.pulse_server);
    sink.set_property("device", crate::sound::sink(destination, &surroundings.microphone_sink));
    sink.set_property("client-name", "source");
    sink.set_property("provide-clock", false);
    sink.set_property("buffer-time", PULSE_BUFFER_MICROSECONDS);
    sink.set_property("latency-time", PULSE_FRAGMENT_MICROSECONDS);
    pipeline.chain(&[&queue, &convert, &resample, &caps, &sink])?;
    Ok(queue)
}

fn link(branches: &Weak<Branches>, pad: &gst::Pad) {
    let Some(branches) = branches.upgrade() else { return };
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let kind = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
    let branch = match kind.split('/').next() {
        Some("video") => &branches.video,
        Some("audio") => &branches.audio,
        _ => return,
    };
    // The first stream of a kind is taken, others are left.
    let Some(target) = branch.entry.as_ref().and_then(|entry| entry.static_pad("sink")) else { return };
    if target.is_linked() {
        return;
    }
    match pad.link(&target) {
        Ok(_) => branch.linked.store(true, Ordering::Release),
        Err(error) => tracing::debug!(%error, kind, "a decoded stream cannot be linked"),
    }
}

/// All streams are known: one that was asked for and is not there is an error, not a wait.
fn complain(decoder: &gst::Element, branches: &Branches) {
    for (branch, kind) in [(&branches.video, "picture"), (&branches.audio, "sound")] {
        if branch.entry.is_some() && !branch.linked.load(Ordering::Acquire) {
            let text = format!("the file has no {kind}");
            gst::element_error!(decoder, gst::StreamError::WrongType, ("{text}"));
        }
    }
}
