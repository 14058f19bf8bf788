//! The test picture as the files and the live streams that others would send.
use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::{AppSink, AppSinkCallbacks};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use understudy_core::test_picture::TONE_HZ;

/// What a live stream goes on for; no test watches one for longer.
const LONG: Duration = Duration::from_secs(90);
/// Enough to go round more than once.
const SHORT: Duration = Duration::from_secs(4);
/// Repacking takes a second; encoding at most a third of its own time.
const DONE: gst::ClockTime = gst::ClockTime::from_seconds(120);
/// Pieces on their way to one reader.
const PIECES: usize = 256;

static CLIPS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory must be free");
    for (name, length) in [("long.mkv", LONG), ("short.mkv", SHORT)] {
        understudy_runtime::test_picture::write(&folder.path().join(name), length)
            .expect("the test picture must be written; scripts/packages install build image");
    }
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (video, audio) = (
        "d.video_0 ! queue ! h264parse",
        "d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample",
    );
    let scaled = |height| {
        format!(
            "d.video_0 ! queue ! h264parse ! avdec_h264 ! videoscale add-borders=false ! \
             video/x-raw,width=640,height={height},pixel-aspect-ratio=1/1 ! \
             x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 ! h264parse"
        )
    };
    // One can be read, the other is of another shape.
    let (half, small) = (scaled(360), scaled(480));
    let vp8 = "d.video_0 ! queue ! h264parse ! avdec_h264 ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=30 target-bitrate=3000000";
    for (name, description) in [
        ("short.ts", format!("{video} ! mpegtsmux name=m ! f. {audio} ! avenc_aac ! aacparse ! m.")),
        (
            "short.mp4",
            format!("{video} ! mp4mux name=m faststart=true ! f. {audio} ! avenc_aac ! aacparse ! m."),
        ),
        ("short.webm", format!("{vp8} ! webmmux name=m ! f. {audio} ! opusenc ! m.")),
        ("half.ts", format!("{half} ! mpegtsmux name=m ! f. {audio} ! avenc_aac ! aacparse ! m.")),
        ("small.ts", format!("{small} ! mpegtsmux name=m ! f. {audio} ! avenc_aac ! aacparse ! m.")),
        ("short.flv", format!("{video} ! flvmux name=m ! f. {audio} ! avenc_aac ! aacparse ! m.")),
        ("short.h264", format!("{video} ! video/x-h264,stream-format=byte-stream ! f.")),
        ("sound.mp3", format!("{audio} ! lamemp3enc ! f.")),
        ("sound.wav", format!("{audio} ! wavenc ! f.")),
        ("sound.ogg", format!("{audio} ! opusenc ! oggmux ! f.")),
    ] {
        let from = at("short.mkv");
        let to = at(name);
        finish(&format!(
            "filesrc location={from} ! matroskademux name=d {description} filesink name=f location={to}"
        ));
    }
    finish(&format!("videotestsrc num-buffers=1 ! pngenc ! filesink location={}", at("picture.png")));
    // The same green, as small pictures and large ones are usually written.
    for (name, shape) in [
        ("green-601.mkv", "width=640,height=360,colorimetry=bt601"),
        ("green-709.mkv", "width=1280,height=720,colorimetry=bt709"),
    ] {
        finish(&format!(
            "videotestsrc num-buffers=60 pattern=green ! video/x-raw,format=I420,framerate=30/1,{shape} ! \
             x264enc speed-preset=ultrafast ! h264parse ! matroskamux ! filesink location={}",
            at(name)
        ));
    }
    // As a recording of a screen on which nothing happens for a while.
    finish(&format!(
        "videotestsrc num-buffers=8 pattern=ball ! video/x-raw,width=640,height=360,framerate=1/15 ! \
         x264enc speed-preset=ultrafast ! h264parse ! matroskamux ! filesink location={}",
        at("still.mkv")
    ));
    finish(&format!(
        "audiotestsrc freq={TONE_HZ} samplesperbuffer=480 num-buffers=100 ! audio/x-raw,rate=48000,channels=2 ! wavenc ! \
         filesink location={}",
        at("second.wav")
    ));
    folder
});

/// A picture that moves everywhere and has edges everywhere, at what such pictures are sent with: 4 Mbit/s.
static DENSE: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let to = folder.path().join("dense.mkv").display().to_string();
    finish(&format!(
        "videotestsrc num-buffers={frames} pattern=zone-plate kx2=20 ky2=20 kt=1 ! \
         video/x-raw,format=I420,width=1280,height=720,framerate=30/1 ! \
         x264enc speed-preset=veryfast bitrate=4000 key-int-max=60 ! h264parse ! matroskamux ! filesink location={to}",
        frames = 30 * LONG.as_secs()
    ));
    folder
});

