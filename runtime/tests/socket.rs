//! Picture and sound that others send over WebSockets, seen at the camera's picture and heard at the microphone, and the
//! same bytes at the feed.

mod set;

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;
use understudy_core::input::{Carries, Health, Protocol};
use understudy_core::spec::{FrameRate, Shape, Source as Kind};
use understudy_runtime::source::Source;

use crate::support::clip;
use crate::support::counts::counts;
use crate::support::studio::{OPEN, fares};
use set::{Set, Socket};

const VIDEO: &str = "socket/video";
const AUDIO: &str = "socket/audio";
const FEED: &str = "feed/socket";
/// What the contract promises for the place of somebody who left.
const FREE: Duration = Duration::from_secs(1);
/// A picture stalls after two seconds; a look and a loaded machine are added.
const STALL: Duration = Duration::from_secs(6);
/// What is shown without another frame that follows it is shown by then, however slow the machine.
const ALONE: Duration = Duration::from_millis(500);
const PACKET: usize = 188;
/// What twenty bad turns may leave behind: allocators keep what they were lent once. Of noise alone they bring 60 MB.
const RESIDUE: usize = 40 << 20;

/// What is encoded, and how.
const CODECS: [(&str, &str); 3] = [
    ("mpeg1", "avdec_h264 ! mpeg2enc format=0 bitrate=8000 bufsize=1000 constraints=false ! mpegvideoparse"),
    ("mpeg2", "avdec_h264 ! mpeg2enc format=3 bitrate=8000 bufsize=1000 constraints=false ! mpegvideoparse"),
    ("h264", "identity"),
];
const FRAME: Duration = Duration::from_nanos(33_333_333);

static FILES: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory must be free");
    let film = folder.path().join("two_seconds.mkv");
    understudy_runtime::test_picture::write(&film, Duration::from_secs(2))
        .expect("the test picture must be written; scripts/packages install build image");
    let from = film.display().to_string();
    for (name, codec) in CODECS {
        let to = folder.path().join(format!("{name}.ts")).display().to_string();
        clip::finish(&format!(
            "filesrc location={from} ! matroskademux name=d d.video_0 ! queue ! h264parse ! {codec} ! \
             mpegtsmux ! filesink location={to}"
        ));
    }
    folder
});

static NOISE: LazyLock<Bytes> = LazyLock::new(|| {
    let bytes = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
    bytes.collect()
});

fn ts(name: &str) -> Bytes {
    std::fs::read(FILES.path().join(format!("{name}.ts"))).expect("it must have been made").into()
}

fn mp3() -> Bytes {
    std::fs::read(clip::folder().join("sound.mp3")).expect("it must have been made").into()
}

/// One frame of the transport stream each: packets from one that begins a picture to the next.
fn frames(stream: &Bytes) -> Vec<Bytes> {
    let id = |at: usize| u16::from(stream[at + 1] & 0x1f) << 8 | u16::from(stream[at + 2]);
    let begins = |at: usize| {
        stream[at + 1] & 0x40 != 0
            && id(at) >= 0x20
            && stream[at + 4..][..PACKET - 4].windows(4).any(|bytes| bytes == [0, 0, 1, 0xe0])
    };
    let mut starts: Vec<_> = (0..stream.len()).step_by(PACKET).filter(|at| begins(*at)).collect();
    starts[0] = 0;
    starts.push(stream.len());
    starts.windows(2).map(|pair| stream.slice(pair[0]..pair[1])).collect()
}

fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux must say");
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("it must be a number") * 4096
}

