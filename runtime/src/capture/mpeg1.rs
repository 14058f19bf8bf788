//! The display's picture as MPEG-1, for players that have nothing but a script to decode it with.
//!
//! ffmpeg encodes it, as a child: GStreamer's element for the same encoder tells it a billion pictures a second, which the format
//! has no word for, and mpeg2enc takes no picture of this size. Raw pictures go in, a transport stream comes out, since that says
//! where each picture ends; when each is shown is known here. It makes no keyframe that is asked for: they come often instead.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout};
use understudy_core::media::Unit;
use understudy_core::mpeg::transport::Demuxer;
use understudy_core::rendition::Video;
use understudy_core::spec::Bitrate;

use super::Screen;
use super::encoded::Outlet;
use super::grab::Grab;
use super::video::{Target, raw, raw_frames};
use crate::child::Executable;
use crate::gst::{Ended, Error, Pipeline, element};

/// Rates that a sequence header can say and a player expects (11172-2 §2.4.3.2); a picture that comes late stands longer.
const RATES: [u32; 5] = [24, 25, 30, 50, 60];

/// Whoever comes begins with a keyframe, and nobody asks for one: there are so many a second, and one in so many pictures at least.
const KEYFRAMES_PER_SECOND: u32 = 2;
const MOST_PICTURES_PER_KEYFRAME: u32 = 15;

/// It needs more than H.264 for the same picture: about four megabits for 1280×720 thirty times a second, and no less than two.
const PIXELS_PER_BIT: u32 = 7;
const LEAST_BITS_PER_SECOND: u32 = 2_000_000;

/// What is in the encoder at once is two or three.
const MOST_WITHIN: usize = 32;

const PIECE_BYTES: usize = 64 << 10;

/// When pictures that are being encoded are shown.
type Within = Mutex<VecDeque<Duration>>;

pub(super) struct Encoder {
    /// ffmpeg, without arguments.
    pub(super) encoder: Executable,
    pub(super) grab: Grab,
}

impl Encoder {
    /// Captures and encodes until either fails.
    pub(super) async fn run(self, screen: Screen, rendition: Video, outlet: Outlet) -> Result<(), Error> {
        let target = Target::new(&screen, rendition);
        let encoder = self.encoder.args(arguments(&target, rendition.bitrate));
        let started = encoder.spawn_between().map_err(|error| failed(error.to_string()));
        let (mut child, input, output) = started?;
        let (pipeline, frames, pictures) = build(&screen, &target)?;
        pipeline.begin(gst::State::Playing).await?;
        let mut taken = self.grab.take(&screen, target.frame_rate, frames)?;
        let within = Within::default();
        tokio::select! {
            ended = pipeline.ended() => match ended {
                Ended::Error(error) => Err(error),
                Ended::Stream | Ended::Segment => Ok(()),
            },
            ended = taken.ended() => ended,
            fed = feed(&pictures, input, &within) => fed,
            read = read(output, &target, &within, &outlet) => read,
            status = child.wait() => Err(failed(format!("ffmpeg {status}"))),
        }
    }
}

fn build(screen: &Screen, target: &Target) -> Result<(Pipeline, gst_app::AppSrc, gst_app::AppSink), Error> {
    let pipeline = Pipeline::new("screen-mpeg1");
    let source = raw_frames(screen, target.frame_rate);
    let convert = element("videoconvertscale")?;
    // Its sides are multiples of eight: nothing lies between rows or planes.
    let caps = raw(target.size, target.frame_rate).field("format", "I420").build();
    // A slow encoder loses the oldest picture, never time.
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(2).drop(true).build();
    pipeline.chain(&[source.upcast_ref(), &convert, sink.upcast_ref()])?;
    Ok((pipeline, source, sink))
}

/// Hands pictures to the encoder.
async fn feed(pictures: &gst_app::AppSink, mut input: ChildStdin, within: &Within) -> Result<(), Error> {
    let mut pictures = pictures.stream();
    while let Some(sample) = pictures.next().await {
        let Some((shown, picture)) = picture(&sample) else { continue };
        {
            let mut within = within.lock();
            within.push_back(shown);
            if within.len() > MOST_WITHIN {
                return Err(failed("ffmpeg takes pictures and gives none".to_owned()));
            }
        }
        let given = input.write_all(&picture).await;
        given.map_err(|error| failed(format!("ffmpeg takes no pictures: {error}")))?;
    }
    Ok(())
}

