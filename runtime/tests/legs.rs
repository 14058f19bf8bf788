//! What a process sends is watched over WHEP: with real ffmpegs and a viewer on another WebRTC stack.

mod page;
mod requests;

use std::path::PathBuf;
use std::time::Duration;

use understudy_core::media::{AudioCodec, Track};
use understudy_core::process::legs::{AudioLeg, Legs, VideoLeg};
use understudy_core::rendition::{Audio, Video};
use understudy_e2e::browser::{self, Chromium};
use understudy_runtime::gst;

use crate::support::clip;
use crate::support::ground::{AHEAD, APART, COPY, Ground, PLAIN, RARE, file};
use crate::support::processes::with_each;
use crate::whep::many::watched;

/// On a machine that does more than this.
const SOON: Duration = Duration::from_secs(20);
/// From a unit's time to when it is here.
const IN_TIME: Duration = Duration::from_millis(500);
/// What a process's end and its next start may take.
const AWAY: Duration = Duration::from_millis(700);

const ENCODED: Legs = Legs {
    video: VideoLeg::Encode,
    audio: AudioLeg::Encode,
    video_input: 0,
    audio_input: 0,
    has_sound: false,
    is_forced: false,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_watched_whole_round_after_round_whoever_else_sends_to_its_ports() {
    let ground = Ground::open().await;
    let _foreign = ground.sends(&file(AHEAD), COPY);
    let _child = ground.plays(&file(PLAIN), COPY);
    let before = ground.sees(|seen| seen.keyframes > 0).await;
    assert_eq!(before.size, Some((1280, 720)));
    let seen = ground.watch(9).run().await.expect("it must be watched");
    seen.is_the_test_picture().expect("it must be whole");
    assert_eq!((seen.width, seen.height, seen.delete_status), (1280, 720, 204), "{seen:?}");
    let after = *ground.leg.seen().borrow();
    assert!(
        !after.has_b_frames && !after.lacks_parameter_sets && !after.has_aac && after.lost == 0,
        "{after:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_between_keyframes_that_are_rare_waits_for_none() {
    let ground = Ground::open().await;
    let _child = ground.plays(&file(RARE), COPY);
    // One comes in four seconds.
    ground.sees(|seen| seen.keyframes > 0 && seen.since_keyframe > 20).await;
    let first = ground.watch(1).run().await.expect("it must be watched");
    assert!(first.first_frame_ms < 1500, "{first:?}");
    // And they join what others watch already.
    let options = ["--viewers", "5", "--join-rate", "1/s", "--seconds", "2", "--sample", "1/1"];
    let report = watched(ground.whep(), &options).await;
    let keyframe = report.viewers.keyframe.expect("they must see one").p95_milliseconds;
    println!("a picture after {} ms, and {keyframe} ms", first.first_frame_ms);
    assert!(keyframe < 1500.0, "{report}");
    assert_eq!(report.viewers.counts.lost, 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_stay_while_a_process_is_restarted() {
    let ground = Ground::open().await;
    let child = ground.plays(&file(PLAIN), COPY);
    ground.sees(|seen| seen.keyframes > 0).await;
    let ports = ground.leg.ports();
    let restarts = async {
        let mut viewers = ground.driver.viewers("process/the-process");
        tokio::time::timeout(SOON, viewers.wait_for(|count| *count == 1)).await.expect("it comes").unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        child.stop().await;
        ground.leg.ended();
        tokio::time::sleep(AWAY).await;
        let next = ground.plays(&file(PLAIN), COPY);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(*viewers.borrow(), 1, "it is the same");
        next
    };
    let watch = ground.watch(12);
    let (seen, _next) = tokio::join!(watch.run(), restarts);
    let seen = seen.expect("it must be watched");
    println!("{seen:?}");
    assert_eq!(ground.leg.ports(), ports);
    // The gap is one, and short: of all seconds of media so many pictures are missing.
    let missing: u32 = seen.seconds.iter().map(|count| 30_u32.saturating_sub(*count)).sum();
    assert!((1..=60).contains(&missing), "{seen:?}");
    assert!(seen.seconds.iter().rev().take(2).all(|count| *count >= 28), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_encoded_is_watched_and_joined_at_once() {
    let ground = Ground::open().await;
    let _child = ground.plays(&file(AHEAD), ENCODED);
    ground.sees(|seen| seen.since_keyframe > 20).await;
    let seen = ground.watch(4).run().await.expect("it must be watched");
    assert!(seen.first_frame_ms < 1500 && seen.frames > 60, "{seen:?}");
    assert!((seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_a_copy_unplayable_shows_by_its_packets() {
    with_each(shows_by_packets).await;
}

async fn shows_by_packets(ffmpeg: PathBuf) {
    let ground = Ground::with(ffmpeg).await;
    let child = ground.plays(&file(AHEAD), COPY);
    ground.sees(|seen| seen.has_b_frames).await;
    child.stop().await;
    let child = ground.plays(&file(APART), COPY);
    let seen = ground.sees(|seen| seen.lacks_parameter_sets && seen.has_aac).await;
    assert!(!seen.has_b_frames && seen.size.is_none(), "that was another");
    child.stop().await;
    let written = VideoLeg::Copy { annex_b: true };
    let _child = ground.plays(&file(APART), Legs { video: written, audio: AudioLeg::Encode, ..COPY });
    let seen = ground.sees(|seen| seen.keyframes > 0 && seen.sounds > 0).await;
    assert!(!seen.lacks_parameter_sets && !seen.has_aac && seen.size == Some((1280, 720)), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_or_a_sound_alone_is_enough() {
    let ground = Ground::open().await;
    let child = ground.plays(&file(PLAIN), Legs { audio: AudioLeg::None, ..COPY });
    ground.sees(|seen| seen.keyframes > 0).await;
    let seen = ground.watch(3).run().await.expect("it must be watched");
    assert!(seen.distinct_per_second >= 28 && seen.tone_hz == 0.0, "{seen:?}");
    child.stop().await;
    let sound = clip::folder().join("sound.ogg");
    let _child = ground.plays(&sound, Legs { video: VideoLeg::None, ..COPY });
    ground.sees(|seen| seen.sounds > 100 && seen.pictures == 0).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&ground.view()).await;
    browser::becomes_true(
        &page,
        "(async () => [...(await understudy.peer.getStats()).values()].some((entry) => \
         entry.type === 'inbound-rtp' && entry.kind === 'audio' && entry.packetsReceived > 50))()",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_plays_no_opus_is_given_aac_of_the_same_time() {
    let ground = Ground::open().await;
    let _child = ground.plays(&file(PLAIN), COPY);
    let program = ground.leg.program();
    let aac = Audio { codec: AudioCodec::Aac, ..Audio::default() };
    let (mut sound, mut picture) =
        (program.audio(aac).subscribe(), program.video(Video::default()).subscribe());
    let next = async {
        let mut units = Vec::new();
        while units.len() < 100 {
            units.push((sound.next().await, gst::now()));
        }
        units
    };
    let units = tokio::time::timeout(SOON, next).await.expect("it must be encoded");
    assert!(units.iter().all(|(unit, _)| unit.track == Track::aac(48_000, 2)));
    assert!(units.iter().all(|(unit, now)| now.saturating_sub(unit.pts) < IN_TIME), "{units:?}");
    let apart = |two: &[(understudy_core::media::Unit, Duration)]| two[1].0.pts.saturating_sub(two[0].0.pts);
    let gaps = units
        .windows(2)
        .filter(|two| apart(two).abs_diff(two[0].0.duration) > Duration::from_millis(5))
        .count();
    assert!(gaps <= 2, "{gaps}");
    let shown = tokio::time::timeout(SOON, picture.next()).await.expect("it must be shown");
    assert!(shown.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_plays_a_process_and_its_sound_and_picture_are_of_one_time() {
    let ground = Ground::open().await;
    let _child = ground.plays(&file(PLAIN), COPY);
    let chromium = Chromium::launch().await;
    let page = chromium.open(&ground.view()).await;
    browser::becomes_true(&page, "document.body.dataset.state === 'live' && understudy.frames > 60").await;
    browser::becomes_true(&page, "understudy.width === 1280 && understudy.height === 720").await;
    browser::becomes_true(
        &page,
        "(async () => {
            const played = {};
            for (const entry of (await understudy.peer.getStats()).values())
                if (entry.type === 'inbound-rtp') played[entry.kind] = entry.estimatedPlayoutTimestamp;
            return Math.abs(played.video - played.audio) < 100;
        })()",
    )
    .await;
}
