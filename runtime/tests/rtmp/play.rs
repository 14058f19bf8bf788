//! Players: ffmpeg's, GStreamer's and librtmp's.

use std::path::Path;

use understudy_e2e::client;

use crate::support::rtmp::Broadcast;

/// What a player saw within a second of pictures.
async fn probe(url: &str) -> String {
    let probe = format!(
        "timeout 20 ffprobe -v error -rw_timeout 15000000 -read_intervals %+1 -count_frames \
         -show_entries stream=codec_name,width,height,nb_read_frames -of csv=p=0 '{url}'"
    );
    client::shell(&probe, Path::new("/")).await.expect("it must be played")
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_a_program_over_rtmp_and_rtmps() {
    let broadcast = Broadcast::open().await;
    for url in [broadcast.url("live/program"), broadcast.secure_url("live/program")] {
        let seen = probe(&url).await;
        assert!(seen.contains("h264,1280,720"), "{url}: {seen}");
    }
}
