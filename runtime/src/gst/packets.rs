//! Packets of RTP in pipelines: from what a peer sends, in whatever order, to whole pictures and pieces of sound.

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use gstreamer_video as gst_video;
use understudy_core::fanout::clock;
use understudy_core::offer::Encoding;

use super::{Error, element};

/// Where the packets of one stream go in, as they arrive.
pub fn entry(encoding: Encoding, payload_type: u8, ssrc: u32) -> AppSrc {
    let kind = encoding.kind();
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", kind.media())
        .field("encoding-name", encoding.name())
        .field("clock-rate", clock::rate_hz(kind).cast_signed())
        .field("payload", i32::from(payload_type))
        .field("ssrc", ssrc)
        .build();
    AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true).do_timestamp(true).build()
}

/// Packets in order pass at once; a gap is waited for.
pub fn jitter_buffer(patience: gst::ClockTime) -> Result<gst::Element, Error> {
    let buffer = element("rtpjitterbuffer")?;
    buffer.set_property("latency", u32::try_from(patience.mseconds()).unwrap_or(u32::MAX));
    // Otherwise the first packet waits for as long as a missing one.
    buffer.set_property("faststart-min-packets", 1_u32);
    buffer.set_property("do-lost", true);
    Ok(buffer)
}

/// From packets in their order to encoded pictures, or sound. A picture with a hole in it goes no further, nor does what refers to it.
pub fn unpack(encoding: Encoding) -> Result<Vec<gst::Element>, Error> {
    let unpack = element(match encoding {
        Encoding::Vp8 => "rtpvp8depay",
        Encoding::Vp9 => "rtpvp9depay",
        Encoding::H264 => "rtph264depay",
        Encoding::Opus => return Ok(vec![element("rtpopusdepay")?]),
    })?;
    unpack.set_property("request-keyframe", true);
    unpack.set_property("wait-for-keyframe", true);
    if encoding != Encoding::H264 {
        return Ok(vec![unpack]);
    }
    let parse = element("h264parse")?;
    // Whoever comes to look later needs the parameters with each whole picture.
    parse.set_property("config-interval", -1_i32);
    let form = element("capsfilter")?;
    form.set_property("caps", byte_stream());
    Ok(vec![unpack, parse, form])
}

/// Start codes between the parts, a whole picture in each buffer.
fn byte_stream() -> gst::Caps {
    gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").field("alignment", "au").build()
}

/// `ask` is called whenever an element wants a whole picture of its sender.
pub fn pass_requests(entry: &AppSrc, ask: impl Fn() + Send + Sync + 'static) {
    let Some(pad) = entry.static_pad("src") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, probe| {
        if probe.event().is_some_and(|event| gst_video::ForceKeyUnitEvent::is(event)) {
            ask();
        }
        gst::PadProbeReturn::Ok
    });
}
