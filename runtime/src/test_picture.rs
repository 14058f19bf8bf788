//! Writes the test picture and its tone into a file that a participant's camera can play.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use understudy_core::test_picture::{
    FRAME_BYTES, FRAME_RATE, HEIGHT, Planes, SAMPLE_RATE_HZ, WIDTH, draw, tone,
};

use crate::gst::COLOURS;

/// A whole second, so that the tone stays in time when the file repeats.
pub const DEFAULT_LENGTH: Duration = Duration::from_secs(20);

/// An encoder that makes no progress for this long has failed; a slow machine takes a tenth of it.
const PROGRESS_DEADLINE: gst::ClockTime = gst::ClockTime::from_seconds(60);
/// Raw pictures waiting for the encoder, 1.4 MB each.
const PICTURES_AHEAD: u64 = 16;
/// Sound runs ahead, so that the muxer, which wants both, never waits for it while pictures fill their queue.
const SOUND_AHEAD: u64 = FRAME_RATE as u64;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the GStreamer element {0} is missing; install its plugin package")]
    Missing(&'static str),
    #[error("{path} cannot be written: {reason}")]
    Failed { path: PathBuf, reason: String },
    #[error("GStreamer: {0}")]
    Pipeline(#[from] gst::glib::BoolError),
    #[error("GStreamer: {0}")]
    Start(#[from] gst::glib::Error),
}

/// Blocks until the file is complete: H.264 and FLAC in Matroska.
pub fn write(path: &Path, length: Duration) -> Result<(), Error> {
    gst::init()?;
    if let Some(folder) = path.parent() {
        let failed =
            |error: std::io::Error| Error::Failed { path: path.to_owned(), reason: error.to_string() };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let pipeline = gst::Pipeline::new();
    let mux = make("matroskamux")?;
    let file = make("filesink")?;
    file.set_property("location", path.to_string_lossy().as_ref());
    pipeline.add_many([&mux, &file])?;
    mux.link(&file)?;
    let pictures = add_video(&pipeline, &mux)?;
    let sound = add_audio(&pipeline, &mux)?;
    let failed = |reason: String| Error::Failed { path: path.to_owned(), reason };
    let outcome = pipeline
        .set_state(gst::State::Playing)
        .map_err(|_| bus_error(&pipeline).unwrap_or_else(|| "the pipeline did not start".into()))
        .and_then(|_| feed(&pictures, &sound, length).map_err(|flow| bus_error(&pipeline).unwrap_or(flow)))
        .and_then(|()| finish(&pipeline));
    // To null there is no failing, and nothing more to lose.
    let _ = pipeline.set_state(gst::State::Null);
    outcome.map_err(failed)
}

fn make(name: &'static str) -> Result<gst::Element, Error> {
    gst::ElementFactory::make(name).build().map_err(|_| Error::Missing(name))
}

fn add_video(pipeline: &gst::Pipeline, mux: &gst::Element) -> Result<AppSrc, Error> {
    // Those of the camera: nothing is to be converted, 30 times a second and all day long.
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", WIDTH as i32)
        .field("height", HEIGHT as i32)
        .field("framerate", gst::Fraction::new(FRAME_RATE as i32, 1))
        .field("colorimetry", COLOURS)
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).block(true).build();
    source.set_max_bytes(PICTURES_AHEAD * FRAME_BYTES as u64);
    let encoder = make("x264enc")?;
    encoder.set_property_from_str("speed-preset", "veryfast");
    encoder.set_property_from_str("pass", "qual");
    encoder.set_property("quantizer", 20u32);
    encoder.set_property("bframes", 0u32);
    // A loop may begin anywhere; a second at most is lost.
    encoder.set_property("key-int-max", FRAME_RATE);
    let parser = make("h264parse")?;
    pipeline.add_many([source.upcast_ref(), &encoder, &parser])?;
    gst::Element::link_many([source.upcast_ref(), &encoder, &parser, mux])?;
    Ok(source)
}

fn add_audio(pipeline: &gst::Pipeline, mux: &gst::Element) -> Result<AppSrc, Error> {
    let caps = gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("rate", SAMPLE_RATE_HZ as i32)
        .field("channels", 1i32)
        .field("layout", "interleaved")
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
    // Never more than the second that runs ahead.
    source.set_max_bytes(0);
    let encoder = make("flacenc")?;
    pipeline.add_many([source.upcast_ref(), &encoder])?;
    gst::Element::link_many([source.upcast_ref(), &encoder, mux])?;
    Ok(source)
}

fn feed(pictures: &AppSrc, sound: &AppSrc, length: Duration) -> Result<(), String> {
    let flow = |error: gst::FlowError| format!("the encoder stopped: {error}");
    let total = length.as_millis() as u64 * u64::from(FRAME_RATE) / 1000;
    for tick in 0..total + SOUND_AHEAD {
        if tick < total {
            sound.push_buffer(samples(tick)).map_err(flow)?;
        }
        if let Some(number) = tick.checked_sub(SOUND_AHEAD) {
            pictures.push_buffer(picture(number)).map_err(flow)?;
        }
    }
    sound.end_of_stream().map_err(flow)?;
    pictures.end_of_stream().map_err(flow)?;
    Ok(())
}

/// One picture, with its place in time.
pub fn picture(number: u64) -> gst::Buffer {
    let mut bytes = vec![0; FRAME_BYTES];
    if let Some(mut planes) = Planes::of(&mut bytes) {
        draw(number as u32, &mut planes);
    }
    timed(bytes, number)
}

/// The sound that belongs to one picture.
pub fn samples(number: u64) -> gst::Buffer {
    let each = u64::from(SAMPLE_RATE_HZ / FRAME_RATE);
    let bytes =
        (number * each..(number + 1) * each).flat_map(|position| tone(position).to_le_bytes()).collect();
    timed(bytes, number)
}

fn timed(bytes: Vec<u8>, number: u64) -> gst::Buffer {
    let at = |number: u64| gst::ClockTime::from_nseconds(number * 1_000_000_000 / u64::from(FRAME_RATE));
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(at(number));
        buffer.set_duration(at(number + 1) - at(number));
    }
    buffer
}

fn finish(pipeline: &gst::Pipeline) -> Result<(), String> {
    let bus = pipeline.bus().ok_or("the pipeline has no bus")?;
    let wanted = [gst::MessageType::Eos, gst::MessageType::Error];
    match bus.timed_pop_filtered(PROGRESS_DEADLINE, &wanted) {
        Some(message) => match message.view() {
            gst::MessageView::Error(error) => Err(error.error().to_string()),
            _ => Ok(()),
        },
        None => Err("the encoder does not finish".into()),
    }
}

fn bus_error(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    }
}
