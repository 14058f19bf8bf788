//! Settings of the elements that GStreamer itself puts together for a URI.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::input::watch::LOST;

use super::ranges::Ranges;
use crate::gst::LEFT_OUT;

/// Frame threads would add a frame of delay each. Slices are decoded side by side where a picture has them.
const DECODER_THREADS: i32 = 2;
/// What a network's jitter is smoothed over: a camera's picture is for conversations.
const JITTER_MILLISECONDS: u32 = 200;
/// A site that does not answer for so long is opened again.
const ANSWER_SECONDS: u32 = 10;
const ANSWER: gst::ClockTime = gst::ClockTime::from_seconds(ANSWER_SECONDS as u64);
/// By HTTP a silence in the middle is given up after as long: later than we give it up, who know it for a stall.
const SILENCE_SECONDS: u32 = LOST.as_secs() as u32 + 4;

/// What an element's message is called by which it tells that its sender has ended all that it sent by RTP.
pub(super) const ENDED: &str = "understudy.ended";

/// These go back at the end of a segment without a gap, and go on where their time was (tried with GStreamer 1.22).
/// Others stop for good (`tsdemux`, `flvdemux`), or count their time from zero again and play as fast as they can.
const WITH_SEGMENTS: [&str; 12] = [
    "matroskademux",
    "qtdemux",
    "oggdemux",
    "wavparse",
    "avidemux",
    "asfdemux",
    "hlsdemux",
    "dashdemux",
    "mpegaudioparse",
    "aacparse",
    "flacparse",
    "ac3parse",
];
/// What has one of these within plays none whatever it is in.
const WITHOUT_SEGMENTS: [&str; 2] = ["tsdemux", "mpegpsdemux"];

/// Gone back, its sound comes at a time of its own: it has to be opened again for each round.
const WITHOUT_RETURN: &str = "flvdemux";

/// What turned out to be within a decoder, as far as it says how the media can be played.
#[derive(Clone, Debug, Default)]
pub(super) struct Within {
    /// Something can play a segment.
    segments: Arc<AtomicBool>,
    /// Something cannot.
    plain: Arc<AtomicBool>,
    /// Something cannot go back at all.
    stays: Arc<AtomicBool>,
    ranges: Ranges,
}

impl Within {
    pub(super) fn goes_back(&self) -> bool {
        self.ranges.served() && !self.stays.load(Ordering::Acquire)
    }

    pub(super) fn plays_segments(&self) -> bool {
        self.goes_back() && self.segments.load(Ordering::Acquire) && !self.plain.load(Ordering::Acquire)
    }

    /// A playlist names the parts that are fetched.
    pub(super) fn is_of_parts(&self) -> bool {
        self.ranges.are_of_parts()
    }
}

/// Sets up whatever comes to be within `decoder`.
pub(super) fn all_within(decoder: &gst::Element) -> Within {
    let within = Within::default();
    let Some(bin) = decoder.downcast_ref::<gst::Bin>() else { return within };
    let Within { segments, plain, stays, ranges } = within.clone();
    // So many streams come by RTP and have not ended.
    let by_rtp = Arc::new(AtomicUsize::new(0));
    bin.connect_deep_element_added(move |_, _, element| {
        let Some(factory) = element.factory() else { return };
        tune(&factory.name(), element);
        let name = factory.name();
        segments.fetch_or(WITH_SEGMENTS.contains(&name.as_str()), Ordering::AcqRel);
        plain.fetch_or(WITHOUT_SEGMENTS.contains(&name.as_str()), Ordering::AcqRel);
        match name.as_str() {
            WITHOUT_RETURN => stays.store(true, Ordering::Release),
            "qtdemux" => ranges.need(),
            "hlsdemux" | "dashdemux" => ranges.of_parts(),
            "souphttpsrc" => ranges.heed(element),
            "rtpjitterbuffer" => tell_its_end(element, by_rtp.clone()),
            _ => {}
        }
    });
    within
}

