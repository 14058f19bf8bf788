//! PulseAudio with the sinks of a session.

use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use understudy_runtime::sound::{self, Names};

/// A sink that sleeps while nobody uses it takes three; these take a fifth of one, and this machine does more.
const SOON: Duration = Duration::from_secs(1);
/// Odd parts of those two seconds: whoever begins does so at any point of a sleep.
const UNUSED: [Duration; 3] =
    [Duration::from_millis(2300), Duration::from_millis(2900), Duration::from_millis(3500)];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_played_as_somebody_begins_to_listen_is_heard_at_once() {
    understudy_runtime::gst::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let names = Names::default();
    let daemon = sound::start(folder.path(), &names).await.unwrap();
    let server = sound::server(folder.path());
    for unused in UNUSED {
        tokio::time::sleep(unused).await;
        let began = Instant::now();
        let pipeline = gst::parse::launch(&format!(
            "pulsesrc server={server} device={} buffer-time=40000 latency-time=10000 ! \
             audio/x-raw,format=S16LE,rate=48000,channels=2 ! appsink name=ear sync=false \
             audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! \
             pulsesink server={server} device={} buffer-time=40000 latency-time=10000",
            names.source, names.sink
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        let ear = pipeline.by_name("ear").and_downcast::<AppSink>().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let loud = |sample: gst::Sample| {
            let buffer = sample.buffer_owned().unwrap().into_mapped_buffer_readable().unwrap();
            buffer.chunks_exact(2).any(|two| i16::from_le_bytes([two[0], two[1]]).unsigned_abs() > 1000)
        };
        let heard = tokio::task::spawn_blocking(move || {
            while !loud(ear.pull_sample().unwrap()) {}
            began.elapsed()
        });
        let heard = heard.await.unwrap();
        println!("heard after {heard:?}");
        pipeline.set_state(gst::State::Null).unwrap();
        assert!(heard < SOON, "it is heard {heard:?} after it began");
    }
    daemon.child.stop().await;
}
