//! What the other side says, at the participant's speaker: its programme has it, and so has whatever listens there.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppLeakyType, AppSrc};
use tokio::sync::watch;
use tokio::time::Instant;
use understudy_core::backoff;
use understudy_core::spec::Destination;

use super::leg::Remote;
use crate::broadcast::Hub;
use crate::capture::Speaker;
use crate::gst::{Ended, Error, Pipeline, element};
use crate::sound;

/// How far ahead of its playing sound is handed to PulseAudio.
const BUFFER_MICROSECONDS: i64 = 40_000;
const FRAGMENT_MICROSECONDS: i64 = 10_000;
/// What waits longer for a PulseAudio that does not take it is worth nothing any more.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// What was heard so long was well; its end is a first failure.
const WELL: Duration = Duration::from_secs(5);

/// Plays it for as long as the call lasts, whenever there is a PulseAudio.
pub(super) async fn play(
    mut remote: watch::Receiver<Option<Remote>>,
    mut speaker: watch::Receiver<Option<Speaker>>,
) {
    let shown = remote.wait_for(Option::is_some).await.ok().and_then(|remote| remote.clone());
    let Some(Remote { sound, has_sound: true, .. }) = shown else { return };
    let mut failures = 0;
    loop {
        let Some(server) = server(&mut speaker).await else { return };
        let began = Instant::now();
        let error = tokio::select! {
            error = heard(&sound, &server) => error,
            _ = speaker.changed() => continue,
        };
        failures = if began.elapsed() < WELL { failures + 1 } else { 1 };
        tracing::warn!(%error, failures, "what the other side says is not heard at the speaker");
        tokio::time::sleep(backoff::after(failures)).await;
    }
}

/// Where PulseAudio is, once it is there; none: it will not be.
async fn server(speaker: &mut watch::Receiver<Option<Speaker>>) -> Option<String> {
    let there = speaker.wait_for(Option::is_some).await.ok()?;
    there.as_ref().map(|speaker| speaker.server.clone())
}

/// Until that does not work any more.
async fn heard(sound: &Hub, server: &str) -> Error {
    let mut reader = sound.subscribe();
    let (pipeline, entry) = match build(server) {
        Ok(built) => built,
        Err(error) => return error,
    };
    if let Err(error) = pipeline.begin(gst::State::Playing).await {
        return error;
    }
    let mut ended = std::pin::pin!(pipeline.ended());
    loop {
        tokio::select! {
            ended = &mut ended => return match ended {
                Ended::Error(error) => error,
                Ended::Stream | Ended::Segment => {
                    Error::Failed { message: "PulseAudio ended it".to_owned(), missing: false }
                }
            },
            unit = reader.next() => {
                // What it does not take any more is told on its bus.
                let _ = entry.push_buffer(gst::Buffer::from_slice(unit.payload));
            }
        }
    }
}

fn build(server: &str) -> Result<(Pipeline, AppSrc), Error> {
    let pipeline = Pipeline::new("call-speaker");
    let caps = gst::Caps::builder("audio/x-opus")
        .field("channel-mapping-family", 0)
        .field("channels", 2)
        .field("rate", 48_000)
        .build();
    let entry = AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .is_live(true)
        .do_timestamp(true)
        .max_bytes(0)
        .max_time(MOST_WAITING)
        .leaky_type(AppLeakyType::Downstream)
        .build();
    let sink = element("pulsesink")?;
    sink.set_property("server", server);
    sink.set_property("device", sound::sink(Destination::Speaker, ""));
    sink.set_property("client-name", "call");
    sink.set_property("provide-clock", false);
    sink.set_property("buffer-time", BUFFER_MICROSECONDS);
    sink.set_property("latency-time", FRAGMENT_MICROSECONDS);
    let between = [element("opusdec")?, element("audioconvert")?, element("audioresample")?];
    let mut chain: Vec<&gst::Element> = vec![entry.upcast_ref()];
    chain.extend(&between);
    chain.push(&sink);
    pipeline.chain(&chain)?;
    Ok((pipeline, entry))
}
