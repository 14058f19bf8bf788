//! The test picture and its tone, encoded live as the runtime does it.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use gstreamer_video as gst_video;
use tokio::task::JoinHandle;
use understudy_core::media::{Track, Unit};
use understudy_core::test_picture::{FRAME_RATE, HEIGHT, SAMPLE_RATE_HZ, WIDTH};
use understudy_runtime::broadcast::{Hub, Renditions};
use understudy_runtime::test_picture::{picture, samples};

pub struct Encoder {
    pipeline: gst::Pipeline,
    tasks: [JoinHandle<()>; 2],
}

impl Encoder {
    pub fn start(media: &Renditions) -> Self {
        gst::init().expect("GStreamer must start");
        let pipeline = gst::Pipeline::new();
        let Renditions { video: hub, audio: sounds } = media.clone();
        let pictures = video(&pipeline, hub.clone());
        let sound = audio(&pipeline, sounds);
        pipeline.set_state(gst::State::Playing).expect("the encoder must start");
        let asked = pictures.clone();
        let keyframes = tokio::spawn(async move {
            let mut requests = hub.keyframe_requests();
            loop {
                requests.next().await;
                let event = gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(true).build();
                asked.send_event(event);
            }
        });
        let ticks = tokio::spawn(async move {
            let mut clock = tokio::time::interval(Duration::from_secs(1) / FRAME_RATE);
            for number in 0.. {
                clock.tick().await;
                let _ = pictures.push_buffer(picture(number));
                let _ = sound.push_buffer(samples(number));
            }
        });
        Self { pipeline, tasks: [keyframes, ticks] }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn make(name: &str) -> gst::Element {
    let made = gst::ElementFactory::make(name).build();
    made.expect("GStreamer's plugins must be installed: scripts/packages install build image")
}

fn video(pipeline: &gst::Pipeline, hub: Hub) -> AppSrc {
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", WIDTH as i32)
        .field("height", HEIGHT as i32)
        .field("framerate", gst::Fraction::new(FRAME_RATE as i32, 1))
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let encoder = make("x264enc");
    encoder.set_property_from_str("speed-preset", "ultrafast");
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property("bitrate", 2500u32);
    // Far more than the runtime's, so that a picture that comes soon came because it was asked for.
    encoder.set_property("key-int-max", 20 * FRAME_RATE);
    encoder.set_property_from_str("option-string", "scenecut=0");
    let encoded = gst::Caps::builder("video/x-h264")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .field("profile", "constrained-baseline")
        .build();
    let sink = AppSink::builder().caps(&encoded).sync(false).build();
    chain(pipeline, &[source.upcast_ref(), &encoder, sink.upcast_ref()]);
    publish(&sink, Track::h264(WIDTH as u32, HEIGHT as u32, FRAME_RATE), hub);
    source
}

fn audio(pipeline: &gst::Pipeline, hub: Hub) -> AppSrc {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", SAMPLE_RATE_HZ as i32)
        .field("channels", 1i32)
        .field("layout", "interleaved")
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let encoder = make("opusenc");
    let sink = AppSink::builder().sync(false).build();
    chain(pipeline, &[source.upcast_ref(), &make("audioconvert"), &encoder, sink.upcast_ref()]);
    publish(&sink, Track::opus(1), hub);
    source
}

fn chain(pipeline: &gst::Pipeline, elements: &[&gst::Element]) {
    pipeline.add_many(elements).expect("elements must fit into the pipeline");
    gst::Element::link_many(elements).expect("elements must link");
}

fn publish(sink: &AppSink, track: Track, hub: Hub) {
    let callbacks = AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if let Some(unit) = unit(track, &sample) {
            hub.publish(unit);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
}

fn unit(track: Track, sample: &gst::Sample) -> Option<Unit> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    // Not the bare timestamp: the video encoder counts from a thousand hours, and its segment says so.
    let pts = segment.to_running_time(buffer.pts()?)?.into();
    Some(Unit {
        track,
        pts,
        dts: pts,
        duration: buffer.duration()?.into(),
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        payload: Bytes::copy_from_slice(&buffer.map_readable().ok()?),
    })
}