/// Sends it at its own rate, as MPEG-TS.
pub fn live_dense_ts() -> String {
    let from = DENSE.path().join("dense.mkv").display().to_string();
    format!(
        "filesrc location={from} ! matroskademux ! h264parse ! identity sync=true ! \
         mpegtsmux alignment=7 ! appsink name=out sync=false"
    )
}

/// Where all clips lie, made once for all tests of a run.
pub fn folder() -> &'static Path {
    CLIPS.path()
}

/// Runs a pipeline to its end.
pub fn finish(description: &str) {
    let pipeline = parse(description);
    pipeline.set_state(gst::State::Playing).expect("it must start");
    let bus = pipeline.bus().expect("a pipeline has a bus");
    let message = bus.timed_pop_filtered(DONE, &[gst::MessageType::Eos, gst::MessageType::Error]);
    let _ = pipeline.set_state(gst::State::Null);
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => {}
        other => panic!("{description}: {other:?}"),
    }
}

pub fn parse(description: &str) -> gst::Pipeline {
    let made = gst::parse::launch(description);
    let made = made.unwrap_or_else(|error| panic!("{description}: {error}"));
    made.downcast().expect("a description makes a pipeline")
}

/// Somebody who sends the long clip at its own rate. Dropped, they are gone.
pub struct Sender {
    pub pipeline: gst::Pipeline,
}

/// The long clip's picture and sound as elements of a description that end in the named muxer.
pub fn live(muxer: &str, video: Option<&str>, audio: Option<&str>) -> String {
    let from = folder().join("long.mkv").display().to_string();
    let video =
        video.map(|video| format!("d.video_0 ! queue ! h264parse ! {video} ! identity sync=true ! m."));
    let audio = audio.map(|audio| {
        format!("d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! audioresample ! {audio} ! identity sync=true ! m.")
    });
    let (video, audio) = (video.unwrap_or_default(), audio.unwrap_or_default());
    format!("filesrc location={from} ! matroskademux name=d {video} {audio} {muxer}")
}

/// At a constant rate, as what is broadcast has: silence in frames of a few bytes is handed on by the kilobyte, half a
/// second late.
const STEADY_AAC: &str = "voaacenc bitrate=128000 ! aacparse";

/// MPEG-TS with AAC, ended by `sink`.
pub fn live_ts(sink: &str) -> String {
    live(&format!("mpegtsmux name=m alignment=7 ! {sink}"), Some("identity"), Some(STEADY_AAC))
}

/// Fragments of half a second of MP4, written as they are sent.
pub fn live_mp4() -> String {
    let muxer = "mp4mux name=m fragment-duration=500 streamable=true ! appsink name=out sync=false";
    live(muxer, Some("identity"), Some("avenc_aac ! aacparse"))
}

/// Ten pictures a second, as cameras send them that know no time.
pub fn live_mjpeg() -> String {
    let pictures = "avdec_h264 ! videorate ! video/x-raw,framerate=10/1 ! jpegenc";
    live("multipartmux name=m boundary=part ! appsink name=out sync=false", Some(pictures), None)
}

/// The transport stream in half the width and height.
pub fn live_small_ts() -> String {
    let half = "avdec_h264 ! videoscale ! video/x-raw,width=640,height=360 ! \
                x264enc speed-preset=ultrafast tune=zerolatency key-int-max=30 ! h264parse";
    let muxer = "mpegtsmux name=m alignment=7 ! appsink name=out sync=false";
    live(muxer, Some(half), Some(STEADY_AAC))
}

impl Sender {
    pub fn start(description: &str) -> Self {
        let pipeline = parse(description);
        pipeline.set_state(gst::State::Playing).expect("a sender must start");
        Self { pipeline }
    }

    /// Sends into a channel; the description ends in `appsink name=out`.
    pub fn pieces(description: &str) -> (Self, mpsc::Receiver<Bytes>) {
        let pipeline = parse(description);
        let out = pipeline.by_name("out").and_then(|sink| sink.downcast::<AppSink>().ok());
        let (sender, receiver) = mpsc::channel(PIECES);
        let pass = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
            let piece = Bytes::copy_from_slice(&map.ok_or(gst::FlowError::Error)?);
            sender.blocking_send(piece).map_err(|_| gst::FlowError::Eos)?;
            Ok(gst::FlowSuccess::Ok)
        };
        out.expect("it must end in an appsink")
            .set_callbacks(AppSinkCallbacks::builder().new_sample(pass).build());
        pipeline.set_state(gst::State::Playing).expect("a sender must start");
        (Self { pipeline }, receiver)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
