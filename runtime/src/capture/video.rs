//! The display's picture, encoded.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use understudy_core::media::{Track, VideoCodec};
use understudy_core::passage::Groups;
use understudy_core::rendition::Video;
use understudy_core::spec::{Bitrate, FrameRate, Resolution};

use super::encoded::{Made, Outlet, publisher};
use super::grab::Grab;
use super::passed::Passed;
use super::{Screen, View};
use crate::broadcast::Hub;
use crate::gst::{Ended, Error, Pipeline, element};

/// A keyframe comes at least this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(2);

/// By itself the encoder takes as many threads as the node has cores, whatever the pod may use of them: slices that are too small
/// to be cut well, and throttling. Two keep up with any size we take.
const MOST_THREADS: usize = 2;
/// With which one thread keeps up on a slow core: 1280×720 thirty times a second. Each thread more is a slice more, whose last
/// packet is shorter, and packets of one length are what the kernel segments in one call.
const PIXELS_PER_THREAD: u64 = 1280 * 720 * 30;

/// How much the encoder may send ahead of its bitrate. Small, for an even stream.
const VBV_MILLISECONDS: u32 = 600;

/// As libwebrtc encodes 720p and more for conversations: of 16, beyond which nothing is gained.
const VP8_SPEED: i32 = 10;
/// As libwebrtc's: a block that changed by less is not encoded anew.
const VP8_STATIC: i32 = 1;

/// What is made of a screen.
pub(super) struct Target {
    pub(super) codec: VideoCodec,
    pub(super) size: Resolution,
    pub(super) frame_rate: FrameRate,
    pub(super) bitrate: Bitrate,
}

impl Target {
    pub(super) fn new(screen: &Screen, rendition: Video) -> Self {
        let Video { codec, size, frame_rate, bitrate, step, steady: _ } = rendition;
        Self {
            codec,
            size: size.unwrap_or_else(|| step.size(screen.size)),
            frame_rate: frame_rate.unwrap_or(screen.frame_rate),
            bitrate: bitrate.unwrap_or_else(|| step.bitrate(screen.bitrate)),
        }
    }

    /// Nothing is taken away, and it is what comes encoded.
    fn is_h264_of_all(&self, screen: &Screen) -> bool {
        self.codec == VideoCodec::H264
            && self.size == screen.size
            && self.frame_rate.per_second() >= screen.frame_rate.per_second()
    }

    fn frames_between_keys(&self) -> u32 {
        self.frame_rate.per_second() * u32::try_from(KEYFRAME_INTERVAL.as_secs()).unwrap_or(2)
    }

    pub(super) const fn track(&self) -> Track {
        Track::Video {
            codec: self.codec,
            width: self.size.width(),
            height: self.size.height(),
            frames_per_second: self.frame_rate.per_second(),
        }
    }
}

/// What comes encoded stands still for so long at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Captures and encodes until either fails. What comes encoded and is as it is to be goes out as it came.
pub(super) async fn run(grab: Grab, screen: Screen, rendition: Video, outlet: Outlet) -> Result<(), Error> {
    let target = Target::new(&screen, rendition);
    match &screen.view {
        View::Camera(picture) if target.is_h264_of_all(&screen) && !rendition.steady => {
            let passed = Passed {
                units: picture.passage().take(),
                groups: Groups::within(target.bitrate, Some(target.frame_rate)),
                patience: PATIENCE,
                outlet,
                encode: |outlet| Box::pin(encode(&grab, &screen, &target, outlet)) as _,
            };
            passed.run().await
        }
        View::Camera(_) | View::Display(_) => encode(&grab, &screen, &target, outlet).await,
    }
}

async fn encode(grab: &Grab, screen: &Screen, target: &Target, outlet: Outlet) -> Result<(), Error> {
    let hub = outlet.hub.clone();
    let (pipeline, frames, encoded) = build(screen, target, outlet)?;
    // It plays once it has a first frame.
    pipeline.begin(gst::State::Playing).await?;
    let mut taken = grab.take(screen, target.frame_rate, frames)?;
    tokio::select! {
        ended = pipeline.ended() => match ended {
            Ended::Error(error) => Err(error),
            Ended::Stream | Ended::Segment => Ok(()),
        },
        ended = taken.ended() => ended,
        () = force_keyframes(&hub, &encoded) => Ok(()),
    }
}

async fn force_keyframes(hub: &Hub, encoded: &gst_app::AppSink) {
    let mut requests = hub.keyframe_requests();
    loop {
        requests.next().await;
        let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
        if !encoded.send_event(event) {
            tracing::debug!("the encoder did not take a keyframe request");
        }
    }
}

