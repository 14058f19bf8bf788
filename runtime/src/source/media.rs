//! A URI opened and decoded: any container and codec that GStreamer decodes, its picture and sound linked to the
//! branches that want them.

mod bounds;
mod cause;
mod cookies;
mod encoding;
mod ends;
mod fault;
mod fetchers;
mod manifest;
mod ranges;
mod timing;
mod tune;

use std::sync::{Arc, Once};
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
use super::passed::Passes;
use super::shape::{Branch, Branches, Timing};
use super::valve;
use crate::camera::Writer;
use crate::gst::{Error, Pipeline, element};

use ends::Ends;
pub(super) use fault::{Fault, failure};
pub(super) use tune::decoder as tune_decoder;

/// What is kept ready of a source that delivers faster than it plays: a segment of HLS may take as long to come.
const AHEAD: gst::ClockTime = gst::ClockTime::from_seconds(5);
/// And at most so much of it: five seconds of 6 Mbit/s.
const AHEAD_BYTES: i32 = 4 << 20;

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
    let ends = Arc::new(Ends::new(&pipeline, video, audio, passes));
    let weak = Arc::downgrade(&ends);
    decoder.connect_pad_added(move |decoder, pad| ends::link(&weak, decoder, pad));
    let weak = Arc::downgrade(&ends);
    decoder.connect_no_more_pads(move |decoder| ends::complain(decoder, &weak));
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
        self.ends.all().any(|end| end.kind == kind && end.is_passed())
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
        self.ends.delay(i64::try_from(more.as_nanos()).unwrap_or(i64::MAX));
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
                    (message.name() == ends::LACKS).then(|| message.get::<&str>("what").ok()).flatten()
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
