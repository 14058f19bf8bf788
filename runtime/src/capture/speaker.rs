//! The speaker's monitor, encoded.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use understudy_core::media::{AudioCodec, Track};
use understudy_core::rendition::Audio;
use understudy_core::spec::Bitrate;

use super::Speaker;
use super::encoded::{Outlet, publisher};
use crate::gst::{Ended, Error, Pipeline, element};

/// One Opus packet; what browsers expect.
const PACKET: Duration = Duration::from_millis(20);

const CHANNELS: u32 = 2;

const FRAGMENT_MICROSECONDS: i64 = 10_000;
const BUFFER_MICROSECONDS: i64 = 40_000;

/// Captures until it fails.
pub(super) async fn run(speaker: Speaker, rendition: Audio, outlet: Outlet) -> Result<(), Error> {
    let pipeline = build(&speaker, rendition, outlet)?;
    pipeline.set(gst::State::Playing).await?;
    match pipeline.ended().await {
        Ended::Error(error) => Err(error),
        Ended::Stream | Ended::Segment => Ok(()),
    }
}

fn build(speaker: &Speaker, rendition: Audio, outlet: Outlet) -> Result<Pipeline, Error> {
    let pipeline = Pipeline::new("speaker");
    let source = element("pulsesrc")?;
    source.set_property("server", &speaker.server);
    source.set_property("device", crate::sound::SPEAKER_MONITOR);
    source.set_property("client-name", "capture");
    source.set_property("provide-clock", false);
    source.set_property("buffer-time", BUFFER_MICROSECONDS);
    source.set_property("latency-time", FRAGMENT_MICROSECONDS);
    let convert = element("audioconvert")?;
    let resample = element("audioresample")?;
    let caps = element("capsfilter")?;
    let format = gst::Caps::builder("audio/x-raw")
        .field("rate", 48_000)
        .field("channels", CHANNELS.cast_signed())
        .build();
    caps.set_property("caps", &format);
    let encoder = match rendition.codec {
        AudioCodec::Opus => opus(rendition.bitrate.unwrap_or(speaker.bitrate))?,
    };
    let sink = gst_app::AppSink::builder().sync(false).max_buffers(50).drop(true).build();
    sink.set_callbacks(publisher(outlet, Track::opus(CHANNELS), PACKET));
    pipeline.chain(&[&source, &convert, &resample, &caps, &encoder, sink.upcast_ref()])?;
    Ok(pipeline)
}

fn opus(bitrate: Bitrate) -> Result<gst::Element, Error> {
    let encoder = element("opusenc")?;
    encoder.set_property("bitrate", bitrate.bits_per_second().cast_signed());
    encoder.set_property_from_str("frame-size", "20");
    Ok(encoder)
}
