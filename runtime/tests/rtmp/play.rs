//! Players: ffmpeg's, GStreamer's and librtmp's.

use std::path::Path;
use std::time::{Duration, Instant};

use understudy_e2e::client;

use understudy_proto::v1::AccessTokens;
use understudy_runtime::access::Policy;

use crate::support::rtmp::Broadcast;
use crate::support::session::Session;

/// What a program of others' says, which must not fail.
async fn run(command: &str) -> String {
    client::shell(command, Path::new("/")).await.unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// The packets of two seconds, as codec type, time of decoding and whether it is a key.
async fn packets(url: &str) -> Vec<(String, f64, bool)> {
    let probe = "timeout 20 ffprobe -v error -rw_timeout 15000000 -read_intervals %+2 -show_entries \
                 packet=codec_type,dts_time,flags -of csv=p=0";
    let seen = run(&format!("{probe} '{url}'")).await;
    let row = |line: &str| {
        let mut parts = line.split(',');
        let (kind, time, flags) = (parts.next()?, parts.next()?, parts.next()?);
        Some((kind.to_owned(), time.parse().ok()?, flags.starts_with('K')))
    };
    seen.lines().filter_map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_picture_and_sound_over_rtmp_and_rtmps() {
    let broadcast = Broadcast::open().await;
    for url in [broadcast.url("live/program"), broadcast.secure_url("live/program")] {
        let probe = "timeout 20 ffprobe -v error -rw_timeout 15000000 -show_entries \
                     stream=codec_name,width,height,sample_rate,channels -of csv=p=0";
        let began = Instant::now();
        let seen = run(&format!("{probe} '{url}'")).await;
        println!("probed within {:?}", began.elapsed());
        assert!(seen.contains("h264,1280,720") && seen.contains("aac,48000,1"), "{url}: {seen}");
    }
}

/// How many pictures and how much sound a current ffmpeg decodes of two seconds, and which tracks it finds.
async fn decoded(options: &str, url: &str) -> (u32, String) {
    let ffmpeg = client::new_ffmpeg();
    let seen = run(&format!(
        "timeout 40 {} -nostdin -hide_banner {options} -i '{url}' -t 2 -f null - -progress - 2>&1",
        ffmpeg.display()
    ))
    .await;
    let frames = seen.lines().filter_map(|line| line.strip_prefix("frame=")?.trim().parse().ok()).next_back();
    let tracks: Vec<_> = seen
        .lines()
        .filter(|line| line.contains("Stream #0:") && !line.contains("wrapped_avframe"))
        .collect();
    (frames.unwrap_or_default(), tracks.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ffmpeg_of_this_year_plays_and_is_told_to_trust_a_certificate_that_nobody_vouches_for() {
    let broadcast = Broadcast::open().await;
    let secure = broadcast.secure_url("live/program");
    for (options, url) in [("", broadcast.url("live/program")), ("-tls_verify 0", secure.clone())] {
        let (frames, tracks) = decoded(options, &url).await;
        assert!(frames > 40 && tracks.contains("h264") && tracks.contains("aac"), "{frames} of {tracks}");
        assert!(!tracks.contains("Subtitle") && !tracks.contains("Data"), "{tracks}");
    }
    let ffmpeg = client::new_ffmpeg();
    let refused = run(&format!("timeout 20 {} -i {secure} -f null - 2>&1 || true", ffmpeg.display())).await;
    assert!(refused.contains("certificate verify failed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_begins_at_a_keyframe_at_0_and_time_goes_on() {
    let broadcast = Broadcast::open().await;
    for _ in 0..2 {
        let packets = packets(&broadcast.url("live/program")).await;
        let of = |kind: &str| packets.iter().filter(|(other, ..)| other == kind).collect::<Vec<_>>();
        let (pictures, sounds) = (of("video"), of("audio"));
        assert!(pictures[0].2 && pictures[0].1 < 0.1, "{:?}", pictures[0]);
        assert!(sounds[0].1 < 0.5, "{:?}", sounds[0]);
        for kind in [&pictures, &sounds] {
            assert!(kind.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{kind:?}");
            assert!(kind.len() > 30 && kind.last().unwrap().1 > 1.0, "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gstreamer_and_librtmp_play_too() {
    let broadcast = Broadcast::open().await;
    let url = broadcast.url("live/program");
    let gst = format!(
        "timeout 20 gst-launch-1.0 -q rtmp2src location={url} num-buffers=150 ! flvdemux name=d \
         d.video ! queue ! h264parse ! avdec_h264 ! fakesink d.audio ! queue ! aacparse ! avdec_aac ! fakesink"
    );
    run(&gst).await;
    let librtmp = format!(
        "timeout 20 rtmpdump -q -v -r {url} -B 2 -o - | ffprobe -v error -show_entries stream=codec_name -of csv=p=0 -"
    );
    let seen = run(&librtmp).await;
    assert!(seen.contains("h264") && seen.contains("aac"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_what_is_not_there_is_told_so() {
    let broadcast = Broadcast::open().await;
    let refused = run(&format!("timeout 10 ffprobe {} 2>&1 || true", broadcast.url("live/nowhere"))).await;
    assert!(refused.contains("there is no stream of this name"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_hears_that_the_name_is_gone() {
    let broadcast = Broadcast::open().await;
    let play =
        format!("timeout 20 ffmpeg -v error -i {} -c copy -f null - 2>&1", broadcast.url("live/program"));
    let playing = tokio::spawn(async move { client::shell(&play, Path::new("/")).await });
    tokio::time::timeout(
        Duration::from_secs(15),
        broadcast.media.video.demand().wait_for(|readers| *readers > 0),
    )
    .await
    .expect("it must come")
    .expect("the hub must stay");
    tokio::time::sleep(Duration::from_secs(2)).await;
    broadcast.programs.name(&broadcast.program, []);
    let ended = tokio::time::timeout(Duration::from_secs(10), playing).await.expect("it must end");
    ended.expect("it must be waited for").expect("it ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_where_tokens_are_asked_for_wherever_a_client_puts_it() {
    let broadcast = Broadcast::open().await;
    let tokens = AccessTokens { view: "viewer".into(), control: "steerer".into(), admin: String::new() };
    broadcast.policy.send_replace(Policy::Tokens(Box::new(tokens)));
    let probe = |path: &str| {
        let show = "-v error -show_entries stream=codec_name -of csv=p=0";
        format!("timeout 20 ffprobe {show} '{}' 2>&1 || true", broadcast.url(path))
    };
    for path in ["live/program?token=viewer", "live?token=steerer/program"] {
        let seen = run(&probe(path)).await;
        assert!(seen.contains("h264"), "{path}: {seen}");
    }
    for path in ["live/program", "live/program?token=wrong"] {
        let refused = run(&probe(path)).await;
        assert!(
            refused.contains("a valid token is needed") && !refused.contains("h264"),
            "{path}: {refused}"
        );
    }
    let publish = "timeout 20 ffmpeg -v error -f lavfi -i testsrc -t 1 -f flv";
    let refused = run(&format!("{publish} '{}' 2>&1 || true", broadcast.url("live/a?token=viewer"))).await;
    assert!(refused.contains("role does not allow it"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_played_with_its_sound_over_rtmp_and_rtmps() {
    let session = Session::live(include_str!("../../../examples/session.yaml")).await;
    for url in [session.rtmp("/live/program"), session.rtmps("/live/program")] {
        let show = "-show_entries stream=codec_name,width,sample_rate -of csv=p=0";
        let seen = run(&format!("timeout 30 ffprobe -v error -rw_timeout 15000000 {show} '{url}'")).await;
        assert!(seen.contains("h264,1280") && seen.contains("aac,48000"), "{url}: {seen}");
    }
}
