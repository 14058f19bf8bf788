//! Media that lacks something, lies on its side, or begins anew.

use std::path::Path;
use std::time::{Duration, Instant};

use understudy_core::input::{Carries, Health};
use understudy_core::spec::Repeat;
use understudy_e2e::client;

use crate::support::server::{Server, ok};
use crate::support::site::Site;
use crate::support::studio::{OPEN, Studio, WHILE, fares, file, stream};
use crate::support::{clip, segments};

/// That nothing comes is noticed after four seconds, and then it opens.
const ANEW: Duration = Duration::from_secs(12);
const HEAD: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n";

fn is_partial(health: &Health, words: &str) -> bool {
    matches!(health, Health::Partial(failure) if failure.message.contains(words))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_lacks_a_kind_the_other_plays_and_the_lack_is_told() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    for silent in [stream(&site.url("files/short.h264")), studio.place("short.h264")] {
        let source = studio.play(silent, Carries::Both);
        studio.until(true, OPEN).await;
        fares(&source, OPEN, |health| is_partial(health, "it has no sound")).await;
        // The stream comes to its end after four seconds.
        let seen = studio.watch(Duration::from_secs(2)).await;
        assert!(seen.rate() > 20.0 && seen.blanks() == 0, "{seen:?}");
    }
    let source = studio.play(studio.place("sound.mp3"), Carries::Both);
    studio.is_live(Carries::Audio).await;
    fares(&source, OPEN, |health| is_partial(health, "it has no picture")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_was_taken_on_its_side_is_upright_with_borders() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    site.serves(folder.path().to_owned());
    let (from, to) = (clip::folder().join("short.mp4"), folder.path().join("turned.mp4"));
    let copy = format!("-i {} -c copy -metadata:s:v rotate=90 {}", from.display(), to.display());
    assert!(client::ffmpeg(&copy).wait().await.unwrap().success());
    let url = site.url("files/turned.mp4");
    for source in [file(&url, Repeat::Forever), stream(&url)] {
        let source = studio.play(source, Carries::Video);
        fares(&source, OPEN, |health| *health == Health::Playing).await;
        studio.until_changed().await;
        println!("left {} top {}", studio.luma(200, 360), studio.luma(640, 100));
        assert!(studio.luma(200, 360) < 20, "a border at the side");
        assert!(studio.luma(640, 100) > 25, "a picture up to the top");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_without_a_time_are_seen_as_they_come() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let source = studio.play(stream(&site.url("live/mjpeg")), Carries::Video);
    studio.until(true, OPEN).await;
    let seen = studio.watch(WHILE).await;
    println!("{:.1} a second", seen.rate());
    assert!((7.0..13.0).contains(&seen.rate()) && seen.blanks() == 0, "{seen:?}");
    assert_eq!(*source.health().borrow(), Health::Playing);
}

/// A live list of parts of a second: after five seconds its packager begins anew, with parts of another time.
fn packager(folder: &Path, starts: Instant) -> impl Fn(&str) -> Vec<u8> + Send + Sync + use<> {
    let folder = folder.to_owned();
    move |path| {
        let seconds = usize::try_from(starts.elapsed().as_secs()).unwrap();
        let (name, number, mark) =
            if seconds < 5 { ("a", seconds + 3, "") } else { ("b", seconds - 4, "#EXT-X-DISCONTINUITY\n") };
        if path == "/list.m3u8" {
            let first = number.saturating_sub(3);
            let mark = if first == 0 { mark } else { "" };
            let parts = (first..number).map(|part| format!("#EXTINF:1,\n{name}{part}.ts\n"));
            let list = format!("{HEAD}#EXT-X-MEDIA-SEQUENCE:{first}\n{mark}{}", parts.collect::<String>());
            return ok("application/vnd.apple.mpegurl", list);
        }
        let (name, part) = path.trim_end_matches(".ts").split_at(2);
        let part: usize = part.parse().unwrap();
        let part = if name == "/a" { part } else { part + 40 };
        let read = std::fs::read(folder.join(format!("seg{part:05}.ts")));
        read.map_or_else(|_| b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(), |bytes| ok("video/mp2t", bytes))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_whose_packager_begins_anew_is_seen_and_heard_again_within_seconds() {
    let studio = Studio::open().await;
    let folder = tempfile::tempdir().unwrap();
    segments::hls_long(folder.path());
    let ear = studio.listen();
    ear.until_open().await;
    let starts = Instant::now();
    let server = Server::start(packager(folder.path(), starts)).await;
    let source = studio.play(stream(&server.url("/list.m3u8")), Carries::Both);
    ear.until_tone().await;
    tokio::time::sleep_until((starts + Duration::from_secs(9)).into()).await;
    ear.forget();
    while ear.heard().tones < 5 {
        assert!(starts.elapsed() < Duration::from_secs(5) + ANEW, "nothing is heard: {:?}", ear.heard());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("heard {:?} after it began anew", starts.elapsed() - Duration::from_secs(5));
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    studio.is_live(Carries::Both).await;
}
