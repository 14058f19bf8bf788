//! Ten seconds of 720p30 H.264 at 2.5 Mb/s with Opus at 64 kb/s, to be played in a loop.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use understudy_core::fanout::h264;

#[allow(dead_code, reason = "other measurements use more of it")]
#[path = "../../benches/latency/film.rs"]
mod picture;

const LENGTH: Duration = Duration::from_secs(10);
/// Of Opus.
pub const PACKET: Duration = Duration::from_millis(20);
const PULLED_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(5);
/// An IDR slice, a sequence parameter set: what a whole picture begins with (ITU-T H.264 table 7-1).
const BEGINS_PICTURE: [u8; 2] = [5, 7];
/// Supplemental information, an access unit delimiter.
const BEFORE_PICTURE: [u8; 2] = [6, 9];

/// Access units and packets, in order.
pub struct Film {
    pub video: Vec<Bytes>,
    pub audio: Vec<Bytes>,
    /// Pictures that a viewer can begin with, by number.
    keyframes: Vec<bool>,
}

pub fn encode() -> anyhow::Result<Film> {
    understudy_runtime::gst::init().context("GStreamer must start")?;
    let video = picture::encode(picture::Encoding::H264, LENGTH);
    Ok(Film::new(video, sound()?))
}

fn sound() -> anyhow::Result<Vec<Bytes>> {
    let count = LENGTH.as_millis() / PACKET.as_millis();
    let description = format!(
        "audiotestsrc wave=pink-noise samplesperbuffer=960 num-buffers={} ! audio/x-raw,rate=48000,channels=2 ! \
         opusenc bitrate=64000 ! appsink name=out sync=false",
        count + 10
    );
    let pipeline = gst::parse::launch(&description)?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().ok().context("a description makes a pipeline")?;
    let out = pipeline.by_name("out").and_then(|out| out.downcast::<AppSink>().ok());
    let out = out.context("it ends in an appsink")?;
    pipeline.set_state(gst::State::Playing)?;
    let packets = (0..count).map(|_| {
        let sample = out.try_pull_sample(PULLED_WITHIN).context("a packet must follow each")?;
        let map = sample.buffer().context("a sample has a buffer")?.map_readable()?;
        anyhow::Ok(Bytes::copy_from_slice(&map))
    });
    let packets = packets.collect();
    pipeline.set_state(gst::State::Null)?;
    packets
}

impl Film {
    fn new(video: Vec<Bytes>, audio: Vec<Bytes>) -> Self {
        let keyframes = video.iter().map(begins_picture).collect();
        Self { video, audio, keyframes }
    }

    pub fn is_keyframe(&self, number: usize) -> bool {
        self.keyframes[number]
    }

    /// Each list after its length, each unit after its own.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let mut out = BytesMut::new();
        for list in [&self.video, &self.audio] {
            out.put_u32(u32::try_from(list.len())?);
            for unit in list {
                out.put_u32(u32::try_from(unit.len())?);
                out.put_slice(unit);
            }
        }
        std::fs::write(file, out).with_context(|| format!("{} must be written", file.display()))
    }

    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let read = std::fs::read(file).with_context(|| format!("{} must be read", file.display()))?;
        let mut rest = Bytes::from(read);
        let (video, audio) = (list(&mut rest)?, list(&mut rest)?);
        ensure!(!video.is_empty() && !audio.is_empty(), "the film is empty");
        Ok(Self::new(video, audio))
    }
}

/// Delimiters and notes may come before.
fn begins_picture(access_unit: &Bytes) -> bool {
    let mut kinds = h264::units(access_unit).filter_map(|unit| Some(unit.first()? & 0x1f));
    kinds.find(|kind| !BEFORE_PICTURE.contains(kind)).is_some_and(|kind| BEGINS_PICTURE.contains(&kind))
}

fn list(rest: &mut Bytes) -> anyhow::Result<Vec<Bytes>> {
    let count = rest.try_get_u32()?;
    (0..count)
        .map(|_| {
            let length = rest.try_get_u32()? as usize;
            ensure!(length <= rest.len(), "the film is cut off");
            anyhow::Ok(rest.split_to(length))
        })
        .collect()
}
