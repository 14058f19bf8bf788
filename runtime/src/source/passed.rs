//! What of a source can go out as it came, beside its decoder and in its own time.
//!
//! ```text
//!   demuxer ──> [parser] ──> tee ─┬─> queue ──> sink, at its time ──> Pass
//!                                 └─> decoder ──> the branch of all that is decoded
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use parking_lot::Mutex;
use understudy_core::input::Plan;
use understudy_core::media::{Kind, Track, Unit};
use understudy_core::passage::{Picture, Unfit, Wanted, access_unit, opus_duration};
use understudy_core::spec::Destination;

use super::shape::{self, Branch};
use super::{Surroundings, portions, valve};
use crate::broadcast::Pass;
use crate::camera::Writer;
use crate::gst::{Error, element};

/// Units between demuxer and sink: more than the decoded pictures that wait beside them.
const UNITS_AHEAD: u32 = 16;

/// What receivers of Opus count on.
const OPUS_PACKET: Duration = Duration::from_millis(20);
const OPUS_CHANNELS: i32 = 2;

/// What may be passed of one opened source. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Passes {
    picture: Option<(Arc<Pass>, Wanted)>,
    sound: Option<Arc<Pass>>,
}

/// One kind of it.
#[derive(Clone)]
struct Way {
    pass: Arc<Pass>,
    state: Arc<State>,
    /// None: sound.
    picture: Option<Wanted>,
    branch: Branch,
}

/// What was found out on the way.
#[derive(Debug)]
struct State {
    fits: AtomicBool,
    upright: AtomicBool,
    /// What comes next builds on something that did not go out, unless it can be decoded alone.
    broken: AtomicBool,
    /// When the last is shown. How late a stream is played changes, and no unit is shown before another that came earlier.
    last: Mutex<Duration>,
}

/// Between two units that would be shown in the other order.
const STEP: Duration = Duration::from_millis(1);

impl State {
    fn follow(&self, pts: Duration) -> Duration {
        let mut last = self.last.lock();
        *last = pts.max(*last + STEP);
        *last
    }
}

/// What is in front of a branch. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// What is encoded is linked to it.
    pad: gst::Pad,
    queue: gst::Element,
    decoder: gst::Element,
}

impl Head {
    pub fn pad(&self) -> gst::Pad {
        self.pad.clone()
    }

    /// Nothing is linked to it any more.
    pub fn free(&self) -> Option<gst::Pad> {
        (!self.pad.is_linked()).then(|| self.pad.clone())
    }

    /// The branch is free for what is decoded elsewhere. False: something still comes this way.
    pub fn leave(&self, branch: &Branch) -> bool {
        let free = !self.pad.is_linked();
        if free {
            self.decoder.unlink(&branch.entry);
        }
        free
    }

    /// What is passed is shown so many nanoseconds after its time.
    pub fn delay(&self, nanoseconds: i64) {
        if let Some(pad) = self.queue.static_pad("src") {
            pad.set_offset(nanoseconds);
        }
    }
}

impl Passes {
    /// Nothing where a page looks through the camera and listens to the microphone.
    pub fn of(plan: &Plan, writer: Option<&Writer>, surroundings: &Surroundings) -> Self {
        let format = surroundings.format;
        let frame_rate = plan.shape.frame_rate.unwrap_or(format.frame_rate);
        let (width, height) = (format.size.width(), format.size.height());
        let whole = plan.shape.size.is_none_or(|size| size == (width, height));
        let wanted = Wanted { size: format.size, frame_rate };
        let picture = writer.filter(|_| surroundings.direct && whole).and_then(Writer::pass);
        let sounds =
            surroundings.direct && plan.carries.audio() && plan.destination == Destination::Microphone;
        Self {
            picture: picture.map(|pass| (Arc::new(pass), wanted)),
            sound: surroundings
                .right
                .filter(|_| sounds)
                .and_then(|right| surroundings.sound.turn(right))
                .map(Arc::new),
        }
    }

    /// Whether what is so described is not to be decoded by whoever finds it, but taken here.
    pub fn take(&self, caps: &gst::CapsRef) -> bool {
        match (kind(caps), &self.picture, &self.sound) {
            (Some(Kind::Video), Some((_, wanted)), _) => match picture(caps, *wanted) {
                Some(Ok(())) => true,
                Some(Err(unfit)) => {
                    tracing::info!(%unfit, "a picture is encoded anew");
                    false
                }
                None => false,
            },
            (Some(Kind::Audio), _, Some(_)) => sound(caps),
            _ => false,
        }
    }