fn build(
    screen: &Screen,
    target: &Target,
    outlet: Outlet,
) -> Result<(Pipeline, gst_app::AppSrc, gst_app::AppSink), Error> {
    let pipeline = Pipeline::new("screen");
    let source = raw_frames(screen, target.frame_rate);
    let convert = element("videoconvertscale")?;
    let size = element("capsfilter")?;
    size.set_property("caps", raw(target.size, target.frame_rate).build());
    let (encoder, caps) = match target.codec {
        VideoCodec::Vp8 => (vp8(target)?, gst::Caps::builder("video/x-vp8").build()),
        // MPEG-1 is made elsewhere (`super::mpeg1`).
        VideoCodec::H264 | VideoCodec::Mpeg1 => (h264(target)?, annex_b()),
    };
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).max_buffers(30).build();
    let duration = target.frame_rate.interval();
    sink.set_callbacks(publisher(outlet, Made { track: target.track(), duration, delay: Duration::ZERO }));
    pipeline.chain(&[source.upcast_ref(), &convert, &size, &encoder, sink.upcast_ref()])?;
    Ok((pipeline, source, sink))
}

pub(super) fn raw(size: Resolution, rate: FrameRate) -> gst::caps::Builder<gst::caps::NoFeature> {
    gst::Caps::builder("video/x-raw")
        .field("width", size.width().cast_signed())
        .field("height", size.height().cast_signed())
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .field("framerate", gst::Fraction::new(rate.per_second().cast_signed(), 1))
}

pub(super) fn raw_frames(screen: &Screen, rate: FrameRate) -> gst_app::AppSrc {
    let format = match screen.view {
        View::Display(_) => "BGRx",
        View::Camera(_) => "I420",
    };
    // A slow encoder loses the oldest frame, never time.
    gst_app::AppSrc::builder()
        .caps(&raw(screen.size, rate).field("format", format).build())
        .format(gst::Format::Time)
        .is_live(true)
        .max_buffers(2)
        .leaky_type(gst_app::AppLeakyType::Downstream)
        .build()
}

/// Every access unit of it whole, with parameter sets before each keyframe.
fn annex_b() -> gst::Caps {
    gst::Caps::builder("video/x-h264")
        .field("profile", "constrained-baseline")
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build()
}

/// For conversation: nothing is looked ahead for, and what takes too long is done less well.
fn vp8(target: &Target) -> Result<gst::Element, Error> {
    let encoder = element("vp8enc")?;
    encoder.set_property("deadline", 1_i64);
    encoder.set_property("cpu-used", VP8_SPEED);
    encoder.set_property_from_str("end-usage", "cbr");
    encoder.set_property("target-bitrate", target.bitrate.bits_per_second().cast_signed());
    encoder.set_property("buffer-size", VBV_MILLISECONDS.cast_signed());
    encoder.set_property("keyframe-max-dist", target.frames_between_keys().cast_signed());
    encoder.set_property("lag-in-frames", 0_i32);
    encoder.set_property("threads", i32::try_from(threads(target, cores())).unwrap_or(1));
    // What the display shows stands still most of the time.
    encoder.set_property("static-threshold", VP8_STATIC);
    Ok(encoder)
}

fn h264(target: &Target) -> Result<gst::Element, Error> {
    let encoder = element("x264enc")?;
    encoder.set_property_from_str("tune", "zerolatency");
    encoder.set_property_from_str("speed-preset", "superfast");
    encoder.set_property("bitrate", target.bitrate.bits_per_second() / 1000);
    encoder.set_property("vbv-buf-capacity", VBV_MILLISECONDS);
    encoder.set_property("key-int-max", target.frames_between_keys());
    encoder.set_property("bframes", 0_u32);
    encoder.set_property("threads", u32::try_from(threads(target, cores())).unwrap_or(1));
    encoder.set_property("aud", false);
    // Scene cuts would make keyframes that nobody asked for.
    encoder.set_property("option-string", "scenecut=0:repeat-headers=1");
    Ok(encoder)
}

