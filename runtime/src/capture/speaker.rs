//! The speaker's monitor, encoded.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use understudy_core::aac;
use understudy_core::media::{AudioCodec, Track};
use understudy_core::passage::Groups;
use understudy_core::rendition::Audio;
use understudy_core::spec::Bitrate;

use super::Speaker;
use super::encoded::{Made, Outlet, publisher};
use super::passed::Passed;
use crate::gst::{Ended, Error, Pipeline, element};

/// One Opus packet; what browsers expect.
const PACKET: Duration = Duration::from_millis(20);

/// The speaker's own: Opus is decoded at no other, and whoever plays AAC plays it at this.
const RATE_HZ: u32 = 48_000;

const CHANNELS: u32 = 2;

/// AAC takes so much for what Opus does with less, and players of RTMP and MPEG-TS are used to it.
const AAC_BITS_PER_SECOND: u32 = 128_000;

/// Layer II is transparent from here on, and knows a few bitrates alone.
const MP2_BITS_PER_SECOND: i32 = 192_000;
/// Of a frame (11172-3 §2.4.2.1), and how much later they are heard than the encoder says: what its filters hold (libavcodec).
const MP2_SAMPLES: u32 = 1152;
const MP2_DELAY_SAMPLES: u32 = 481;

const FRAGMENT_MICROSECONDS: i64 = 10_000;
const BUFFER_MICROSECONDS: i64 = 40_000;

/// What comes encoded is silent for so long at most before silence is encoded.
const PATIENCE: Duration = Duration::from_millis(300);

/// Captures until it fails. Opus that comes as such goes out as it came.
pub(super) async fn run(speaker: Speaker, rendition: Audio, outlet: Outlet) -> Result<(), Error> {
    match &speaker.passage {
        Some(passage) if rendition.codec == AudioCodec::Opus => {
            let passed = Passed {
                units: passage.take(),
                groups: Groups::within(rendition.bitrate.unwrap_or(speaker.bitrate), None),
                patience: PATIENCE,
                outlet,
                encode: |outlet| Box::pin(encode(&speaker, rendition, outlet)) as _,
            };
            passed.run().await
        }
        _ => encode(&speaker, rendition, outlet).await,
    }
}

async fn encode(speaker: &Speaker, rendition: Audio, outlet: Outlet) -> Result<(), Error> {
    let pipeline = build(speaker, rendition, outlet)?;
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
    source.set_property("device", &speaker.source);
    source.set_property("client-name", "capture");
    source.set_property("provide-clock", false);
    source.set_property("buffer-time", BUFFER_MICROSECONDS);
    source.set_property("latency-time", FRAGMENT_MICROSECONDS);
    let convert = element("audioconvert")?;
    let resample = element("audioresample")?;
    let caps = as_encoded()?;
    let encoder = encoder(rendition, speaker.bitrate)?;
    let sink = gst_app::AppSink::builder().sync(false).max_buffers(50).drop(true).build();
    sink.set_callbacks(publisher(outlet, made(rendition.codec)));
    pipeline.chain(&[&source, &convert, &resample, &caps, &encoder, sink.upcast_ref()])?;
    Ok(pipeline)
}

/// What encoders take.
pub(crate) fn as_encoded() -> Result<gst::Element, Error> {
    let caps = element("capsfilter")?;
    let format = gst::Caps::builder("audio/x-raw")
        .field("rate", RATE_HZ.cast_signed())
        .field("channels", CHANNELS.cast_signed())
        .build();
    caps.set_property("caps", &format);
    Ok(caps)
}

/// `usual`: of Opus, where nobody chose another.
pub(crate) fn encoder(rendition: Audio, usual: Bitrate) -> Result<gst::Element, Error> {
    match rendition.codec {
        AudioCodec::Opus => opus(rendition.bitrate.unwrap_or(usual)),
        AudioCodec::Aac => aac(rendition.bitrate),
        AudioCodec::Mp2 => mp2(),
    }
}

/// What comes of it.
pub(crate) fn made(codec: AudioCodec) -> Made {
    match codec {
        AudioCodec::Opus => Made { track: Track::opus(CHANNELS), duration: PACKET, delay: Duration::ZERO },
        AudioCodec::Aac => {
            let duration = aac::duration(RATE_HZ);
            Made { track: Track::aac(RATE_HZ, CHANNELS), duration, delay: duration }
        }
        AudioCodec::Mp2 => Made {
            track: Track::mp2(RATE_HZ, CHANNELS),
            duration: samples(MP2_SAMPLES),
            delay: samples(MP2_DELAY_SAMPLES),
        },
    }
}