fn tune(factory: &str, element: &gst::Element) {
    match factory {
        "souphttpsrc" => {
            super::cause::tell(element);
            element.set_property("timeout", SILENCE_SECONDS);
            element.set_property("user-agent", concat!("understudy/", env!("CARGO_PKG_VERSION")));
        }
        "rtspsrc" => {
            element.set_property_from_str("protocols", "tcp");
            element.set_property("latency", JITTER_MILLISECONDS);
            element.set_property("tcp-timeout", ANSWER.useconds());
        }
        "srtsrc" => {
            element.set_property_from_str("mode", "caller");
            // A lost sender shall be told, and opened again after the supervisor's wait.
            element.set_property("auto-reconnect", false);
        }
        // It would be waited for more kinds of pictures until a buffer is full.
        "multipartdemux" => element.set_property("single-stream", true),
        "rtmp2src" => element.set_property("timeout", ANSWER_SECONDS),
        name if name.starts_with("avdec_") && element.has_property("thread-type") => decoder(element),
        _ => {}
    }
}

/// One of libav.
pub(in crate::source) fn decoder(element: &gst::Element) {
    element.set_property_from_str("thread-type", "slice");
    element.set_property("max-threads", DECODER_THREADS);
}

/// Keeps the end of a stream from its jitter buffer, and tells it once all have ended: what still waits for its time is
/// left. The buffer would first drain its timers, in a thread that waits by the same condition variable as the timers'
/// own. Taken down meanwhile, it could wake the wrong one of the two, and stood for ever (GStreamer 1.22).
fn tell_its_end(buffer: &gst::Element, open: Arc<AtomicUsize>) {
    let Some(sink) = buffer.static_pad("sink") else { return };
    open.fetch_add(1, Ordering::AcqRel);
    let (told, buffer) = (AtomicBool::new(false), buffer.downgrade());
    sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, probed| {
        if probed.event().is_none_or(|event| event.type_() != gst::EventType::Eos) {
            return gst::PadProbeReturn::Ok;
        }
        let first = !told.swap(true, Ordering::AcqRel);
        if let Some(buffer) = buffer.upgrade().filter(|_| first && open.fetch_sub(1, Ordering::AcqRel) == 1) {
            let ended = gst::message::Element::builder(gst::Structure::new_empty(ENDED)).src(&buffer).build();
            // Without a bus there is nobody to be told.
            drop(buffer.post_message(ended));
        }
        LEFT_OUT
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_by_rtp_has_ended_once_all_of_it_has_and_no_jitter_buffer_learns_of_it() {
        crate::gst::init().unwrap();
        let pipeline = gst::Pipeline::new();
        let _within = all_within(pipeline.upcast_ref());
        let streams = [(); 2].map(|()| {
            let chain = ["rtpjitterbuffer", "fakesink"].map(|name| crate::gst::element(name).unwrap());
            pipeline.add_many(&chain).unwrap();
            gst::Element::link_many(&chain).unwrap();
            chain[0].static_pad("sink").unwrap()
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        let told = || {
            let bus = pipeline.bus().unwrap();
            let wanted = [gst::MessageType::Eos, gst::MessageType::Element];
            let message = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(300), &wanted)?;
            message.structure().map(|structure| structure.name().to_string())
        };
        streams[0].send_event(gst::event::StreamStart::new("a"));
        streams[0].send_event(gst::event::Eos::new());
        assert_eq!(told(), None, "the other goes on");
        streams[1].send_event(gst::event::StreamStart::new("b"));
        streams[1].send_event(gst::event::Eos::new());
        assert_eq!(told().as_deref(), Some(ENDED));
        assert_eq!(told(), None);
        for sink in streams {
            let source = sink.parent_element().and_then(|buffer| buffer.static_pad("src")).unwrap();
            assert!(source.sticky_event::<gst::event::Eos>(0).is_none());
        }
        pipeline.set_state(gst::State::Null).unwrap();
    }
}
