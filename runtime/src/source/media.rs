//! A URI opened and decoded: any container and codec that GStreamer decodes, its picture and sound linked to the
//! branches that want them.

mod bounds;
mod cause;
mod cookies;
mod encoding;
mod fault;
mod fetchers;
mod manifest;
mod ranges;
mod timing;
mod tune;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use futures::StreamExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::input::Plan;
use understudy_core::input::pace::Tally;
use understudy_core::input::rest::Change;
use understudy_core::input::watch::Arrival;
use understudy_core::media::Kind;

use super::Surroundings;
use super::flow::Flow;
use super::metrics::Origin;
use super::passed::{self, Passes};
use super::shape::{Branch, Branches, Timing};
use super::valve;
use crate::camera::Writer;
use crate::gst::{Error, Pipeline, element};

pub(super) use fault::{Fault, failure};
pub(super) use tune::decoder as tune_decoder;

/// What is kept ready of a source that delivers faster than it plays: a segment of HLS may take as long to come.
const AHEAD: gst::ClockTime = gst::ClockTime::from_seconds(5);
/// And at most so much of it: five seconds of 6 Mbit/s.
const AHEAD_BYTES: i32 = 4 << 20;

/// What an element's message is called by which it tells that a kind is not there.
const LACKS: &str = "understudy.lacks";

/// Playlists round the lengths of their parts; so much and a tenth may be missing at the end.
const LENGTH_TOLERANCE: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// An opened URI. Dropped, it goes down.
pub(super) struct Media {
    pipeline: Pipeline,
    messages: gst::bus::BusStream,
    ends: Arc<Ends>,
    heard: fault::Heard,
    uri: String,
    _permit: bounds::Permit,
    _cookies: cookies::Keep,
    within: tune::Within,
}

/// Settles what may be opened and what it is taken for. To be called once GStreamer has started, before any source: it
/// walks through all elements, better before threads do that too. What comes after the first call is no work.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        bounds::enforce();
        manifest::recognise();
        fetchers::follow();
    });
}

/// What happens to it.
#[derive(Debug)]
pub(super) enum Event {
    /// The state or position that was asked for is reached.
    Ready,
    /// The segment that was asked for is on its way to the sinks.
    Segment,
    /// All has been played.
    End,
    Fault(Fault),
    /// Of two kinds that are wanted one is not there; the other plays.
    Lacks(Fault),
}

/// Where decoded pads are linked to.
struct Ends {
    video: Option<End>,
    audio: Option<End>,
    pipeline: gst::glib::WeakRef<gst::Pipeline>,
    passes: Passes,
}

struct End {
    kind: Kind,
    branch: Branch,
    linked: AtomicBool,
    /// It is not there, and its branch is not either.
    absent: AtomicBool,
    /// It comes as it goes out, too.
    passed: AtomicBool,
}

/// With a writer the picture goes to it; the sound goes where the plan says if it is carried.
pub(super) fn open(
    uri: &str,
    origin: Origin,
    plan: &Plan,
    writer: Option<Writer>,
    surroundings: &Surroundings,
) -> Result<Media, Error> {
    let permit = bounds::permit(uri);
    let pipeline = Pipeline::playback("media");
    let decoder = element("uridecodebin")?;
    let within = tune::all_within(&decoder);
    decoder.set_property("uri", uri);
    decoder.set_property("use-buffering", origin == Origin::Stream);
    decoder.set_property("buffer-duration", AHEAD.nseconds().cast_signed());
    decoder.set_property("buffer-size", AHEAD_BYTES);
    pipeline.inner.add(&decoder)?;
    let passes = Passes::of(plan, writer.as_ref(), surroundings);
    expose(&decoder, passes.clone());
    let branches = Branches { pipeline: &pipeline, surroundings, origin, timing: Timing::ByTimestamp };
    let video = writer.map(|writer| branches.picture(plan.shape, writer)).transpose()?;
    let audio = plan.carries.audio().then(|| branches.sound()).transpose()?;
    let flow = |branch: &Option<Branch>| branch.as_ref().map(|branch| branch.flow.clone());
    fit_valves(&decoder, [(Kind::Video, flow(&video)), (Kind::Audio, flow(&audio))]);
    let ends = Arc::new(Ends {
        video: video.map(|branch| End::new(branch, Kind::Video)),
        audio: audio.map(|branch| End::new(branch, Kind::Audio)),
        pipeline: pipeline.inner.downgrade(),
        passes,
    });
    let weak = Arc::downgrade(&ends);
    decoder.connect_pad_added(move |_, pad| link(&weak, pad));
    let weak = Arc::downgrade(&ends);
    decoder.connect_no_more_pads(move |decoder| complain(decoder, &weak));
    let messages = pipeline.inner.bus().ok_or(Error::Missing("bus"))?.stream();
    Ok(Media {
        pipeline,
        messages,
        ends,
        heard: fault::Heard::default(),
        uri: uri.to_owned(),
        _permit: permit,
        _cookies: cookies::keep(),
        within,
    })
}