fn samples(count: u32) -> Duration {
    Duration::from_secs(1) * count / RATE_HZ
}

fn opus(bitrate: Bitrate) -> Result<gst::Element, Error> {
    let encoder = element("opusenc")?;
    encoder.set_property("bitrate", bitrate.bits_per_second().cast_signed());
    encoder.set_property_from_str("frame-size", "20");
    Ok(encoder)
}

fn aac(bitrate: Option<Bitrate>) -> Result<gst::Element, Error> {
    let encoder = element("avenc_aac")?;
    let bits_per_second = bitrate.map_or(AAC_BITS_PER_SECOND, Bitrate::bits_per_second);
    encoder.set_property("bitrate", bits_per_second.cast_signed());
    // It listens to itself less, at a third of the time, and at this bitrate nobody hears it.
    encoder.set_property_from_str("aac-coder", "fast");
    Ok(encoder)
}

fn mp2() -> Result<gst::Element, Error> {
    let encoder = element("avenc_mp2")?;
    encoder.set_property("bitrate", MP2_BITS_PER_SECOND);
    Ok(encoder)
}

#[cfg(test)]
mod tests {
    use understudy_core::media::Unit;

    use super::*;
    use crate::capture::encoded::unit;

    /// When the first tick sounds; the second comes a second later.
    const FIRST: Duration = Duration::from_secs(5);
    /// What a decoder makes of an onset is blurred a little.
    const SHARP: Duration = Duration::from_millis(2);

    /// Two ticks, as they are encoded.
    fn ticks() -> Vec<Unit> {
        let (source, convert) = (element("audiotestsrc").unwrap(), element("audioconvert").unwrap());
        source.set_property_from_str("wave", "ticks");
        source.set_property("num-buffers", 60);
        source.set_property("timestamp-offset", i64::try_from(FIRST.as_nanos()).unwrap());
        let caps = element("capsfilter").unwrap();
        let format =
            gst::Caps::builder("audio/x-raw").field("rate", RATE_HZ.cast_signed()).field("channels", 2);
        caps.set_property("caps", format.build());
        let encoder = aac(None).unwrap();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let made = made(AudioCodec::Aac);
        let pipeline = Pipeline::new("ticks");
        pipeline.chain(&[&source, &convert, &caps, &encoder, sink.upcast_ref()]).unwrap();
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        let pulled = std::iter::from_fn(|| sink.pull_sample().ok());
        pulled.filter_map(|sample| unit(&sample, made)).collect()
    }

    /// As a player hears them: samples of one channel, from the first unit on.
    fn decoded(units: &[Unit]) -> Vec<i16> {
        let pipeline = Pipeline::new("player");
        let config = aac::Format::new(RATE_HZ, CHANNELS).unwrap().config();
        let caps = gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4)
            .field("stream-format", "raw")
            .field("rate", RATE_HZ.cast_signed())
            .field("channels", CHANNELS.cast_signed())
            .field("codec_data", gst::Buffer::from_slice(config))
            .build();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
        let mono = gst::Caps::builder("audio/x-raw").field("format", "S16LE").field("channels", 1).build();
        let sink = gst_app::AppSink::builder().caps(&mono).sync(false).build();
        let (decoder, convert) = (element("avdec_aac").unwrap(), element("audioconvert").unwrap());
        pipeline.chain(&[source.upcast_ref(), &decoder, &convert, sink.upcast_ref()]).unwrap();
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        for unit in units {
            source.push_buffer(gst::Buffer::from_slice(unit.payload.clone())).unwrap();
        }
        source.end_of_stream().unwrap();
        let pulled = std::iter::from_fn(|| sink.pull_sample().ok());
        let bytes = pulled.flat_map(|sample| sample.buffer().unwrap().map_readable().unwrap().to_vec());
        bytes.collect::<Vec<_>>().chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
    }

    #[test]
    fn aac_sounds_when_it_was_heard() {
        crate::gst::init().unwrap();
        let units = ticks();
        assert!(units.windows(2).all(|two| (two[1].pts - two[0].pts).abs_diff(two[0].duration) < SHARP));
        let samples = decoded(&units);
        let loud = samples.iter().position(|sample| sample.unsigned_abs() > 4000).unwrap();
        let heard = units[0].pts + Duration::from_secs(1) * u32::try_from(loud).unwrap() / RATE_HZ;
        assert!(heard.abs_diff(FIRST) < SHARP, "{heard:?}");
    }
}
