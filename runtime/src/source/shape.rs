//! The last stretch of every source: raw pictures in any size and rate come out as the camera's, raw sound comes
//! out of the microphone or the speaker.
//!
//! An element that has nothing to change hands buffers through as they are, so a picture that already fits is not
//! touched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_app::gst_base::prelude::BaseSinkExt;
use parking_lot::Mutex;
use understudy_core::input::limit::Limit;
use understudy_core::input::watch::Arrival;
use understudy_core::media::Kind;
use understudy_core::spec::{Destination, FrameRate, Shape};

use super::Surroundings;
use super::metrics::{Fate, Meter, Origin};
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
/// Two intervals at 30 frames a second: an eye takes a frame this much after its time for a stutter.
const LATE: Duration = Duration::from_millis(66);

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

/// Whether anything comes, and how late. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Flow(Arc<Reading>);

#[derive(Debug, Default)]
struct Reading {
    /// Nanoseconds on the shared timeline; zero: nothing yet.
    arrived: AtomicU64,
    over: AtomicBool,
    /// When the last one came to the sink, on the shared timeline, and by how much after its time.
    weighed: Mutex<Option<(Duration, Duration)>>,
}

impl Branches<'_> {
    /// Pictures to the camera, in the plan's shape.
    pub fn picture(&self, shape: Shape, writer: Writer) -> Result<Branch, Error> {
        let flow = Flow::default();
        let meter = self.surroundings.metrics.meter(self.origin, Kind::Video);
        let queue = self.picture_queue(&meter)?;
        let rate = self.rate(shape, &meter)?;
        flow.watch(&queue, meter.clone());
        let sink = self.picture_sink(writer, flow.clone(), meter.clone());
        let camera = scale()?;
        let own = self.own_size(shape)?;
        if self.timing == Timing::AsItComes {
            self.limit(&queue, shape, meter);
        }
        let mut chain = vec![&queue];
        chain.extend(rate.iter().chain(&own));
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
    /// Whether something waits in it for its time.
    pub fn holds(&self) -> bool {
        self.entry.property::<u32>("current-level-buffers") > 0
    }
}

impl Flow {
    /// When the last piece arrived, on the shared timeline.
    pub fn arrival(&self) -> Arrival {
        match self.0.arrived.load(Ordering::Relaxed) {
            0 => Arrival::Nothing,
            _ if self.0.over.load(Ordering::Relaxed) => Arrival::Over,
            nanoseconds => Arrival::At(Duration::from_nanos(nanoseconds)),
        }
    }

    /// How long after its time the last piece came to the sink; none when it was in time, or came no later than `after`.
    pub fn late(&self, after: Duration) -> Option<Duration> {
        let weighed = *self.0.weighed.lock();
        weighed.filter(|(at, late)| *at > after && *late > LATE).map(|(_, late)| late)
    }

    fn watch(&self, entry: &gst::Element, meter: Meter) {
        let Some(pad) = entry.static_pad("sink") else { return };
        let flow = self.clone();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(mask, move |_, probe| {
            match probe.event() {
                Some(event) => flow.note(Some(event.type_())),
                None => {
                    flow.note(None);
                    meter.arrived();
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Something came: an event or, without one, a piece.
    fn note(&self, event: Option<gst::EventType>) {
        match event {
            Some(gst::EventType::Eos | gst::EventType::SegmentDone) => {
                self.0.over.store(true, Ordering::Relaxed);
            }
            Some(_) => {}
            None => {
                let now = u64::try_from(crate::gst::now().as_nanos()).unwrap_or(u64::MAX).max(1);
                self.0.arrived.store(now, Ordering::Relaxed);
                self.0.over.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Counts what comes to a sink that keeps the time itself.
    fn weigh(&self, sink: &gst::Element, meter: Meter) {
        let Some(pad) = sink.static_pad("sink") else { return };
        let (flow, sink) = (self.clone(), sink.downgrade());
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
            let (Some(sink), Some(pts)) = (sink.upgrade(), probe.buffer().and_then(|buffer| buffer.pts()))
            else {
                return gst::PadProbeReturn::Ok;
            };
            let segment = pad.sticky_event::<gst::event::Segment>(0);
            let running =
                segment.and_then(|e| e.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(pts));
            let age = running.and_then(|running| age(&sink, running));
            meter.count(flow.judge(age.map(|(_, late)| late)));
            gst::PadProbeReturn::Ok
        });
    }

    fn judge(&self, late: Option<i64>) -> Fate {
        let late = Duration::from_nanos(late.unwrap_or_default().max(0).cast_unsigned());
        *self.0.weighed.lock() = Some((crate::gst::now(), late));
        if late > LATE { Fate::Late } else { Fate::Shown }
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
    Ok(gst::FlowSuccess::Ok)
}

/// Nanoseconds from a buffer's own time until now, and from when it had to be shown until now.
fn age(sink: &gst::Element, running: gst::ClockTime) -> Option<(i64, i64)> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_piece_counts_until_one_in_time_comes_and_not_once_it_is_old() {
        crate::gst::init().unwrap();
        let (flow, before) = (Flow::default(), Duration::ZERO);
        assert_eq!(flow.late(before), None);
        assert_eq!(flow.judge(Some(400_000_000)), Fate::Late);
        assert_eq!(flow.late(before), Some(Duration::from_millis(400)));
        assert_eq!(flow.late(crate::gst::now()), None, "it came before that");
        assert_eq!(flow.judge(Some(-5)), Fate::Shown);
        assert_eq!(flow.late(before), None);
    }
}
