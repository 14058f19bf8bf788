//! Streams and files from real servers, seen at the camera's picture and heard at the microphone.

mod oddities;
mod playlists;
mod told;

use std::time::Duration;

use tokio::net::TcpSocket;
use understudy_core::input::watch::{LOST, STALLED};
use understudy_core::input::{Carries, Health};
use understudy_core::spec::{Repeat, Shape};
use understudy_e2e::ports::{free_tcp, free_udp};
use understudy_runtime::source::Source;

use crate::support::broadcast::{Rtmp, Rtsp, srt_at};
use crate::support::clip;
use crate::support::segments;
use crate::support::site::{Mood, Site};
use crate::support::studio::{OPEN, Studio, WHILE, fails, fares, file, stream};

/// From a server's return until its media is seen: that it went is noticed after [`LOST`] at the latest, the wait for
/// the next try may have grown to as long, and then it opens.
const BACK: Duration = LOST.saturating_add(LOST).saturating_add(OPEN);
/// Sound may stall before its picture does, which is covered when next looked at; a machine under load takes its time.
const NEXT_LOOK: Duration = Duration::from_secs(1);
/// The short clip is over, and what was on its way is heard.
const SHORT_IS_OVER: Duration = Duration::from_secs(5);

/// Its server is gone, which is told and seen.
async fn goes(studio: &Studio, source: &Source) {
    fares(source, OPEN, |health| matches!(health, Health::Failed(_) | Health::Stalled)).await;
    studio.until(false, OPEN).await;
}