fn picture(sample: &gst::Sample) -> Option<(Duration, gst::MappedBuffer<gst::buffer::Readable>)> {
    let buffer = sample.buffer_owned()?;
    let shown = sample.segment()?.downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)?;
    Some((shown.into(), buffer.into_mapped_buffer_readable().ok()?))
}

/// Publishes what the encoder makes.
async fn read(
    mut output: ChildStdout,
    target: &Target,
    within: &Within,
    outlet: &Outlet,
) -> Result<(), Error> {
    let (mut demuxer, mut piece) = (Demuxer::default(), vec![0; PIECE_BYTES]);
    loop {
        let read = output.read(&mut piece).await;
        let length = read.map_err(|error| failed(format!("ffmpeg gives no pictures: {error}")))?;
        if length == 0 {
            return Err(failed("ffmpeg writes no more".to_owned()));
        }
        for coded in demuxer.push(&piece[..length]) {
            // Pictures come out in the order in which they went in.
            let Some(shown) = within.lock().pop_front() else { continue };
            outlet.publish(unit(target, shown, coded.is_start, coded.data));
        }
    }
}

fn unit(target: &Target, shown: Duration, key: bool, payload: Bytes) -> Unit {
    let duration = target.frame_rate.interval();
    Unit { track: target.track(), pts: shown, dts: shown, duration, key, payload }
}

fn arguments(target: &Target, asked: Option<Bitrate>) -> Vec<String> {
    let (width, height) = (target.size.width(), target.size.height());
    let wanted = target.frame_rate.per_second();
    let rate = rate(wanted);
    let between = (wanted / KEYFRAMES_PER_SECOND).clamp(1, MOST_PICTURES_PER_KEYFRAME);
    let usual = (width * height / PIXELS_PER_BIT * wanted).max(LEAST_BITS_PER_SECOND);
    // It counts pictures, of which fewer come than the rate says.
    let bits = u64::from(asked.map_or(usual, Bitrate::bits_per_second)) * u64::from(rate) / u64::from(wanted);
    let options = format!(
        "-hide_banner -loglevel warning -nostats -probesize 32 -analyzeduration 0 -fflags nobuffer \
         -f rawvideo -pixel_format yuv420p -video_size {width}x{height} -framerate {rate} -i pipe:0 \
         -an -c:v mpeg1video -threads 1 -bf 0 -g {between} -b:v {bits} -maxrate {} -bufsize {bits} \
         -fps_mode passthrough -flush_packets 1 -muxdelay 0 -muxpreload 0 -f mpegts pipe:1",
        bits * 2,
    );
    options.split_whitespace().map(str::to_owned).collect()
}

/// The next that there is.
fn rate(wanted: u32) -> u32 {
    RATES.into_iter().find(|rate| *rate >= wanted).unwrap_or(60)
}

const fn failed(message: String) -> Error {
    Error::Failed { message, missing: false }
}

#[cfg(test)]
mod tests {
    use understudy_core::media::VideoCodec;
    use understudy_core::spec::{FrameRate, Resolution};

    use super::*;

    fn told(width: u32, height: u32, rate: u32, option: &str) -> String {
        let target = Target {
            codec: VideoCodec::Mpeg1,
            size: Resolution::parse("size", width, height).unwrap(),
            frame_rate: FrameRate::parse("rate", rate).unwrap(),
            bitrate: understudy_core::spec::Encoding::default().video,
        };
        let arguments = arguments(&target, None);
        let at = arguments.iter().position(|argument| argument == option).unwrap();
        arguments[at + 1].clone()
    }

    #[test]
    fn a_rate_that_has_no_word_is_the_next_that_has_one() {
        let rates = [1, 24, 27, 30, 31, 60].map(|rate| told(1280, 720, rate, "-framerate"));
        assert_eq!(rates, ["24", "24", "30", "30", "50", "60"]);
    }

    #[test]
    fn a_keyframe_comes_twice_a_second() {
        let between = [1, 10, 30, 60].map(|rate| told(1280, 720, rate, "-g"));
        assert_eq!(between, ["1", "5", "15", "15"]);
    }

    #[test]
    fn bits_are_counted_by_the_pictures_that_come() {
        assert_eq!(told(1280, 720, 30, "-b:v"), "3949710");
        // Two megabits, twelve times a second of what it takes for 24.
        assert_eq!(told(640, 480, 12, "-b:v"), "4000000");
    }
}