    /// Puts this way in front of the branch of what is decoded.
    pub fn split(&self, kind: Kind, pipeline: &gst::Pipeline, branch: &Branch) -> Result<Head, Error> {
        let (pass, wanted) = match kind {
            Kind::Video => self.picture.as_ref().map(|(pass, wanted)| (pass, Some(*wanted))),
            Kind::Audio => self.sound.as_ref().map(|pass| (pass, None)),
        }
        .ok_or(Error::Missing("passage"))?;
        let [fits, upright, broken] = [true, true, false].map(AtomicBool::new);
        let state = Arc::new(State { fits, upright, broken, last: Mutex::default() });
        let way = Way { pass: Arc::clone(pass), state, picture: wanted, branch: branch.clone() };
        way.build(pipeline)
    }
}

impl Way {
    fn build(self, pipeline: &gst::Pipeline) -> Result<Head, Error> {
        let (parsers, decoder) = self.codec()?;
        valve::fit(&decoder, &self.branch.flow);
        let (tee, queue, sink) = (element("tee")?, element("queue")?, self.sink());
        queue.set_property("max-size-buffers", UNITS_AHEAD);
        queue.set_property("max-size-bytes", 0_u32);
        queue.set_property("max-size-time", 0_u64);
        self.heed(&queue);
        self.branch.flow.watch(&queue, None);
        portions::fill(&queue, UNITS_AHEAD, portions::LONGEST);
        self.branch.waits_for_nothing();
        let head: Vec<_> = parsers.iter().chain([&tee]).collect();
        let sides = [&queue, sink.upcast_ref(), &decoder];
        let all = || head.iter().copied().chain(sides);
        pipeline.add_many(all())?;
        gst::Element::link_many(head.iter().copied())?;
        gst::Element::link_many([&tee, &queue, sink.upcast_ref()])?;
        gst::Element::link_many([&tee, &decoder, &self.branch.entry])?;
        // What is behind is ready before anything can come.
        for element in all().collect::<Vec<_>>().into_iter().rev() {
            element.sync_state_with_parent()?;
        }
        let pad = head.first().and_then(|first| first.static_pad("sink")).ok_or(Error::Missing("pad"))?;
        Ok(Head { pad, queue, decoder })
    }

    /// What brings it into shape, and what decodes it.
    fn codec(&self) -> Result<(Vec<gst::Element>, gst::Element), Error> {
        if self.picture.is_none() {
            return Ok((Vec::new(), element("opusdec")?));
        }
        let (parser, caps) = (element("h264parse")?, element("capsfilter")?);
        // Parameter sets before each IDR picture.
        parser.set_property("config-interval", -1_i32);
        let format = gst::Caps::builder("video/x-h264")
            .field("stream-format", "byte-stream")
            .field("alignment", "au")
            .build();
        caps.set_property("caps", &format);
        let decoder = element("avdec_h264")?;
        super::media::tune_decoder(&decoder);
        Ok((vec![parser, caps], decoder))
    }