/// Its server is there again: so are picture and sound.
async fn comes_back(studio: &Studio) {
    println!("  back after {:?}", studio.until(true, BACK).await);
    studio.listen().until_tone().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_stream_over_http_is_seen_and_heard_in_time() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let _source = studio.play(stream(&site.url("live/ts")), Carries::Both);
    studio.is_live(Carries::Both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn radio_is_heard_whatever_its_codec() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    for codec in ["opus", "vorbis", "mp3", "aac"] {
        println!("{codec}");
        let source = studio.play(stream(&site.url(&format!("live/{codec}"))), Carries::Audio);
        studio.is_live(Carries::Audio).await;
        drop(source);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_whose_list_is_complete_is_seen_and_heard_to_its_end() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    site.serves(folder.path().to_owned());
    segments::hls(folder.path());
    let ear = studio.listen();
    ear.until_open().await;
    let source = studio.play(stream(&site.url("files/list.m3u8")), Carries::Both);
    studio.until(true, OPEN).await;
    studio.watch(SHORT_IS_OVER).await.ends_together(&ear.heard());
    fares(&source, OPEN, |health| *health == Health::Ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hls_whose_list_grows_is_seen_and_heard_and_comes_back_with_its_packager() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let [first, nothing, second] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    site.serves(first.path().to_owned());
    let packager = segments::hls_live(first.path());
    let source = studio.play(stream(&site.url("files/list.m3u8")), Carries::Both);
    studio.is_live(Carries::Both).await;
    drop(packager);
    site.serves(nothing.path().to_owned());
    goes(&studio, &source).await;
    site.serves(second.path().to_owned());
    let _packager = segments::hls_live(second.path());
    comes_back(&studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dash_whose_manifest_grows_is_seen_and_heard_in_time() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    site.serves(folder.path().to_owned());
    let _packager = segments::dash_live(folder.path()).await;
    let _source = studio.play(stream(&site.url("files/list.mpd")), Carries::Both);
    studio.is_live(Carries::Both).await;
    // By now all that was listed when it was opened has been played.
    studio.watch(WHILE).await.moves();
}

#[tokio::test(flavor = "multi_thread")]
async fn dash_whose_manifest_is_complete_goes_round_seen_and_heard() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    site.serves(folder.path().to_owned());
    segments::dash(folder.path());
    let _source = studio.play(file(&site.url("files/list.mpd"), Repeat::Forever), Carries::Both);
    studio.until(true, OPEN).await;
    studio.listen().until_tone().await;
    let seen = studio.watch(Duration::from_secs(3)).await;
    println!("{:.1} a second, {:?}", seen.rate(), seen.longest());
    assert!(seen.rate() > 20.0, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rtmp_is_seen_and_heard_and_comes_back_with_its_sender() {
    let (studio, server) = (Studio::open().await, Rtmp::open().await);
    let sender = server.publish();
    let source = studio.play(stream(&server.url()), Carries::Both);
    studio.is_live(Carries::Both).await;
    drop(sender);
    studio.until(false, OPEN).await;
    let _sender = server.publish();
    comes_back(&studio).await;
    drop(source);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtsp_is_seen_and_heard_and_comes_back_with_its_server() {
    let (studio, port) = (Studio::open().await, free_tcp());
    let server = Rtsp::at(port);
    let source = studio.play(stream(&server.url()), Carries::Both);
    studio.is_live(Carries::Both).await;
    drop(server);
    let (reason, message) = fails(&source).await;
    assert_eq!(reason, "SourceEnded", "{message}");
    studio.until(false, OPEN).await;
    let _server = Rtsp::at(port);
    comes_back(&studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn srt_is_called_seen_and_heard_and_comes_back_with_its_listener() {
    let (studio, port) = (Studio::open().await, free_udp());
    let (sender, url) = srt_at(port);
    let source = studio.play(stream(&url), Carries::Both);
    studio.is_live(Carries::Both).await;
    drop(sender);
    println!("  {:?}", fails(&source).await);
    studio.until(false, OPEN).await;
    let _sender = srt_at(port);
    comes_back(&studio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_round_without_a_gap_whatever_its_container() {
    let studio = Studio::open().await;
    let ear = studio.listen();
    for name in ["short.mkv", "short.mp4", "short.ts", "short.webm", "short.flv", "short.h264"] {
        println!("{name}");
        let source = studio.play(studio.place(name), Carries::Both);
        studio.until(true, OPEN).await;
        let seen = studio.watch(Duration::from_secs(4)).await;
        ear.forget();
        let next = studio.watch(Duration::from_secs(2)).await;
        for seen in [seen, next] {
            println!("  {:.1} a second, {:?}, {} blank", seen.rate(), seen.longest(), seen.blanks());
            match name {
                // Opened or decoded anew for each round.
                "short.flv" | "short.h264" => assert!(seen.rate() > 20.0 && seen.blanks() == 0, "{seen:?}"),
                _ => seen.moves(),
            }
        }
        assert!(name == "short.h264" || ear.heard().tones > 5, "nothing is heard in its second round");
        drop(source);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_repeated_is_seen_and_heard_to_its_end() {
    let studio = Studio::open().await;
    let ear = studio.listen();
    ear.until_open().await;
    let source = studio.play(studio.placed("second.wav", Repeat::Once), Carries::Audio);
    fares(&source, OPEN, |health| *health == Health::Ended).await;
    // What is on its way to the ear.
    studio.watch(Duration::from_secs(1)).await;
    let tones = ear.heard().tones;
    println!("  {tones} of 50 windows");
    assert!(tones > 45, "{tones} of 50 windows are heard");
    drop(source);

    ear.forget();
    let source = studio.play(studio.placed("short.mkv", Repeat::Once), Carries::Both);
    studio.until(true, OPEN).await;
    let seen = studio.watch(SHORT_IS_OVER).await;
    seen.ends_together(&ear.heard());
    let last = seen.changes.iter().filter_map(|(_, number)| *number).max();
    println!("  up to {last:?} of 119");
    assert!(last > Some(115), "the last picture that is seen is {last:?} of 119");
    fares(&source, OPEN, |health| *health == Health::Ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_picture_stands_for_long_plays_on() {
    let studio = Studio::open().await;
    let source = studio.play(studio.place("still.mkv"), Carries::Video);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    let (mut health, first) = (source.health(), studio.picture.current());
    let trouble = health.wait_for(|health| *health != Health::Playing);
    let trouble = tokio::time::timeout(LOST + STALLED, trouble).await;
    assert!(trouble.is_err(), "{:?}", *source.health().borrow());
    assert!(studio.picture.current() == first, "it stands, and is not covered by the slate");
    // The next is due 15 s after the first.
    studio.until_changed().await;
    assert_eq!(*source.health().borrow(), Health::Playing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_sound_is_heard_and_is_no_picture() {
    let studio = Studio::open().await;
    for name in ["sound.mp3", "sound.wav", "sound.ogg"] {
        println!("{name}");
        let source = studio.play(studio.place(name), Carries::Audio);
        studio.is_live(Carries::Audio).await;
        drop(source);
        let source = studio.play(studio.place(name), Carries::Video);
        let (reason, message) = fails(&source).await;
        assert_eq!(reason, "SourceWrongType");
        assert!(message.contains("no picture"), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_from_the_web_goes_round_even_where_it_cannot_go_back() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    for path in ["files/short.mp4", "files/short.mkv", "plain/short.ts"] {
        println!("{path}");
        let source = studio.play(file(&site.url(path), Repeat::Forever), Carries::Both);
        studio.until(true, OPEN).await;
        let seen = studio.watch(Duration::from_secs(7)).await;
        println!("  {:.1} a second, {:?}, {} blank", seen.rate(), seen.longest(), seen.blanks());
        assert!(seen.rate() > 20.0, "{seen:?}");
        drop(source);
    }
    let once = studio.play(file(&site.url("files/short.mp4"), Repeat::Once), Carries::Both);
    fares(&once, OPEN, |health| *health == Health::Ended).await;
    assert_eq!(studio.number(), None, "a slate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_serves_no_ranges_is_heard_whatever_the_container() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    for name in ["sound.ogg", "sound.mp3", "sound.wav", "short.webm"] {
        println!("{name}");
        let url = site.url(&format!("simple/{name}"));
        for kind in [stream(&url), file(&url, Repeat::Forever)] {
            let source = studio.play(kind, Carries::Audio);
            studio.listen().until_tone().await;
            drop(source);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_played_is_told_by_reason_and_without_its_secrets() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "words.txt",
        b"This is a text and nothing else, and it goes on for a while. ".repeat(50).as_slice(),
    );
    write(
        "noise.bin",
        &(0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>(),
    );
    let trap = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{}/short.ts\n#EXT-X-ENDLIST\n",
        clip::folder().display()
    );
    write("trap.m3u8", trap.as_bytes());
    write("radio.m3u", b"#EXTM3U\n#EXTINF:-1,A radio\nhttp://radio.invalid/live?secret\n");
    write("radio.pls", b"[playlist]\nNumberOfEntries=1\nFile1=http://radio.invalid/live?secret\n");
    site.serves(folder.path().to_owned());
    let secret = |url: String| url.replace("http://", "http://me:secret@") + "?token=secret";
    // Taken, so that nobody listens there meanwhile.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = taken.local_addr().unwrap().port();
    for (url, wanted) in [
        (secret(site.url("files/none.ts")), "SourceNotFound"),
        (format!("http://me:secret@127.0.0.1:{nobody}/x"), "SourceUnreachable"),
        (format!("rtmp://127.0.0.1:{nobody}/live/secret"), "SourceUnreachable"),
        (format!("rtsp://me:secret@127.0.0.1:{nobody}/x"), "SourceUnreachable"),
        (format!("srt://127.0.0.1:{nobody}?streamid=secret"), "SourceUnreachable"),
        ("srt://127.0.0.1:9?mode=listener&passphrase=secretsecret".into(), "SourceForbidden"),
        (site.url("files/words.txt").replace("http:", "https:"), "SourceTlsFailed"),
        ("http://nowhere.invalid/x?secret".into(), "SourceUnreachable"),
        (secret(site.url("files/words.txt")), "SourceWrongType"),
        (secret(site.url("files/noise.bin")), "SourceNotMedia"),
        (secret(site.url("files/trap.m3u8")), "SourceUnauthorized"),
        (secret(site.url("files/radio.m3u")), "SourceWrongType"),
        (secret(site.url("files/radio.pls")), "SourceWrongType"),
        (secret(site.url("live/opus")), "SourceWrongType"),
    ] {
        let source = studio.play(stream(&url), Carries::Video);
        let (reason, message) = fails(&source).await;
        println!("{reason}: {message}");
        assert_eq!(reason, wanted, "{url}: {message}");
        assert!(!message.contains("secret"), "{message}");
        assert!(!url.contains("radio.") || message.contains("give the address that it names"), "{message}");
        assert_eq!(studio.number(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_falls_silent_is_a_slate_and_goes_on_when_it_comes_back() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let source = studio.play(stream(&site.url("live/ts")), Carries::Both);
    studio.until(true, OPEN).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    site.is_in(Mood::Holds);
    fares(&source, OPEN, |health| *health == Health::Stalled).await;
    studio.until(false, NEXT_LOOK).await;
    site.is_in(Mood::Sends);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    studio.until(true, OPEN).await;
    assert_eq!(site.opened(), 1, "the same connection");
    studio.is_live(Carries::Both).await;

    site.is_in(Mood::Holds);
    let (reason, message) = fails(&source).await;
    assert_eq!(reason, "SourceStalled", "{message}");
    site.is_in(Mood::Sends);
    studio.until(true, OPEN).await;
    assert!(site.opened() > 1, "opened again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_sender_that_goes_has_not_come_to_an_end_even_if_it_says_how_long_it_is() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let source = studio.play(stream(&site.url("live/mp4")), Carries::Both);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    studio.watch(Duration::from_secs(2)).await;
    site.is_in(Mood::Refuses);
    let over = |health: &Health| matches!(health, Health::Failed(_) | Health::Ended);
    let Health::Failed(failure) = fares(&source, OPEN, over).await else { panic!("it has ended") };
    assert_eq!(failure.reason, "SourceEnded", "{}", failure.message);
    site.is_in(Mood::Sends);
    studio.until(true, OPEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_changes_its_size_stays_in_the_cameras_picture() {
    let (studio, site) = (Studio::open().await, Site::open().await);
    let folder = tempfile::tempdir().unwrap();
    site.serves(folder.path().to_owned());
    segments::sizes(folder.path());
    let small = Shape { size: Some((640, 360)), frame_rate: None };
    let source = studio.shaped(stream(&site.url("files/sizes.ts")), Carries::Video, small);
    studio.until(true, OPEN).await;
    assert!(studio.luma(10, 360) > 25, "at first a picture up to the sides");
    // Its number is narrower from then on, and not read any more.
    studio.until(false, OPEN).await;
    println!("left {} middle {}", studio.luma(10, 360), studio.luma(640, 360));
    assert!(studio.luma(10, 360) < 20, "borders at the sides, and no slate, which is brighter");
    assert!(studio.luma(640, 700) > 25, "a picture down to the edge");
    for _ in 0..30 {
        studio.until_changed().await;
    }
    assert_eq!(*source.health().borrow(), Health::Playing);
    assert!(studio.luma(10, 360) < 20, "and so it goes on");
}