#[tokio::test(flavor = "multi_thread")]
async fn each_codec_is_seen_live_and_mp3_is_heard() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    fares(&source, OPEN, |health| *health == Health::Waiting).await;
    for (name, _) in CODECS {
        println!("{name}");
        let sender = set.live(VIDEO, frames(&ts(name)), FRAME).await;
        set.studio.is_live(Carries::Video).await;
        fares(&source, OPEN, |health| *health == Health::Playing).await;
        sender.abort();
        set.studio.until(false, STALL).await;
        fares(&source, OPEN, |health| *health == Health::Waiting).await;
    }
    drop(source);
    println!("mp3");
    let source = set.play(Carries::Audio);
    let sound = mp3();
    // 128 kbit/s.
    let pieces = (0..sound.len()).step_by(1600).map(|at| sound.slice(at..sound.len().min(at + 1600)));
    let _sender = set.live(AUDIO, pieces.collect(), Duration::from_millis(100)).await;
    set.studio.is_live(Carries::Audio).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_any_size_are_played_at_their_own_rate() {
    let set = Set::open().await;
    let _source = set.play(Carries::Video);
    let once = ts("h264");
    let ten_megabytes = Bytes::from(once.repeat((10 << 20) / once.len() + 1)).slice(..10 << 20);
    for (length, bytes) in
        [(1, once.clone()), (188, once.clone()), (64 << 10, once), (10 << 20, ten_megabytes)]
    {
        println!("messages of {length} bytes");
        let sender = set.pour(VIDEO, bytes, length).await;
        set.studio.until(true, OPEN).await;
        let seen = set.studio.watch(Duration::from_secs(5)).await;
        println!("  {:.1} pictures a second, at most {:?} apart", seen.rate(), seen.longest());
        assert!((24.0..32.0).contains(&seen.rate()), "{:.1} a second", seen.rate());
        // What it leaves behind is put aside by the next one.
        sender.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_too_fast_is_held_back_and_memory_stays_flat() {
    let set = Set::open().await;
    let _picture = set.play(Carries::Video);
    set.studio.ingest().expect(Some(Protocol::Socket), Some(Protocol::Socket));
    let _sound = set.studio.play(Kind::Socket, Carries::Audio);
    let _video = set.pour(VIDEO, ts("mpeg1"), 64 << 10).await;
    let _audio = set.pour(AUDIO, mp3(), 64 << 10).await;
    set.studio.is_live(Carries::Video).await;
    let before = resident_bytes();
    let seen = set.studio.watch(Duration::from_secs(15)).await;
    let grown = resident_bytes().saturating_sub(before);
    println!("  {:.1} pictures a second, {} KiB more after 15 s", seen.rate(), grown >> 10);
    assert!((24.0..32.0).contains(&seen.rate()), "{:.1} a second", seen.rate());
    assert!(grown < 16 << 20, "{grown} bytes more");
    let pictures = counts(&set.studio.metrics, "socket", "video");
    println!("  {pictures:?}");
    // The first of those seen was there before.
    pictures.reach(seen.changes.len() as f64 - 1.0);
    pictures.are_measured();
    set.studio.is_live(Carries::Audio).await;
    // Frames of 24 ms, for at least the four seconds that were listened to; some are left to a loaded machine.
    counts(&set.studio.metrics, "socket", "audio").reach(100.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_the_plan_does_not_take_arrive_and_are_dropped() {
    let set = Set::open().await;
    let slow = Shape { size: None, frame_rate: Some(FrameRate::parse("frameRate", 10).unwrap()) };
    let _source = set.shaped(Carries::Video, slow);
    let _sender = set.pour(VIDEO, ts("h264"), 64 << 10).await;
    set.studio.until(true, OPEN).await;
    let seen = set.studio.watch(Duration::from_secs(3)).await;
    let pictures = counts(&set.studio.metrics, "socket", "video");
    println!("  {:.1} pictures a second, {pictures:?}", seen.rate());
    pictures.reach(seen.changes.len() as f64 - 1.0);
    pictures.add_up();
    // Of thirty a second ten are taken, and five more in the beginning.
    assert!(pictures.dropped > pictures.arrived / 3.0, "{pictures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_for_one_and_free_within_a_second_even_of_one_who_was_held_back() {
    let set = Set::open().await;
    assert_eq!(set.refused(VIDEO, None).await, (409, "socket ingest not configured".into()));
    let _source = set.play(Carries::Video);
    assert_eq!(set.refused(AUDIO, None).await, (409, "socket ingest not configured".into()));
    // Who may send is judged before, by tokens; behind a proxy that names the host anew, a page's own origin is no reason.
    let page = Some("https://stage.example".to_owned());
    let mut first = set.connect(VIDEO, page).await.expect("a page may");
    tokio::select! {
        // It answers pings by that.
        () = (&mut first).for_each(|_| async {}) => panic!("it was sent away"),
        refused = set.refused(VIDEO, None) => assert_eq!(refused, (409, "socket ingest already connected".into())),
    }
    first.close(None).await.expect("it must close");
    drop(set.next_sender(VIDEO).await);

    let fast = set.pour(VIDEO, ts("h264"), 64 << 10).await;
    set.studio.is_live(Carries::Video).await;
    assert_eq!(set.refused(VIDEO, None).await, (409, "socket ingest already connected".into()));
    fast.abort();
    let start = Instant::now();
    let _next = set.next_sender(VIDEO).await;
    println!("  free after {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_bad_turns_end_nothing_and_leave_a_moving_picture_and_no_memory() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let mut held = Vec::new();
    for turn in 0..30 {
        let mut socket = set.next_sender(VIDEO).await;
        for message in bad_turn(turn) {
            socket.send(message).await.expect("it must be taken");
        }
        if turn % 2 == 0 {
            socket.close(None).await.expect("it must close");
        }
        drop(socket);
        if turn % 10 == 9 {
            held.push(resident_bytes_of_a_moving_picture(&set, &source).await);
        }
    }
    println!("  {:?} MiB after each ten", held.iter().map(|bytes| bytes >> 20).collect::<Vec<_>>());
    assert!(held[2] < held[0] + RESIDUE, "{held:?} bytes");
}

/// What somebody sends who does not know better.
fn bad_turn(turn: usize) -> Vec<Message> {
    let whole = ts(CODECS[turn % 3].0);
    let torn = whole.len() / 3 + turn * 100;
    let mut messages = vec![Message::text("not a picture"), Message::Binary(Bytes::new())];
    match turn % 5 {
        0 => messages.push(Message::Binary(NOISE.clone())),
        1 => messages.push(Message::Binary(whole.slice(..torn))),
        2 => messages
            .extend([whole.slice(..torn), NOISE.slice(..5000), whole.slice(torn..)].map(Message::Binary)),
        3 => {
            let small = std::fs::read(clip::folder().join("half.ts")).expect("it must have been made");
            messages.extend([whole.slice(..torn), small.into()].map(Message::Binary));
        }
        _ => messages.push(Message::Binary(Bytes::from(NOISE.repeat(4)))),
    }
    messages
}

/// What is held while the next one sends as they should, and is seen.
async fn resident_bytes_of_a_moving_picture(set: &Set, source: &Source) -> usize {
    // What the one before left behind is over.
    set.studio.until(false, STALL).await;
    let sender = set.live(VIDEO, frames(&ts("h264")), FRAME).await;
    set.studio.is_live(Carries::Video).await;
    fares(source, OPEN, |health| *health == Health::Playing).await;
    let held = resident_bytes();
    sender.abort();
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_and_a_change_of_size_goes_on() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let page = set.pour(VIDEO, Bytes::from("<html>not found</html>".repeat(500)), 1000).await;
    let health = fares(&source, OPEN, |health| matches!(health, Health::Failed(_))).await;
    assert!(matches!(health, Health::Failed(failure) if failure.reason == "NotMpegTs"));
    page.abort();
    let both = [ts("h264"), std::fs::read(clip::folder().join("half.ts")).unwrap().into()].concat();
    let _sender = set.pour(VIDEO, both.into(), 64 << 10).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    set.studio.is_live(Carries::Video).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_falls_silent_leaves_the_slate_until_more_comes() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let mut socket = set.sender(VIDEO).await;
    let whole = ts("h264");
    socket.send(Message::Binary(whole.slice(..whole.len() / 2))).await.unwrap();
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    fares(&source, OPEN, |health| *health == Health::Stalled).await;
    assert_eq!(set.studio.number(), None);
    socket.send(Message::Binary(whole.slice(whole.len() / 2..))).await.unwrap();
    set.studio.until(true, STALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_shows_each_message_as_it_came_and_nothing_while_no_source_plays() {
    let set = Set::open().await;
    let info = format!("http://{}/input/devices/virtual/feed/socket/info", set.http);
    let info = async || {
        let answer = reqwest::get(&info).await.expect("HTTP must work");
        (answer.status().as_u16(), answer.text().await.expect("it must be text"))
    };
    assert_eq!(info().await, (409, r#"{"message":"virtual video ingest not active"}"#.into()));
    let mut viewer = set.connect(FEED, None).await.expect("it is open even when idle");
    let mut lazy = set.connect(FEED, None).await.expect("for many");
    let source = set.play(Carries::Video);
    let expected = r#"{"format":"mpegts","url":"/input/devices/virtual/feed/socket"}"#;
    assert_eq!(info().await, (200, expected.into()));
    fares(&source, OPEN, |health| *health == Health::Waiting).await;

    let mut sender = set.sender(VIDEO).await;
    let message: Bytes = ts("mpeg1").slice(..32 << 10);
    sender.send(Message::Binary(message.clone())).await.unwrap();
    let next = async |viewer: &mut Socket| {
        tokio::time::timeout(OPEN, viewer.next()).await.expect("it must come").expect("it must hold").unwrap()
    };
    assert_eq!(next(&mut viewer).await, Message::Binary(message), "and no word before it");

    // One who reads nothing costs nobody else anything: 64 MB are more than its connection holds.
    drop(source);
    sender.send(Message::Binary(ts("mpeg1").slice(..1000))).await.unwrap();
    is_heard(&mut sender).await;
    let source = set.play(Carries::Video);
    fares(&source, OPEN, |health| *health == Health::Waiting).await;
    let noise = Bytes::from(vec![0xaa; 1 << 20]);
    for _ in 0..64 {
        sender.send(Message::Binary(noise.clone())).await.unwrap();
        for _ in 0..16 {
            assert_eq!(next(&mut viewer).await.len(), 64 << 10, "nothing of what came while nothing played");
        }
    }
    let mut taken = 0;
    let end = loop {
        match tokio::time::timeout(OPEN, lazy.next()).await.expect("it must end") {
            Some(Ok(Message::Binary(data))) => taken += data.len(),
            other => break other,
        }
    };
    println!("  the lazy one took {} MiB, then {end:?}", taken >> 20);
    assert!(taken < 64 << 20);

    set.studio.feed().reset();
    let Message::Close(Some(frame)) = next(&mut viewer).await else { panic!("it must be closed") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1000, "feed reset"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_not_expected_any_more_is_told_so() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let mut sender = set.sender(VIDEO).await;
    drop(source);
    set.studio.ingest().expect(None, None);
    let last = tokio::time::timeout(OPEN, sender.next()).await.expect("it must be told");
    let Some(Ok(Message::Close(Some(frame)))) = last else { panic!("it must be closed: {last:?}") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1000, "feed reset"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_shown_after_its_last_byte_and_before_the_next_is_sent() {
    let set = Set::open().await;
    let _source = set.play(Carries::Video);
    for (name, _) in CODECS {
        let frames = frames(&ts(name));
        let count = frames.len();
        assert!((55..=60).contains(&count), "two seconds, as they were encoded: {count}");
        let mut socket = set.sender(VIDEO).await;
        let mut clock = tokio::time::interval(FRAME);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut late = Vec::new();
        for (number, frame) in frames.into_iter().enumerate() {
            clock.tick().await;
            socket.send(Message::Binary(frame)).await.expect("it must be taken");
            let sent = Instant::now();
            let shown = async {
                while set.studio.number().is_none_or(|shown| shown as usize % count != number) {
                    tokio::time::sleep(Duration::from_micros(300)).await;
                }
            };
            // Until then nothing follows it.
            if tokio::time::timeout(ALONE, shown).await.is_ok() {
                late.push((number, sent.elapsed()));
            }
        }
        // The first half second is the decoder's to start.
        let mut late: Vec<_> = late.into_iter().filter(|(n, _)| *n >= 15).map(|(_, late)| late).collect();
        late.sort_unstable();
        let alone = (late.len(), count - 15);
        assert!(alone.0 * 10 >= alone.1 * 9, "{name}: {alone:?} were shown before the next was sent");
        let (p50, p95) = (late[late.len() / 2], late[late.len() * 95 / 100]);
        println!("  {name}: p50 {p50:.1?}, p95 {p95:.1?} of {} frames", late.len());
        drop(socket);
        set.studio.until(false, STALL).await;
    }
}

/// What was sent before a ping has been taken when its answer comes (RFC 6455 §5.5.3).
async fn is_heard(sender: &mut Socket) {
    sender.send(Message::Ping(Bytes::new())).await.expect("it must be taken");
    let answered = async { while !matches!(sender.next().await, Some(Ok(Message::Pong(_))) | None) {} };
    tokio::time::timeout(OPEN, answered).await.expect("a ping must be answered");
}