impl Media {
    /// Asks for a state; `Event::Ready` or a fault follows.
    pub(super) async fn change(&self, state: gst::State) -> Result<(), Error> {
        self.pipeline.begin(state).await
    }

    /// Whether its end can be a message instead of an end of stream, so that it begins again without a gap.
    pub(super) fn plays_segments(&self) -> bool {
        self.within.plays_segments()
    }

    /// Back to its start. Flushing drops what is still on its way; without, it is played to its end first.
    pub(super) async fn rewind(&self, mut flags: gst::SeekFlags) -> bool {
        if !self.within.goes_back() {
            return false;
        }
        flags.set(gst::SeekFlags::SEGMENT, self.plays_segments());
        match self.pipeline.seek(flags, gst::ClockTime::ZERO).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "a source cannot go back");
                false
            }
        }
    }

    /// Whether this kind can go out as it comes, whatever is decoded of it.
    pub(super) fn passes(&self, kind: Kind) -> bool {
        self.ends.all().any(|end| end.kind == kind && end.passed.load(Ordering::Acquire))
    }

    /// What is seen is not its picture any more, until that comes again.
    pub(super) fn cover(&self) {
        self.ends.passes.pause(Kind::Video);
    }

    /// Nothing of this kind is decoded while it rests; it comes all the same.
    pub(super) fn rest(&self, kind: Kind, change: Change) {
        self.ends.all().filter(|end| end.kind == kind).for_each(|end| end.branch.flow.rest(change));
    }

    /// It goes on after it stood still on purpose.
    pub(super) fn resume(&self) {
        self.ends.all().for_each(|end| end.branch.flow.resume());
    }

    /// Takes it down; what cannot be taken down is left to its drop.
    pub(super) async fn stop(&self) {
        if let Err(error) = self.pipeline.begin(gst::State::Null).await {
            tracing::warn!(%error, "a source does not go down, and what it holds stays until it does");
        }
    }

    pub(super) async fn next(&mut self) -> Event {
        while let Some(message) = self.messages.next().await {
            if let Some(event) = self.read(&message) {
                return event;
            }
        }
        Event::End
    }

    /// How long it is, as far as that is known now. A live sender has no length, or one that grows as it sends.
    pub(super) fn length(&self) -> Option<gst::ClockTime> {
        self.pipeline.inner.query_duration::<gst::ClockTime>().filter(|length| !length.is_zero())
    }

    /// Whether it has been played that far; what has a length may break off before.
    pub(super) fn came_to(&self, length: gst::ClockTime) -> bool {
        let position = self.pipeline.inner.query_position::<gst::ClockTime>();
        position.is_none_or(|position| {
            position.saturating_add(length / 10).saturating_add(LENGTH_TOLERANCE) >= length
        })
    }

    /// Whether any place in it can be gone to, which its sender could not offer if it sent from now.
    pub(super) fn is_seekable(&self) -> bool {
        let mut query = gst::query::Seeking::new(gst::Format::Time);
        self.pipeline.inner.query(&mut query) && query.result().0
    }

    /// What was seen and heard of what is sent as it happens.
    pub(super) fn perceptions(&self) -> Vec<(Kind, Arrival)> {
        self.ends.all().map(|end| (end.kind, end.branch.flow.perception())).collect()
    }

    /// What is there to be seen and heard of what is read ahead. None: it does not play yet.
    pub(super) fn presence(&self, now: Duration) -> Option<Vec<(Kind, Arrival)>> {
        let pipeline = &self.pipeline.inner;
        let playing = pipeline.current_state() == gst::State::Playing;
        let running = pipeline.clock().zip(pipeline.base_time()).filter(|_| playing);
        let running = running.map(|(clock, base)| clock.time().saturating_sub(base))?;
        Some(self.ends.all().map(|end| (end.kind, end.branch.flow.presence(now, running))).collect())
    }

    /// What came to its branches, whatever became of it.
    pub(super) fn arrivals(&self) -> Vec<(Kind, Arrival)> {
        self.ends.all().map(|end| (end.kind, end.branch.flow.arrival())).collect()
    }

    /// A playlist names the parts that are fetched.
    pub(super) fn is_of_parts(&self) -> bool {
        self.within.is_of_parts()
    }

    /// What came to be shown since the last call.
    pub(super) fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        self.ends.all().for_each(|end| sum.add(end.branch.flow.tally()));
        sum
    }

    /// From now on everything is shown this much later.
    pub(super) fn delay(&self, more: Duration) {
        let more = i64::try_from(more.as_nanos()).unwrap_or(i64::MAX);
        for pad in self.ends.all().filter_map(|end| end.branch.entry.static_pad("src")) {
            pad.set_offset(pad.offset().saturating_add(more));
        }
    }

    fn read(&mut self, message: &gst::Message) -> Option<Event> {
        match message.view() {
            gst::MessageView::Error(error) => Some(Event::Fault(Fault::of(error, &self.heard, &self.uri))),
            gst::MessageView::NeedContext(wanted) if bounds::refused(wanted) => {
                Some(Event::Fault(Fault::astray()))
            }
            gst::MessageView::NeedContext(wanted) if encoding::refused(wanted) => {
                Some(Event::Fault(Fault::encoded()))
            }
            gst::MessageView::Eos(_) => Some(Event::End),
            gst::MessageView::SegmentDone(_) => Some(Event::Segment),
            gst::MessageView::AsyncDone(_) => Some(Event::Ready),
            gst::MessageView::Latency(_) => {
                if let Err(error) = self.pipeline.inner.recalculate_latency() {
                    tracing::debug!(%error, "the latency of a source is not known");
                }
                None
            }
            gst::MessageView::Element(element) => {
                let message = element.structure()?;
                if message.name() == tune::ENDED {
                    return Some(Event::End);
                }
                if let Some(what) =
                    (message.name() == LACKS).then(|| message.get::<&str>("what").ok()).flatten()
                {
                    return Some(Event::Lacks(Fault::lacking(what, &self.heard)));
                }
                self.heard.hear(message);
                None
            }
            _ => None,
        }
    }
}

