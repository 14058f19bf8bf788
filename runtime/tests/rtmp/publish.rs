//! Publishers that are not ours, and those who play what they send.

use std::path::Path;

use understudy_e2e::client;

use crate::support::rtmp::Broadcast;

/// Begins to publish; killed when it is dropped.
#[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
fn publisher(command: &str) -> tokio::process::Child {
    let mut shell = tokio::process::Command::new("sh");
    shell
        .args(["-c", &format!("exec timeout 60 {command}")])
        .kill_on_drop(true)
        .spawn()
        .expect("it must start")
}

/// What ffprobe finds there, once there is something.
async fn seen(url: &str) -> String {
    let probe =
        "ffprobe -v error -rw_timeout 15000000 -show_entries stream=codec_name,width,sample_rate -of csv=p=0";
    let tries = format!(
        "for n in $(seq 60); do timeout 20 {probe} '{url}' 2>/dev/null && exit; sleep 0.2; done; exit 1"
    );
    client::shell(&tries, Path::new("/")).await.expect("it must be played")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ffmpeg_publishes_others_play() {
    let broadcast = Broadcast::open().await;
    let url = broadcast.url("studio/a/b");
    let _ffmpeg = publisher(&format!(
        "ffmpeg -v error -re -f lavfi -i testsrc=size=320x240:rate=25 -f lavfi -i sine=sample_rate=44100 \
         -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a aac -f flv {url}"
    ));
    let found = seen(&url).await;
    assert!(found.contains("h264,320") && found.contains("aac,44100"), "{found}");
    // Whoever comes second may not have the name.
    let second = format!("timeout 20 ffmpeg -v error -f lavfi -i testsrc -t 1 -f flv {url} 2>&1 || true");
    let refused = client::shell(&second, Path::new("/")).await.expect("it must run");
    assert!(refused.contains("somebody publishes under this name already"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gstreamer_publishes_others_play() {
    let broadcast = Broadcast::open().await;
    let url = broadcast.url("live/gst");
    let _gstreamer = publisher(&format!(
        "gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=320,height=240 ! x264enc tune=zerolatency \
         key-int-max=30 ! h264parse ! flvmux name=m streamable=true ! rtmp2sink location={url} \
         audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! m."
    ));
    let found = seen(&url).await;
    assert!(found.contains("h264,320") && found.contains("aac"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_codecs_are_played_by_whoever_announces_them_and_others_are_told_at_once() {
    let broadcast = Broadcast::open().await;
    let ffmpeg = client::new_ffmpeg();
    let ffmpeg = ffmpeg.display();
    for (name, codecs, fourcc) in [
        (
            "hevc",
            "-c:v libx265 -preset ultrafast -x265-params log-level=0:keyint=10:bframes=0 -c:a aac",
            "hvc1",
        ),
        ("av1", "-c:v libsvtav1 -preset 12 -g 10 -c:a libopus", "av01"),
    ] {
        let url = broadcast.url(&format!("studio/{name}"));
        let _publisher = publisher(&format!(
            "{ffmpeg} -nostdin -v error -re -f lavfi -i testsrc=size=320x180:rate=10 -f lavfi \
             -i sine=sample_rate=48000 -pix_fmt yuv420p {codecs} -f flv {url}"
        ));
        let play = |options: &str| {
            format!(
                "for n in $(seq 60); do timeout 20 {ffmpeg} -nostdin -hide_banner {options} -i {url} -t 1 -f null - \
                 2>&1 | grep -v 'no stream of this name' >said || true; grep -q 'Stream #0\\|announce' said && \
                 cat said && exit; sleep 0.2; done; cat said"
            )
        };
        let folder = tempfile::tempdir().expect("a folder must be free");
        let announces = play("-rtmp_enhanced_codecs hvc1,av01,Opus");
        let seen = client::shell(&announces, folder.path()).await.expect("it must be played");
        assert!(seen.contains(&format!("Video: {name}")) && seen.contains("Audio: "), "{seen}");
        let began = std::time::Instant::now();
        let told = client::shell(&play(""), folder.path()).await.expect("it must end");
        assert!(
            told.contains(&format!("this stream is in {fourcc}, which your player did not announce")),
            "{told}"
        );
        println!("{name}: told and let go within {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_the_session_s_own_is_nobody_else_s() {
    let broadcast = Broadcast::open().await;
    let url = broadcast.url("live/program");
    let publish = format!("timeout 20 ffmpeg -v error -f lavfi -i testsrc -t 1 -f flv {url} 2>&1 || true");
    let refused = client::shell(&publish, Path::new("/")).await.expect("it must run");
    assert!(refused.contains("this name is a program's"), "{refused}");
}
