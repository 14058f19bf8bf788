//! A file of a programme, as players that are not ours read it: whole, and as far as it was written.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use tempfile::TempDir;
use understudy_core::aac;
use understudy_core::media::{Track, Unit};
use understudy_core::mp4::Muxer;
use understudy_e2e::client;

const FRAMES: usize = 150;
/// A keyframe is among so many.
const GROUP: usize = 30;

/// Five seconds of picture and sound, encoded as the runtime does it.
const SOURCE: &str = "videotestsrc num-buffers=150 ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! \
    x264enc tune=zerolatency key-int-max=30 speed-preset=ultrafast option-string=scenecut=0 ! \
    video/x-h264,profile=constrained-baseline,stream-format=byte-stream,alignment=au ! appsink name=picture sync=false \
    audiotestsrc num-buffers=235 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! avenc_aac ! \
    appsink name=sound sync=false";

fn units() -> Vec<Unit> {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(SOURCE).unwrap().downcast::<gst::Pipeline>().unwrap();
    let sink = |name| pipeline.by_name(name).and_downcast::<AppSink>().unwrap();
    let [picture, sound] = ["picture", "sound"].map(sink);
    pipeline.set_state(gst::State::Playing).unwrap();
    let sound = std::thread::spawn(move || pulled(&sound, Track::aac(48_000, 2)));
    let mut units = pulled(&picture, Track::h264(640, 360, 30));
    units.extend(sound.join().unwrap());
    pipeline.set_state(gst::State::Null).unwrap();
    units.sort_by_key(|unit| unit.dts);
    units
}

fn pulled(sink: &AppSink, track: Track) -> Vec<Unit> {
    let samples = std::iter::from_fn(|| sink.pull_sample().ok());
    let unit = |sample: gst::Sample| {
        let buffer = sample.buffer()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let pts: Duration = segment.to_running_time(buffer.pts()?)?.into();
        let duration = buffer.duration()?.into();
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let payload = Bytes::copy_from_slice(&buffer.map_readable().ok()?);
        Some(Unit { track, pts, dts: pts, duration, key, payload })
    };
    samples.filter_map(unit).collect()
}

/// The pieces in which a file is written.
fn pieces() -> Vec<Bytes> {
    let mut muxer = Muxer::new(aac::Format::new(48_000, 2));
    let mut pieces: Vec<Bytes> = units().iter().filter_map(|unit| muxer.push(unit)).collect();
    pieces.extend(muxer.finish(None));
    pieces
}

/// What ffprobe counts in a file of this: pictures and units of sound, and how long it finds it.
async fn read(folder: &TempDir, file: &[u8]) -> (usize, usize, f64) {
    std::fs::write(folder.path().join("file.mp4"), file).unwrap();
    let entries = "stream=codec_name,nb_read_frames:format=duration";
    let text = format!("ffprobe -v error -count_frames -show_entries {entries} -of csv file.mp4 2>&1");
    let told = client::shell(&text, folder.path()).await.expect("it must be read");
    let find = |begin: &str| told.lines().find_map(|line| line.strip_prefix(begin)).map(str::to_owned);
    let number = |begin: &str| find(begin).and_then(|text| text.parse().ok());
    let counted = number("stream,h264,").zip(number("stream,aac,"));
    let (pictures, sounds) = counted.unwrap_or_else(|| panic!("{told}"));
    let duration = find("format,").and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{told}"));
    assert_eq!(told.lines().count(), 3, "nothing is complained of: {told}");
    (pictures, sounds, duration)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_whole_and_decodes_without_a_complaint() {
    let folder = tempfile::tempdir().unwrap();
    let file = pieces().concat();
    let (pictures, sounds, duration) = read(&folder, &file).await;
    // A unit of sound more than there were samples for: the encoder's own.
    assert_eq!((pictures, sounds), (FRAMES, 236));
    assert!((duration - 5.0).abs() < 0.1, "{duration}");
    let decode =
        "ffmpeg -v warning -xerror -i file.mp4 -fps_mode passthrough -enc_time_base -1 -f null - 2>&1";
    assert_eq!(client::shell(decode, folder.path()).await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_writer_was_killed_plays_to_its_last_fragment() {
    let folder = tempfile::tempdir().unwrap();
    let pieces = pieces();
    assert_eq!(pieces.len(), 1 + FRAMES / GROUP);
    for written in 2..pieces.len() {
        let file = pieces[..written].concat();
        let (pictures, ..) = read(&folder, &file).await;
        assert_eq!(pictures, (written - 1) * GROUP);
    }
    // Within the last fragment that was begun.
    let whole = pieces.concat();
    let cut = whole.len() - pieces.last().unwrap().len() / 2;
    std::fs::write(folder.path().join("cut.mp4"), &whole[..cut]).unwrap();
    let count = "ffprobe -v quiet -select_streams v -count_frames -show_entries stream=nb_read_frames -of csv=p=0 cut.mp4";
    let counted: usize =
        client::shell(count, Path::new(folder.path())).await.unwrap().trim().parse().unwrap();
    assert!(counted >= FRAMES - GROUP, "{counted}");
}