    /// What it turns out to be later may not fit.
    fn heed(&self, queue: &gst::Element) {
        let Some(pad) = queue.static_pad("sink") else { return };
        let way = self.clone();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, probe| {
            match probe.event().map(|event| event.view()) {
                Some(gst::EventView::Caps(caps)) => {
                    let fits = match way.picture {
                        Some(wanted) => picture(caps.caps(), wanted).is_some_and(|fits| fits.is_ok()),
                        None => sound(caps.caps()),
                    };
                    way.state.fits.store(fits, Ordering::Release);
                }
                Some(gst::EventView::Tag(tags)) => {
                    if let Some(upright) = is_upright(tags.tag()) {
                        way.state.upright.store(upright, Ordering::Release);
                    }
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn sink(&self) -> gst_app::AppSink {
        let sink = gst_app::AppSink::builder().sync(true).max_buffers(UNITS_AHEAD).build();
        sink.set_qos(false);
        let way = self.clone();
        let pass = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            match way.unit(sink, &sample).filter(|unit| way.goes_on(&sample, unit.key)) {
                Some(unit) => way.pass.give(unit),
                None => way.pass.pause(),
            }
            way.branch.flow.perceived();
            Ok(gst::FlowSuccess::Ok)
        };
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(pass).build());
        self.break_at_seams(sink.upcast_ref());
        sink
    }

    /// What lies outside of its segment never comes out of a sink, and something may build on that.
    fn break_at_seams(&self, sink: &gst::Element) {
        let Some(pad) = sink.static_pad("sink") else { return };
        let state = Arc::clone(&self.state);
        let mask = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(mask, move |_, probe| {
            let event = probe.event().map(|event| event.type_());
            if matches!(event, Some(gst::EventType::Segment | gst::EventType::FlushStop)) {
                state.broken.store(true, Ordering::Release);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Whether a unit that fits can be decoded by who was given those before it.
    fn goes_on(&self, sample: &gst::Sample, alone: bool) -> bool {
        let State { fits, upright, broken, .. } = &*self.state;
        let lost = sample.buffer().is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::DISCONT));
        let whole = alone || !lost && !broken.load(Ordering::Acquire);
        broken.store(!whole, Ordering::Release);
        whole && fits.load(Ordering::Acquire) && upright.load(Ordering::Acquire)
    }

    /// None: it cannot be passed.
    fn unit(&self, sink: &gst_app::AppSink, sample: &gst::Sample) -> Option<Unit> {
        let (buffer, segment) = (sample.buffer_owned()?, sample.segment()?.downcast_ref::<gst::ClockTime>()?);
        let running = segment.to_running_time(buffer.pts()?)?;
        let pts = crate::gst::on_timeline(shape::at(sink.upcast_ref(), running)?);
        let pts = self.state.follow(pts);
        if self.branch.flow.rests() {
            // Nobody else says how late it is.
            self.branch.flow.judge(shape::age(sink.upcast_ref(), running).map(|(_, late)| late));
        }
        let lasts = buffer.duration().map(Duration::from);
        let payload = Bytes::from_owner(buffer.into_mapped_buffer_readable().ok()?);
        let (track, duration, key, payload) = match self.picture {
            Some(Wanted { size, frame_rate }) => {
                let (payload, key) = access_unit(payload);
                (
                    Track::h264(size.width(), size.height(), frame_rate.per_second()),
                    lasts.unwrap_or(frame_rate.interval()),
                    key,
                    payload,
                )
            }
            None => {
                let duration = opus_duration(&payload).filter(|lasts| *lasts == OPUS_PACKET)?;
                (Track::opus(OPUS_CHANNELS.cast_unsigned()), duration, true, payload)
            }
        };
        Some(Unit { track, pts, dts: pts, duration, key, payload })
    }
}

/// Of what can be passed at all.
pub(super) fn kind(caps: &gst::CapsRef) -> Option<Kind> {
    match caps.structure(0)?.name().as_str() {
        "video/x-h264" => Some(Kind::Video),
        "audio/x-opus" => Some(Kind::Audio),
        _ => None,
    }
}

/// Whether it fits; none for what no parser has looked at.
fn picture(caps: &gst::CapsRef, wanted: Wanted) -> Option<Result<(), Unfit>> {
    let described = caps.structure(0)?;
    let size = |side| described.get::<i32>(side).ok().and_then(|pixels| u32::try_from(pixels).ok());
    let fraction = |name| described.get::<gst::Fraction>(name).ok();
    let rate = fraction("framerate").filter(|rate| rate.numer() > 0);
    let picture = Picture {
        profile: described.get("profile").ok()?,
        level: described.get("level").ok(),
        size: (size("width")?, size("height")?),
        frame_rate: rate.map(|rate| (rate.numer().unsigned_abs(), rate.denom().unsigned_abs())),
        square: fraction("pixel-aspect-ratio").is_none_or(|ratio| ratio == gst::Fraction::new(1, 1)),
        progressive: described.get::<&str>("interlace-mode").map_or(true, |mode| mode == "progressive"),
    };
    Some(picture.fits(wanted))
}

/// One or two channels, as every receiver decodes them.
fn sound(caps: &gst::CapsRef) -> bool {
    let number = |name, otherwise| {
        caps.structure(0).and_then(|described| described.get::<i32>(name).ok()).unwrap_or(otherwise)
    };
    number("channel-mapping-family", 0) == 0 && number("channels", OPUS_CHANNELS) <= OPUS_CHANNELS
}

/// Whether a picture is shown as it is; none where nothing is said of that.
fn is_upright(tags: &gst::TagListRef) -> Option<bool> {
    tags.get::<gst::tags::ImageOrientation>().map(|orientation| orientation.get() == "rotate-0")
}
