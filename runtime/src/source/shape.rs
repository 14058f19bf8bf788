//! The last stretch of every source: raw pictures in any size and rate come out as the camera's, raw sound goes
//! to the voice.
//!
//! An element that has nothing to change hands buffers through as they are, so a picture that already fits is not
//! touched.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_app::gst_base::prelude::BaseSinkExt;
use parking_lot::Mutex;
use understudy_core::input::limit::Limit;
use understudy_core::media::Kind;
use understudy_core::spec::{FrameRate, Shape};

use super::Surroundings;
use super::flow::Flow;
use super::metrics::{Fate, Meter, Origin};
use super::stamp;
use super::voice::{self, SOUND_AHEAD, Voice};
use crate::camera::Writer;
use crate::gst::{COLOURS, Error, LEFT_OUT, Pipeline, element};

/// Raw pictures between decoder and scaler; one may be 12 MB.
const PICTURES_AHEAD: u32 = 3;
/// Of media that is shown as it comes, only the newest picture counts.
const PICTURES_AT_ONCE: u32 = 1;
/// A longer gap in a source's timestamps is not filled with repeated pictures.
const LONGEST_REPEAT: gst::ClockTime = gst::ClockTime::from_seconds(1);
/// What the voice takes.
const SAMPLE_RATE_HZ: u64 = 48_000;
/// Two channels of 16 bits.
const SAMPLE_BYTES: usize = 4;

/// When a frame is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At the time that it carries.
    ByTimestamp,
    /// At once: whoever sends keeps the time.
    AsItComes,
}

/// What the branches of one source have in common.
#[derive(Clone, Copy, Debug)]
pub struct Branches<'a> {
    pub pipeline: &'a Pipeline,
    pub surroundings: &'a Surroundings,
    pub origin: Origin,
    pub timing: Timing,
}

/// One branch, already in the pipeline: decoded media is linked to the pad `sink` of its entry, a queue.
#[derive(Clone, Debug)]
pub struct Branch {
    pub entry: gst::Element,
    pub flow: Flow,
}