impl End {
    const fn new(branch: Branch, kind: Kind) -> Self {
        let [linked, absent, passed] = [const { AtomicBool::new(false) }; 3];
        Self { kind, branch, linked, absent, passed }
    }
}

impl Ends {
    /// Those that are there, or may come to be.
    fn all(&self) -> impl Iterator<Item = &End> {
        self.video.iter().chain(&self.audio).filter(|end| !end.absent.load(Ordering::Acquire))
    }

    /// Where what is encoded is linked to. None: it has been decoded.
    fn split(&self, end: &End, caps: &gst::CapsRef) -> Option<Result<gst::Pad, Error>> {
        let kind = passed::kind(caps)?;
        let pipeline = self.pipeline.upgrade()?;
        end.passed.store(true, Ordering::Release);
        Some(self.passes.split(kind, &pipeline, &end.branch))
    }
}

/// Whatever decoders come to be within `decoder` rest with what they decode for.
fn fit_valves(decoder: &gst::Element, flows: [(Kind, Option<Flow>); 2]) {
    let Some(bin) = decoder.downcast_ref::<gst::Bin>() else { return };
    bin.connect_deep_element_added(move |_, _, element| {
        let Some(factory) = element.factory() else { return };
        for (kind, flow) in &flows {
            let media = match kind {
                Kind::Video => gst::ElementFactoryType::MEDIA_VIDEO,
                Kind::Audio => gst::ElementFactoryType::MEDIA_AUDIO,
            };
            if let Some(flow) = flow
                && factory.has_type(gst::ElementFactoryType::DECODER | media)
            {
                valve::fit(element, flow);
            }
        }
    });
}

/// What goes out as it comes is not decoded by `decoder`.
fn expose(decoder: &gst::Element, passes: Passes) {
    decoder.connect("autoplug-continue", false, move |values| {
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        Some(caps.is_none_or(|caps| !passes.take(&caps)).to_value())
    });
}

/// The first stream of a kind is taken, others are left.
fn link(ends: &Weak<Ends>, pad: &gst::Pad) {
    let Some(ends) = ends.upgrade() else { return };
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let media = caps.structure(0).map(|s| s.name().to_string()).unwrap_or_default();
    let end = match media.split('/').next() {
        Some("video") => &ends.video,
        Some("audio") => &ends.audio,
        _ => return,
    };
    let Some(end) = end else { return };
    let Some(target) = end.branch.entry.static_pad("sink").filter(|target| !target.is_linked()) else {
        return;
    };
    let target = match ends.split(end, &caps) {
        Some(Ok(split)) => split,
        Some(Err(error)) => {
            tracing::warn!(%error, media, "a stream that could go out as it comes cannot be taken");
            return;
        }
        None => target,
    };
    match pad.link(&target) {
        Ok(_) => end.linked.store(true, Ordering::Release),
        Err(error) => tracing::debug!(%error, media, "a decoded stream cannot be linked"),
    }
}

/// All streams are known. What is there plays without what is not: that is told. Nothing at all is an error, not a wait.
fn complain(decoder: &gst::Element, ends: &Weak<Ends>) {
    let Some(ends) = ends.upgrade() else { return };
    let any = ends.all().any(|end| end.linked.load(Ordering::Acquire));
    for end in ends.all().filter(|end| !end.linked.load(Ordering::Acquire)) {
        let what = end.kind.word();
        if !any {
            gst::element_error!(decoder, gst::StreamError::WrongType, ("it has no {}", what));
            continue;
        }
        end.absent.store(true, Ordering::Release);
        end.branch.leave();
        let lacks = gst::Structure::builder(LACKS).field("what", what).build();
        // Without a bus there is nobody to be told.
        drop(decoder.post_message(gst::message::Element::builder(lacks).src(decoder).build()));
    }
}
