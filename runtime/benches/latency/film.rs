//! The test picture, encoded beforehand: a sender that encodes while it sends would take the time of who receives.

use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSrc};
use understudy_core::test_picture::{CELL, FRAME_BYTES, FRAME_RATE, HEIGHT, Planes, WIDTH, draw};

/// Of one frame; an encoder takes a twentieth.
const ENCODED_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(5);

/// A few pictures before the encoder.
const WAITING_BYTES: usize = 4 * FRAME_BYTES;
/// A slow pan.
const PIXELS_A_FRAME: usize = 2;
/// Pixels that the grain is spread over.
const SOFTNESS: f32 = 6.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Vp8,
    H264,
    Mpeg1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A buffer is a frame.
    None,
    TransportStream,
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
                "x264enc tune=zerolatency speed-preset=superfast threads=1 bitrate=2500 key-int-max=60 ! \
                 video/x-h264,stream-format=byte-stream,alignment=au,profile=constrained-baseline"
            }
            Self::Mpeg1 => {
                "mpeg2enc format=0 bitrate=2500 bufsize=1000 constraints=false min-gop-size=60 max-gop-size=60 b-per-refframe=0 ! mpegvideoparse"
            }
        }
    }
}

impl Container {
    const fn muxer(self) -> &'static str {
        match self {
            Self::None => "identity",
            Self::TransportStream => "mpegtsmux",
        }
    }
}

/// A running encoder with its two ends.
pub fn pipeline(encoding: Encoding, container: Container) -> (gst::Pipeline, AppSrc, AppSink) {
    let description = format!(
        "appsrc name=in format=time block=true max-bytes={WAITING_BYTES} \
         caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FRAME_RATE}/1 ! \
         {} ! {} ! appsink name=out sync=false",
        encoding.encoder(),
        container.muxer()
    );
    let pipeline = gst::parse::launch(&description).expect("the encoder must be installed");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a description makes a pipeline");
    let named = |name| pipeline.by_name(name).expect("it must have both ends");
    let entry = named("in").downcast::<AppSrc>().expect("it begins with an appsrc");
    let exit = named("out").downcast::<AppSink>().expect("it ends in an appsink");
    pipeline.set_state(gst::State::Playing).expect("the encoder must start");
    (pipeline, entry, exit)
}

/// The whole film, frame by frame: each picture's number is its place. Blocks.
pub fn encode(encoding: Encoding, length: Duration) -> Vec<Bytes> {
    let (pipeline, entry, exit) = pipeline(encoding, Container::None);
    let film = pictures(length).map(|picture| {
        entry.push_buffer(picture).expect("the encoder must take a picture");
        let sample = exit.try_pull_sample(ENCODED_WITHIN).expect("a frame must follow each picture");
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        Bytes::copy_from_slice(&map.expect("a frame must be readable"))
    });
    let film = film.collect();
    pipeline.set_state(gst::State::Null).expect("the encoder must stop");
    film
}

pub fn pictures(length: Duration) -> impl Iterator<Item = gst::Buffer> {
    let texture = texture();
    (0..length.as_secs() as u32 * FRAME_RATE).map(move |number| picture(number, &texture))
}

/// The test picture, with something in it that costs an encoder and a decoder about what a face does.
fn picture(number: u32, texture: &[u8]) -> gst::Buffer {
    let mut bytes = vec![0; FRAME_BYTES];
    let mut planes = Planes::of(&mut bytes).expect("a whole picture must fit");
    draw(number, &mut planes);
    let shift = number as usize * PIXELS_A_FRAME;
    for (row, pixels) in planes.luma.chunks_mut(WIDTH).enumerate().skip(2 * CELL) {
        let from = row * WIDTH + shift;
        pixels.iter_mut().zip(texture.iter().cycle().skip(from % texture.len())).for_each(
            |(pixel, grain)| {
                *pixel = pixel.saturating_add(*grain);
            },
        );
    }
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let at = |number: u32| gst::ClockTime::SECOND * u64::from(number) / u64::from(FRAME_RATE);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(at(number));
        buffer.set_duration(at(number + 1) - at(number));
    }
    buffer
}

/// Soft grain: the running mean of noise.
fn texture() -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        // Numerical Recipes' generator: any would do, and the film is the same each time.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 24) as u8)
    };
    let mut mean = 0.0;
    let grain = (0..WIDTH * HEIGHT).map(|_| {
        mean += (noise() / 4.0 - mean) / SOFTNESS;
        mean as u8
    });
    grain.collect()
}