impl Branches<'_> {
    /// Pictures to the camera, in the plan's shape.
    pub fn picture(&self, shape: Shape, writer: Writer) -> Result<Branch, Error> {
        let flow = Flow::default();
        let meter = self.surroundings.metrics.meter(self.origin, Kind::Video);
        let queue = self.picture_queue(&meter)?;
        let rate = self.rate(shape, &meter)?;
        if self.timing == Timing::ByTimestamp {
            stamp::complete(&queue, self.pipeline, self.origin);
        }
        flow.watch(&queue, Some(meter.clone()));
        let upright = self.upright()?;
        let sink = self.picture_sink(writer, flow.clone(), meter.clone());
        let camera = scale()?;
        let own = self.own_size(shape)?;
        if self.timing == Timing::AsItComes {
            self.limit(&queue, shape, meter);
        }
        let mut chain = vec![&queue];
        chain.extend(rate.iter().chain(&upright).chain(&own));
        chain.extend([&camera, sink.upcast_ref()]);
        self.pipeline.chain(&chain)?;
        Ok(Branch { entry: queue, flow })
    }

    /// Sound to the voice: 48 kHz, stereo.
    pub fn sound(&self) -> Result<Branch, Error> {
        let flow = Flow::default();
        let meter = self.surroundings.metrics.meter(self.origin, Kind::Audio);
        let queue = element("queue")?;
        let convert = element("audioconvert")?;
        let resample = element("audioresample")?;
        let sink = self.sound_sink(flow.clone(), meter.clone())?;
        self.pipeline.chain(&[&queue, &convert, &resample, sink.upcast_ref()])?;
        flow.watch(&queue, Some(meter));
        Ok(Branch { entry: queue, flow })
    }

    fn picture_queue(&self, meter: &Meter) -> Result<gst::Element, Error> {
        let queue = element("queue")?;
        queue.set_property("max-size-bytes", 0_u32);
        queue.set_property("max-size-time", 0_u64);
        match self.timing {
            Timing::ByTimestamp => queue.set_property("max-size-buffers", PICTURES_AHEAD),
            Timing::AsItComes => {
                queue.set_property("max-size-buffers", PICTURES_AT_ONCE);
                queue.set_property_from_str("leaky", "downstream");
                let meter = meter.clone();
                queue.connect("overrun", false, move |_| {
                    meter.count(Fate::Dropped);
                    None
                });
            }
        }
        Ok(queue)
    }

    /// By timestamp, exactly the frame rate.
    fn rate(&self, shape: Shape, meter: &Meter) -> Result<Vec<gst::Element>, Error> {
        if self.timing == Timing::AsItComes {
            return Ok(Vec::new());
        }
        let rate = element("videorate")?;
        rate.set_property("max-duplication-time", LONGEST_REPEAT.nseconds());
        count_drops(&rate, meter.clone());
        let exact = gst::Fraction::new(self.frame_rate(shape).per_second().cast_signed(), 1);
        let caps = filter(&gst::Caps::builder("video/x-raw").field("framerate", exact).build())?;
        Ok(vec![rate, caps])
    }

    /// Turned as its container says, as that of a phone held upright does. Nothing is done to others but that rare formats,
    /// which cannot be turned, are converted to usual ones.
    fn upright(&self) -> Result<Vec<gst::Element>, Error> {
        if self.timing == Timing::AsItComes {
            return Ok(Vec::new());
        }
        let (convert, turn) = (element("videoconvert")?, element("videoflip")?);
        turn.set_property_from_str("video-direction", "auto");
        Ok(vec![convert, turn])
    }

    /// As it comes, at most the frame rate: to repeat a picture is the camera's own doing, and to find out that one is
    /// missing would mean to wait for the next. Not by `videorate`, which ends the process when a picture comes without
    /// a duration (GStreamer 1.22).
    fn limit(&self, queue: &gst::Element, shape: Shape, meter: Meter) {
        let Some(pad) = queue.static_pad("src") else { return };
        let limit = Mutex::new(Limit::new(self.frame_rate(shape).interval()));
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if limit.lock().admits(crate::gst::now()) {
                return gst::PadProbeReturn::Ok;
            }
            meter.count(Fate::Dropped);
            LEFT_OUT
        });
    }

    fn frame_rate(&self, shape: Shape) -> FrameRate {
        shape.frame_rate.unwrap_or(self.surroundings.format.frame_rate)
    }

    /// The plan's size, before it is padded into the camera's.
    fn own_size(&self, shape: Shape) -> Result<Vec<gst::Element>, Error> {
        let camera = self.surroundings.format.size;
        let Some(size) = shape.size.filter(|size| *size != (camera.width(), camera.height())) else {
            return Ok(Vec::new());
        };
        Ok(vec![scale()?, filter(&i420(size).build())?])
    }

    fn picture_sink(&self, writer: Writer, flow: Flow, meter: Meter) -> gst_app::AppSink {
        let camera = self.surroundings.format.size;
        let caps = i420((camera.width(), camera.height())).field("colorimetry", COLOURS).build();
        let sync = self.timing == Timing::ByTimestamp;
        let sink = gst_app::AppSink::builder().caps(&caps).sync(sync).max_buffers(2).drop(true).build();
        // Nothing upstream shall leave frames out because one was late: the writer always takes the newest.
        sink.set_qos(false);
        let show = move |sink: &gst_app::AppSink| show(sink, &writer, &flow, &meter);
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(show).build());
        sink
    }

    /// Pieces go on as long before they are heard as the way from here takes.
    fn sound_sink(&self, flow: Flow, meter: Meter) -> Result<gst_app::AppSink, Error> {
        let voice = self.surroundings.voice.clone().ok_or(Error::Missing("voice"))?;
        let sink = gst_app::AppSink::builder().caps(&voice::format()).sync(true).build();
        sink.set_render_delay(SOUND_AHEAD);
        let say = move |sink: &gst_app::AppSink| say(sink, &voice, &flow, &meter);
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(say).build());
        Ok(sink)
    }
}

impl Branch {
    /// All of it, from its entry to its sink.
    fn elements(&self) -> Vec<gst::Element> {
        let next = |element: &gst::Element| element.static_pad("src")?.peer()?.parent_element();
        std::iter::successors(Some(self.entry.clone()), next).collect()
    }

    /// Its pipeline comes to a state without waiting for anything to arrive here: it may be that nothing is decoded.
    pub fn waits_for_nothing(&self) {
        let sink = self.elements().pop();
        if let Some(sink) = sink.and_downcast::<gst_app::AppSink>() {
            sink.set_async(false);
        }
    }

    /// Takes it out of its pipeline, which shall not wait for what does not come.
    pub fn leave(&self) {
        for element in self.elements().into_iter().rev() {
            let bin = element.parent().and_downcast::<gst::Bin>();
            element.set_locked_state(true);
            if element.set_state(gst::State::Null).is_err()
                || bin.is_none_or(|bin| bin.remove(&element).is_err())
            {
                tracing::debug!(element = %element.name(), "a part of a branch that nothing comes to stays");
            }
        }
    }
}

/// `videorate` says how many it has left out, from zero again after each flush.
fn count_drops(rate: &gst::Element, meter: Meter) {
    rate.set_property("silent", false);
    let before = AtomicU64::new(0);
    rate.connect_notify(Some("drop"), move |rate, _| {
        let now = rate.property::<u64>("drop");
        let before = before.swap(now, Ordering::Relaxed);
        meter.dropped(now.checked_sub(before).unwrap_or(now));
    });
}

