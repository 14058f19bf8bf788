//! What is made of Opus for whoever plays none: AAC and layer II, while somebody takes it.

use std::time::Duration;

use gstreamer as gst;
use gstreamer_app as gst_app;
use gstreamer_app::prelude::*;
use understudy_core::media::Unit;
use understudy_core::rendition::Audio;
use understudy_core::spec::Encoding;

use crate::broadcast::Hub;
use crate::capture::{as_encoded, encoder, made, unit};
use crate::gst::{Ended, Error, Pipeline, element};

/// Before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Sound that waits to be decoded; what is more is lost.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// Runs until it is dropped.
pub(super) async fn encode(from: Hub, rendition: Audio, hub: Hub) {
    loop {
        if let Err(error) = run(&from, rendition, hub.clone()).await {
            tracing::warn!(%error, "a process's sound cannot be encoded and is tried again");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn run(from: &Hub, rendition: Audio, hub: Hub) -> Result<(), Error> {
    let (pipeline, entry) = build(rendition, hub)?;
    pipeline.begin(gst::State::Playing).await?;
    let mut units = from.subscribe();
    let feed = async {
        loop {
            // What does not go in ends the pipeline, which says why.
            let _ = entry.push_buffer(buffer(&units.next().await));
        }
    };
    tokio::select! {
        ended = pipeline.ended() => match ended {
            Ended::Error(error) => Err(error),
            Ended::Stream | Ended::Segment => Ok(()),
        },
        () = feed => Ok(()),
    }
}

fn build(rendition: Audio, hub: Hub) -> Result<(Pipeline, gst_app::AppSrc), Error> {
    let pipeline = Pipeline::new("process-sound");
    let caps = gst::Caps::builder("audio/x-opus")
        .field("rate", 48_000)
        .field("channels", 2)
        .field("channel-mapping-family", 0)
        .build();
    let entry = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true);
    let entry = entry.max_time(MOST_WAITING).build();
    entry.set_leaky_type(gst_app::AppLeakyType::Downstream);
    let (decoder, convert, resample) =
        (element("opusdec")?, element("audioconvert")?, element("audioresample")?);
    let encoder = encoder(rendition, Encoding::default().audio)?;
    let sink = gst_app::AppSink::builder().sync(false).build();
    let made = made(rendition.codec);
    let publish = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(unit) = unit(&sample, made) {
            hub.publish(unit);
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(publish).build());
    let raw = as_encoded()?;
    pipeline.chain(&[
        entry.upcast_ref(),
        &decoder,
        &convert,
        &resample,
        &raw,
        &encoder,
        sink.upcast_ref(),
    ])?;
    Ok((pipeline, entry))
}

fn buffer(unit: &Unit) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(unit.payload.clone());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::try_from(unit.pts).ok());
        buffer.set_duration(gst::ClockTime::try_from(unit.duration).ok());
    }
    buffer
}
