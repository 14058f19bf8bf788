//! The test picture and its tone, encoded live as the runtime does it.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks, AppSrc};
use gstreamer_video as gst_video;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use understudy_core::media::{Track, Unit};
use understudy_core::rendition::Step;
use understudy_core::spec::{Encoding, Resolution};
use understudy_core::test_picture::{FRAME_RATE, HEIGHT, SAMPLE_RATE_HZ, WIDTH};
use understudy_runtime::broadcast::{Hub, Renditions};
use understudy_runtime::test_picture::{picture, samples};

/// Rows of the test picture on which nothing stands.
const NOISE: std::ops::Range<usize> = 500..564;

pub struct Encoder {
    pipeline: gst::Pipeline,
    tasks: Vec<JoinHandle<()>>,
}

impl Encoder {
    pub fn start(media: &Renditions) -> Self {
        Self::with_sound(media, &make("opusenc"), Track::opus(1))
    }

    /// With its sound as AAC.
    pub fn start_with_aac(media: &Renditions) -> Self {
        Self::with_sound(media, &make("avenc_aac"), Track::aac(SAMPLE_RATE_HZ, 1))
    }

    fn with_sound(media: &Renditions, encoder: &gst::Element, track: Track) -> Self {
        let pipeline = gst::Pipeline::new();
        let pictures = video(&pipeline, media.video.clone(), Step::Full);
        let sound = audio(&pipeline, media.audio.clone(), encoder, track);
        pipeline.set_state(gst::State::Playing).expect("the encoder must start");
        let keyframes = keyframes(media.video.clone(), pictures.clone());
        let ticks = tokio::spawn(async move {
            let mut clock = tokio::time::interval(Duration::from_secs(1) / FRAME_RATE);
            for number in 0.. {
                clock.tick().await;
                let _ = pictures.push_buffer(picture(number));
                let _ = sound.push_buffer(samples(number));
            }
        });
        Self { pipeline, tasks: vec![keyframes, ticks] }
    }

    /// A step of the pictures whose numbers these are.
    pub fn of_pictures(step: Step, hub: Hub, numbers: watch::Receiver<u64>) -> Self {
        let pipeline = gst::Pipeline::new();
        let source = video(&pipeline, hub.clone(), step);
        let tasks = vec![keyframes(hub, source.clone()), follow(numbers, source, noisy)];
        pipeline.set_state(gst::State::Playing).expect("the encoder must start");
        Self { pipeline, tasks }
    }

    /// The sound beside them.
    pub fn of_sound(hub: Hub, numbers: watch::Receiver<u64>) -> Self {
        let pipeline = gst::Pipeline::new();
        let tasks = vec![follow(numbers, audio(&pipeline, hub, &make("opusenc"), Track::opus(1)), samples)];
        pipeline.set_state(gst::State::Playing).expect("the encoder must start");
        Self { pipeline, tasks }
    }
}

/// A picture that needs every bit it can get: with some rows of noise.
fn noisy(number: u64) -> gst::Buffer {
    let mut buffer = picture(number);
    let writable = buffer.get_mut().and_then(|buffer| buffer.map_writable().ok());
    let mut bytes = writable.expect("a new picture must be writable");
    let mut random = number;
    for byte in &mut bytes[NOISE.start * WIDTH..NOISE.end * WIDTH] {
        // Knuth's MMIX.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = 64 + (random >> 57) as u8;
    }
    drop(bytes);
    buffer
}

/// Makes a keyframe whenever one is asked for.
fn keyframes(hub: Hub, source: AppSrc) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut requests = hub.keyframe_requests();
        loop {
            requests.next().await;
            let event = gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(true).build();
            source.send_event(event);
        }
    })
}

/// Encodes each that is due, until nobody counts any more.
fn follow(
    mut numbers: watch::Receiver<u64>,
    source: AppSrc,
    make: impl Fn(u64) -> gst::Buffer + Send + 'static,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        while numbers.changed().await.is_ok() {
            let number = *numbers.borrow_and_update();
            let _ = source.push_buffer(make(number));
        }
    })
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn make(name: &str) -> gst::Element {
    gst::init().expect("GStreamer must start");
    let made = gst::ElementFactory::make(name).build();
    made.expect("GStreamer's plugins must be installed: scripts/packages install build image")
}

fn video(pipeline: &gst::Pipeline, hub: Hub, step: Step) -> AppSrc {
    let size = step.size(Resolution::HD);
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
    encoder.set_property("bitrate", step.bitrate(Encoding::default().video).bits_per_second() / 1000);
    // Far more than the runtime's, so that a picture that comes soon came because it was asked for.
    encoder.set_property("key-int-max", 20 * FRAME_RATE);
    encoder.set_property_from_str("option-string", "scenecut=0");
    let encoded = gst::Caps::builder("video/x-h264")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .field("profile", "constrained-baseline")
        .build();
    let scaled = make("capsfilter");
    let caps = gst::Caps::builder("video/x-raw")
        .field("width", size.width() as i32)
        .field("height", size.height() as i32)
        .build();
    scaled.set_property("caps", caps);
    let sink = AppSink::builder().caps(&encoded).sync(false).build();
    chain(pipeline, &[source.upcast_ref(), &make("videoscale"), &scaled, &encoder, sink.upcast_ref()]);
    publish(&sink, Track::h264(size.width(), size.height(), FRAME_RATE), hub);
    source
}

fn audio(pipeline: &gst::Pipeline, hub: Hub, encoder: &gst::Element, track: Track) -> AppSrc {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", SAMPLE_RATE_HZ as i32)
        .field("channels", 1i32)
        .field("layout", "interleaved")
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    let sink = AppSink::builder().sync(false).build();
    chain(pipeline, &[source.upcast_ref(), &make("audioconvert"), encoder, sink.upcast_ref()]);
    publish(&sink, track, hub);
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