fn show(
    sink: &gst_app::AppSink,
    writer: &Writer,
    flow: &Flow,
    meter: &Meter,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
    let buffer = sample.buffer_owned().ok_or(gst::FlowError::Error)?;
    let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>());
    let running = segment.zip(buffer.pts()).and_then(|(segment, pts)| segment.to_running_time(pts));
    let mapped = buffer.into_mapped_buffer_readable().map_err(|_| gst::FlowError::Error)?;
    writer.show(Bytes::from_owner(mapped));
    let age = running.and_then(|running| age(sink.upcast_ref(), running));
    if let Some((age, _)) = age {
        meter.to_camera(Duration::from_nanos(age.max(0).cast_unsigned()));
    }
    meter.count(flow.judge(age.map(|(_, late)| late)));
    // Late or not, it is seen.
    flow.perceived();
    Ok(gst::FlowSuccess::Ok)
}

fn say(
    sink: &gst_app::AppSink,
    voice: &Voice,
    flow: &Flow,
    meter: &Meter,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
    if let Some((piece, running)) = heard(&sample) {
        let late = age(sink.upcast_ref(), running).map(|(_, late)| late);
        let audible = at(sink.upcast_ref(), running).is_some_and(|at| voice.say(timed(piece, at)));
        meter.count(flow.sounds(late, audible));
    }
    Ok(gst::FlowSuccess::Ok)
}

/// What of a piece lies within its segment, and when.
fn heard(sample: &gst::Sample) -> Option<(gst::Buffer, gst::ClockTime)> {
    let (buffer, segment) = (sample.buffer_owned()?, sample.segment()?.downcast_ref::<gst::ClockTime>()?);
    let begins = buffer.pts()?;
    let samples = u64::try_from(buffer.size() / SAMPLE_BYTES).ok()?;
    let (from, to) = segment.clip(begins, begins + time_of(samples))?;
    let (from, to) = (from?, to?);
    let left_out = samples_in(from.saturating_sub(begins)).min(samples);
    let left = samples_in(to.saturating_sub(from)).min(samples - left_out);
    let (offset, size) =
        (usize::try_from(left_out).ok()? * SAMPLE_BYTES, usize::try_from(left).ok()? * SAMPLE_BYTES);
    let piece = match size == buffer.size() {
        true => buffer,
        false => buffer.copy_region(gst::BUFFER_COPY_ALL, offset..offset + size).ok()?,
    };
    (left > 0).then_some((piece, segment.to_running_time(from)?))
}

/// The reading of the clock at which what has this running time is heard.
pub(super) fn at(sink: &gst::Element, running: gst::ClockTime) -> Option<gst::ClockTime> {
    let sink = sink.downcast_ref::<gst_app::gst_base::BaseSink>()?;
    Some(sink.base_time()? + running + sink.latency())
}

fn timed(mut piece: gst::Buffer, at: gst::ClockTime) -> gst::Buffer {
    let samples = u64::try_from(piece.size() / SAMPLE_BYTES).unwrap_or_default();
    let buffer = piece.make_mut();
    buffer.set_pts(at);
    buffer.set_dts(gst::ClockTime::NONE);
    buffer.set_duration(time_of(samples));
    piece
}

fn time_of(samples: u64) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(samples * gst::ClockTime::SECOND.nseconds() / SAMPLE_RATE_HZ)
}

/// To the nearest.
fn samples_in(time: gst::ClockTime) -> u64 {
    let second = gst::ClockTime::SECOND.nseconds();
    (time.nseconds() * SAMPLE_RATE_HZ + second / 2) / second
}

/// Nanoseconds from a buffer's own time until now, and from when it had to be shown until now.
pub(super) fn age(sink: &gst::Element, running: gst::ClockTime) -> Option<(i64, i64)> {
    let sink = sink.downcast_ref::<gst_app::gst_base::BaseSink>()?;
    let now = sink.clock()?.time().checked_sub(sink.base_time()?)?;
    let age = now.nseconds().cast_signed() - running.nseconds().cast_signed();
    // Shown at once, nothing is late but what waited somewhere.
    let latency = if sink.is_sync() { sink.latency().nseconds().cast_signed() } else { 0 };
    Some((age, age - latency))
}

fn i420((width, height): (u32, u32)) -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", width.cast_signed())
        .field("height", height.cast_signed())
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
}

/// Converts and scales in one pass, with the aspect kept and borders added.
fn scale() -> Result<gst::Element, Error> {
    let scale = element("videoconvertscale")?;
    scale.set_property("add-borders", true);
    Ok(scale)
}

fn filter(caps: &gst::Caps) -> Result<gst::Element, Error> {
    let filter = element("capsfilter")?;
    filter.set_property("caps", caps);
    Ok(filter)
}
