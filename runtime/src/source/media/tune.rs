//! Settings of the elements that GStreamer itself puts together for a URI, and the bounds within which it may.

use gstreamer as gst;
use gstreamer::prelude::*;

/// Frame threads would add a frame of delay each. Slices are decoded side by side where a picture has them.
const DECODER_THREADS: i32 = 2;
/// What a network's jitter is smoothed over: a camera's picture is for conversations.
const JITTER_MILLISECONDS: u32 = 200;
/// A site that does not answer for so long is opened again.
const ANSWER_SECONDS: u32 = 10;
const ANSWER: gst::ClockTime = gst::ClockTime::from_seconds(ANSWER_SECONDS as u64);

/// Demuxers of this second generation fetch by themselves, past the proxy that guards what is fetched.
const UNGUARDED: [&str; 3] = ["hlsdemux2", "dashdemux2", "mssdemux2"];

/// Sets up whatever comes to be within `decoder`, which plays `uri`.
pub(super) fn all_within(decoder: &gst::Element, uri: &str) {
    for demuxer in UNGUARDED.iter().filter_map(|name| gst::ElementFactory::find(name)) {
        demuxer.set_rank(gst::Rank::NONE);
    }
    let uri = uri.to_owned();
    let Some(bin) = decoder.downcast_ref::<gst::Bin>() else { return };
    let bounded = decoder.downgrade();
    bin.connect_deep_element_added(move |_, _, element| {
        let Some(factory) = element.factory() else { return };
        match bounded.upgrade() {
            Some(decoder) if leads_astray(&factory, element, &uri) => refuse(&decoder, element),
            _ => tune(factory.name().as_str(), element),
        }
    });
}

fn tune(factory: &str, element: &gst::Element) {
    match factory {
        "souphttpsrc" => {
            element.set_property("timeout", ANSWER_SECONDS);
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

/// What was fetched may name more to fetch: by HTTP, which the guard sees, and nothing else. A playlist shall not open
/// files or sockets of this machine.
fn leads_astray(factory: &gst::ElementFactory, element: &gst::Element, uri: &str) -> bool {
    let is_source = factory.has_type(gst::ElementFactoryType::SRC);
    let opens_itself = ["rtsp:", "rtsps:"].iter().any(|scheme| uri.to_ascii_lowercase().starts_with(scheme));
    if !is_source || opens_itself {
        return false;
    }
    let given = element.dynamic_cast_ref::<gst::URIHandler>().and_then(|handler| handler.uri());
    let web =
        given.as_ref().is_some_and(|given| given.starts_with("http://") || given.starts_with("https://"));
    !web && given.as_deref() != Some(uri)
}

/// Whatever it was told to open, it finds nothing to open.
fn refuse(decoder: &gst::Element, element: &gst::Element) {
    for place in ["location", "uri", "host"].into_iter().filter(|place| element.has_property(place)) {
        element.set_property_from_str(place, "");
    }
    gst::element_error!(
        decoder,
        gst::ResourceError::NotAuthorized,
        ("it refers to something that may not be opened")
    );
}
