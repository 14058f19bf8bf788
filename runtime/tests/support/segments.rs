//! Clips cut into segments, as HLS and DASH serve them, and put together from others.

use std::path::Path;
use std::time::Duration;

use tokio::process::Child;
use understudy_e2e::{client, wait};

use super::clip;

/// Three segments of two seconds, written at twice their rate, on a machine that does more than this.
const WRITTEN: Duration = Duration::from_secs(20);

/// HLS of the short clip, complete; `list.m3u8`.
pub fn hls(folder: &Path) {
    clip::finish(&format!(
        "{} {}",
        source("short.mkv", "identity"),
        hls_sink(folder, "playlist-length=0 max-files=0")
    ));
}

/// All of the long clip in parts of a second.
pub fn hls_long(folder: &Path) {
    let sink = hls_sink(folder, "playlist-length=0 max-files=0");
    clip::finish(&format!("{} {sink}", source("long.mkv", "identity")));
}

/// HLS of the long clip, as it comes: the last five seconds.
pub fn hls_live(folder: &Path) -> clip::Sender {
    let sink = hls_sink(folder, "playlist-length=5 max-files=10");
    clip::Sender::start(&format!("{} {sink}", source("long.mkv", "identity sync=true")))
}

fn source(name: &str, pace: &str) -> String {
    let from = clip::folder().join(name).display().to_string();
    format!(
        "filesrc location={from} ! matroskademux name=d \
         d.video_0 ! queue ! h264parse ! {pace} ! m.video \
         d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! avenc_aac ! aacparse ! {pace} ! m.audio"
    )
}

fn hls_sink(folder: &Path, playlist: &str) -> String {
    let folder = folder.display();
    format!(
        "hlssink2 name=m target-duration=1 {playlist} location={folder}/seg%05d.ts \
         playlist-location={folder}/list.m3u8"
    )
}

/// The short clip twice in one transport stream, the second time in another size and shape; `sizes.ts`.
pub fn sizes(folder: &Path) {
    let from = clip::folder().join("short.mkv").display().to_string();
    let pictures = format!("filesrc location={from} ! matroskademux ! h264parse ! avdec_h264");
    clip::finish(&format!(
        "concat name=c ! x264enc speed-preset=ultrafast tune=zerolatency bitrate=4000 key-int-max=30 ! \
         h264parse config-interval=-1 ! mpegtsmux ! filesink location={}/sizes.ts \
         {pictures} ! c. \
         {pictures} ! videoscale add-borders=false ! \
         video/x-raw,width=640,height=480,pixel-aspect-ratio=1/1 ! c.",
        folder.display()
    ));
}

/// DASH of the long clip, as it comes; `list.mpd`. It lists the first three segments, of two seconds each.
///
/// It is written twice as fast as it plays: ffmpeg has players stay no more than a segment behind its clock, where a
/// segment that is listed late makes the picture stand. They follow the clock all the same, and find what comes by
/// reading the list again.
pub async fn dash_live(folder: &Path) -> Child {
    let packager = client::ffmpeg(&format!(
        "-readrate 2 -i {} -map 0:v -map 0:a -c:v copy -c:a aac -f dash -seg_duration 2 {}",
        clip::folder().join("long.mkv").display(),
        folder.join("list.mpd").display()
    ));
    let third = folder.join("chunk-stream0-00003.m4s");
    wait::until(WRITTEN, || async {
        third.exists().then_some(()).ok_or_else(|| "there is no third segment".to_owned())
    })
    .await;
    packager
}

/// DASH of the short clip: fragmented MP4, a second each; `list.mpd`.
pub fn dash(folder: &Path) {
    let from = clip::folder().join("short.mkv").display().to_string();
    for (kind, chain) in [
        ("video", "d.video_0 ! queue ! h264parse"),
        ("audio", "d.audio_0 ! queue ! flacparse ! flacdec ! audioconvert ! avenc_aac ! aacparse"),
    ] {
        let whole = folder.join(kind);
        clip::finish(&format!(
            "filesrc location={from} ! matroskademux name=d {chain} ! mp4mux fragment-duration=1000 \
             ! filesink location={}",
            whole.display()
        ));
        cut(&std::fs::read(&whole).expect("it was written"), folder, kind);
    }
    std::fs::write(folder.join("list.mpd"), MANIFEST).expect("a manifest must be written");
}

/// The header up to the first fragment, then each fragment, to a file of its own.
fn cut(bytes: &[u8], folder: &Path, kind: &str) {
    let (mut at, mut number, mut part) = (0, 0, Vec::new());
    while at + 8 <= bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
        let name = &bytes[at + 4..at + 8];
        if name == b"moof" {
            std::fs::write(folder.join(format!("{kind}-{number}.mp4")), &part)
                .expect("a part must be written");
            (number, part) = (number + 1, Vec::new());
        }
        if name != b"mfra" {
            part.extend(&bytes[at..at + size]);
        }
        at += size;
    }
    std::fs::write(folder.join(format!("{kind}-{number}.mp4")), &part).expect("a part must be written");
}

const MANIFEST: &str = r#"<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S" minBufferTime="PT1S"
 profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period start="PT0S" duration="PT4S">
<AdaptationSet contentType="video" mimeType="video/mp4"><SegmentTemplate timescale="1" duration="1" startNumber="1"
 initialization="video-0.mp4" media="video-$Number$.mp4"/><Representation id="v" codecs="avc1.640020" bandwidth="900000"
 width="1280" height="720"/></AdaptationSet>
<AdaptationSet contentType="audio" mimeType="audio/mp4"><SegmentTemplate timescale="1" duration="1" startNumber="1"
 initialization="audio-0.mp4" media="audio-$Number$.mp4"/><Representation id="a" codecs="mp4a.40.2" bandwidth="64000"/>
</AdaptationSet></Period></MPD>"#;
