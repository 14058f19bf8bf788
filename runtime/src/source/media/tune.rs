//! Settings of the elements that GStreamer itself puts together for a URI.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use gstreamer::prelude::*;
use understudy_core::input::watch::LOST;

use super::ranges::Ranges;

/// Frame threads would add a frame of delay each. Slices are decoded side by side where a picture has them.
const DECODER_THREADS: i32 = 2;
/// What a network's jitter is smoothed over: a camera's picture is for conversations.
const JITTER_MILLISECONDS: u32 = 200;
/// A site that does not answer for so long is opened again.
const ANSWER_SECONDS: u32 = 10;
const ANSWER: gst::ClockTime = gst::ClockTime::from_seconds(ANSWER_SECONDS as u64);
/// By HTTP a silence in the middle is given up after as long: later than we give it up, who know it for a stall.
const SILENCE_SECONDS: u32 = LOST.as_secs() as u32 + 4;

/// Its demuxer stops for good when it is asked for a segment.
const WITHOUT_SEGMENTS: &str = "tsdemux";

/// What turned out to be within a decoder, as far as it says how the media can be played.
#[derive(Clone, Debug, Default)]
pub(super) struct Within {
    /// Something cannot play a segment.
    plain: Arc<AtomicBool>,
    ranges: Ranges,
}

impl Within {
    pub(super) fn goes_back(&self) -> bool {
        self.ranges.served()
    }

    pub(super) fn plays_segments(&self) -> bool {
        self.goes_back() && !self.plain.load(Ordering::Acquire)
    }
}

/// Sets up whatever comes to be within `decoder`.
pub(super) fn all_within(decoder: &gst::Element) -> Within {
    let within = Within::default();
    let Some(bin) = decoder.downcast_ref::<gst::Bin>() else { return within };
    let Within { plain, ranges } = within.clone();
    bin.connect_deep_element_added(move |_, _, element| {
        let Some(factory) = element.factory() else { return };
        tune(&factory.name(), element);
        match factory.name().as_str() {
            WITHOUT_SEGMENTS => plain.store(true, Ordering::Release),
            "qtdemux" => ranges.need(),
            "hlsdemux" | "dashdemux" => ranges.of_parts(),
            "souphttpsrc" => ranges.heed(element),
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
        "rtmp2src" => element.set_property("timeout", ANSWER_SECONDS),
        decoder if decoder.starts_with("avdec_") && element.has_property("thread-type") => {
            element.set_property_from_str("thread-type", "slice");
            element.set_property("max-threads", DECODER_THREADS);
        }
        _ => {}
    }
}