/// What the cgroup's quota leaves, if there is one.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Of an encoder that may use so many cores.
fn threads(target: &Target, cores: usize) -> usize {
    let pixels = u64::from(target.size.width()) * u64::from(target.size.height());
    let wanted = (pixels * u64::from(target.frame_rate.per_second())).div_ceil(PIXELS_PER_THREAD);
    usize::try_from(wanted).unwrap_or(MOST_THREADS).min(cores).clamp(1, MOST_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::{Metrics, Subscriber};
    use crate::capture::{Speaker, Subjects, program};
    use crate::display::{self, Display};
    use crate::program::Program;
    use tempfile::TempDir;
    use tokio::sync::watch;

    /// Less than what a pipeline may take for a change of its state: whoever waits for that in vain is found.
    const SOON: Duration = Duration::from_secs(3);

    #[test]
    fn an_encoder_has_as_many_threads_as_its_pixels_need_and_no_more_than_there_are_cores() {
        let target = |width, height, rate| Target {
            codec: VideoCodec::H264,
            size: Resolution::parse("size", width, height).unwrap(),
            frame_rate: FrameRate::parse("rate", rate).unwrap(),
            bitrate: understudy_core::spec::Encoding::default().video,
        };
        assert_eq!(threads(&target(1280, 720, 30), 8), 1);
        assert_eq!(threads(&target(1280, 720, 60), 8), 2);
        assert_eq!(threads(&target(3840, 2160, 30), 8), MOST_THREADS);
        assert_eq!(threads(&target(3840, 2160, 30), 1), 1);
    }

    struct Stage {
        program: Program,
        _display: Display,
        _home: TempDir,
        _speaker: watch::Sender<Option<Speaker>>,
    }

    impl Stage {
        async fn open() -> Self {
            crate::gst::init().unwrap();
            let home = tempfile::tempdir().unwrap();
            let size = Resolution::parse("size", 640, 480).unwrap();
            let display = display::start(size, None, home.path()).await.unwrap();
            let bitrate = understudy_core::spec::Encoding::default().video;
            let screen = Screen {
                view: View::Display(display.name.clone()),
                size,
                frame_rate: FrameRate::THIRTY,
                bitrate,
            };
            let (speaker, speakers) = watch::channel(None);
            let subjects = Subjects {
                screen: watch::channel(Some(screen)).1,
                speaker: speakers,
                shows: watch::channel(true).1,
                silence: watch::Sender::default(),
                ffmpeg: "ffmpeg".into(),
            };
            let program = program(subjects, &Metrics::default(), |why| tracing::error!(why));
            Self { program, _display: display, _home: home, _speaker: speaker }
        }
    }

    /// The size of the picture that a reader begins with.
    async fn begins(reader: &mut Subscriber) -> (i32, i32) {
        let first = tokio::time::timeout(SOON, reader.next()).await.expect("a picture must come");
        assert!(first.key);
        size(&first.payload)
    }

    /// Between one picture and the next, on the average of so many, by when they were captured.
    async fn interval(reader: &mut Subscriber, pictures: u32) -> Duration {
        let first = reader.next().await.pts;
        let mut last = first;
        for _ in 0..pictures {
            last = reader.next().await.pts;
        }
        (last - first) / pictures
    }

    /// As a decoder reads it.
    fn size(access_unit: &[u8]) -> (i32, i32) {
        let pipeline = Pipeline::new("parse");
        let caps = gst::Caps::builder("video/x-h264").field("stream-format", "byte-stream").build();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).build();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let parse = element("h264parse").unwrap();
        pipeline.chain(&[source.upcast_ref(), &parse, sink.upcast_ref()]).unwrap();
        pipeline.inner.set_state(gst::State::Playing).unwrap();
        source.push_buffer(gst::Buffer::from_slice(access_unit.to_vec())).unwrap();
        source.end_of_stream().unwrap();
        let sample = sink.pull_sample().unwrap();
        let caps = sample.caps().unwrap().structure(0).unwrap();
        (caps.get("width").unwrap(), caps.get("height").unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_first_picture_waits_for_nothing_but_a_frame() {
        let stage = Stage::open().await;
        let began = std::time::Instant::now();
        let mut reader = stage.program.video(Video::default()).subscribe();
        tokio::time::timeout(SOON, reader.next()).await.unwrap();
        println!("the first picture after {:?}", began.elapsed());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_smaller_and_slower_rendition_is_made_of_the_same_pictures() {
        let stage = Stage::open().await;
        let small = Video {
            size: Some(Resolution::parse("size", 320, 240).unwrap()),
            frame_rate: Some(FrameRate::parse("rate", 5).unwrap()),
            ..Video::default()
        };
        let mut native = stage.program.video(Video::default()).subscribe();
        assert_eq!(begins(&mut native).await, (640, 480));
        let mut small = stage.program.video(small).subscribe();
        assert_eq!(begins(&mut small).await, (320, 240));
        let (native, small) = tokio::join!(interval(&mut native, 20), interval(&mut small, 5));
        assert!(small.abs_diff(Duration::from_millis(200)) <= Duration::from_millis(40), "{small:?}");
        // A picture that stays is read two thirds as often, 50 ms apart, and on a machine that does more than this some are left out.
        assert!(native <= small / 2, "{native:?} and {small:?}");
    }
}
