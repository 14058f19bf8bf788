//! The last stretch of every source: raw pictures in any size and rate come out as the camera's, raw sound comes
//! out of the microphone or the speaker.
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
use understudy_core::spec::{Destination, FrameRate, Shape};

use super::Surroundings;
use super::flow::Flow;
use super::metrics::{Fate, Meter, Origin};
use super::stamp;
use crate::camera::Writer;
use crate::gst::{Error, LEFT_OUT, Pipeline, element};

/// How far ahead of its playing sound is handed to PulseAudio: small, since it adds to the delay.
const PULSE_BUFFER_MICROSECONDS: i64 = 40_000;
const PULSE_FRAGMENT_MICROSECONDS: i64 = 10_000;
/// How long before it is heard sound must be at the sink.
pub const SOUND_AHEAD: gst::ClockTime =
    gst::ClockTime::from_useconds((PULSE_BUFFER_MICROSECONDS + PULSE_FRAGMENT_MICROSECONDS).cast_unsigned());

/// Raw pictures between decoder and scaler; one may be 12 MB.
const PICTURES_AHEAD: u32 = 3;
/// Of media that is shown as it comes, only the newest picture counts.
const PICTURES_AT_ONCE: u32 = 1;
/// A longer gap in a source's timestamps is not filled with repeated pictures.
const LONGEST_REPEAT: gst::ClockTime = gst::ClockTime::from_seconds(1);
/// What Chromium takes a camera's picture for (measured): sources of the newer standard, as most in HD, are converted.
const COLOURS: &str = "bt601";

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
        flow.watch(&queue, meter.clone());
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

    /// Sound to where the plan wants it: 48 kHz, stereo.
    pub fn sound(&self, destination: Destination) -> Result<Branch, Error> {
        let flow = Flow::default();
        let meter = self.surroundings.metrics.meter(self.origin, Kind::Audio);
        let queue = element("queue")?;
        let convert = element("audioconvert")?;
        let resample = element("audioresample")?;
        let format = gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("rate", 48_000)
            .field("channels", 2)
            .build();
        let caps = filter(&format)?;
        let sink = self.sound_sink(destination)?;
        self.heed_gate(&sink);
        self.pipeline.chain(&[&queue, &convert, &resample, &caps, &sink])?;
        flow.watch(&queue, meter.clone());
        flow.weigh(&sink, meter);
        Ok(Branch { entry: queue, flow })
    }

    /// A source that has ended is silent at once, however long its pipeline takes to go down.
    fn heed_gate(&self, sink: &gst::Element) {
        let gate = self.surroundings.gate.clone();
        let Some(pad) = sink.static_pad("sink") else { return };
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| match gate.is_closed() {
            true => LEFT_OUT,
            false => gst::PadProbeReturn::Ok,
        });
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

    fn sound_sink(&self, destination: Destination) -> Result<gst::Element, Error> {
        let sink = element("pulsesink")?;
        sink.set_property("server", &self.surroundings.pulse_server);
        sink.set_property("device", crate::sound::sink(destination, &self.surroundings.microphone_sink));
        sink.set_property("client-name", "source");
        sink.set_property("provide-clock", false);
        sink.set_property("buffer-time", PULSE_BUFFER_MICROSECONDS);
        sink.set_property("latency-time", PULSE_FRAGMENT_MICROSECONDS);
        sink.set_property("sync", self.timing == Timing::ByTimestamp);
        Ok(sink)
    }
}

impl Branch {
    /// All of it, from its entry to its sink.
    fn elements(&self) -> Vec<gst::Element> {
        let next = |element: &gst::Element| element.static_pad("src")?.peer()?.parent_element();
        std::iter::successors(Some(self.entry.clone()), next).collect()
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
