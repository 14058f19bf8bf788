//! The test picture, encoded beforehand: a sender that encodes while it sends would take the time of who receives.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use understudy_core::test_picture::{FRAME_RATE, HEIGHT, WIDTH};
use understudy_runtime::test_picture::picture;

/// Of one frame; an encoder takes a twentieth.
const ENCODED_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Vp8,
    H264,
}

impl Encoding {
    /// As whoever sends in a conversation does it: one frame in, one out, 2.5 Mb/s, a whole picture each two seconds.
    const fn encoder(self) -> &'static str {
        match self {
            Self::Vp8 => {
                "vp8enc deadline=1 cpu-used=8 lag-in-frames=0 end-usage=cbr target-bitrate=2500000 \
                 keyframe-max-dist=60"
            }
            Self::H264 => {
                "x264enc tune=zerolatency speed-preset=superfast bitrate=2500 key-int-max=60 ! \
                 video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline"
            }
        }
    }
}

/// The whole film: each picture's number is its place. Blocks.
pub fn encode(encoding: Encoding, length: Duration) -> Vec<Bytes> {
    let description = format!(
        "appsrc name=in format=time caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},\
         framerate={FRAME_RATE}/1 ! {} ! appsink name=out sync=false",
        encoding.encoder()
    );
    let pipeline = gst::parse::launch(&description).expect("the encoder must be installed");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a description makes a pipeline");
    let named = |name| pipeline.by_name(name).expect("it must have both ends");
    let entry = named("in").downcast::<AppSrc>().expect("it begins with an appsrc");
    let exit = named("out").downcast::<AppSink>().expect("it ends in an appsink");
    pipeline.set_state(gst::State::Playing).expect("the encoder must start");
    let frames = length.as_secs() * u64::from(FRAME_RATE);
    let film = (0..frames).map(|number| {
        entry.push_buffer(picture(number)).expect("the encoder must take a picture");
        let sample = exit.try_pull_sample(ENCODED_WITHIN).expect("a frame must follow each picture");
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        Bytes::copy_from_slice(&map.expect("a frame must be readable"))
    });
    let film = film.collect();
    pipeline.set_state(gst::State::Null).expect("the encoder must stop");
    film
}
