//! Picture and sound that others send over WebRTC: another stack and a real browser, seen at the camera's picture and
//! heard at the microphone, over networks of every kind.

mod reports;
mod whip;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::input::watch::OPENING;
use understudy_core::input::{Carries, Health, Protocol};
use understudy_core::ivf;
use understudy_core::spec::Source as Kind;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::publish::{self, Publish};
use understudy_e2e::wait;
use understudy_runtime::feed::{Format, Item};
use understudy_runtime::source::Source;
use understudy_runtime::{api, rtc};

use crate::support::clip;
use crate::support::counts::counts;
use crate::support::studio::{OPEN, Studio, WHILE, fares};

const PAGE: &str = include_str!("fixtures/sender.html");
const OFFER: &str = include_str!("fixtures/chromium_offer.sdp");
/// Whoever says nothing any more is gone after 15 s.
const SILENCE: Duration = Duration::from_secs(25);
/// A picture stalls after two seconds; a look and a loaded machine are added.
const STALL: Duration = Duration::from_secs(6);

/// A studio with a door for senders.
struct Set {
    studio: Studio,
    http: SocketAddr,
    metrics: rtc::Metrics,
    _shutdown: DropGuard,
}

impl Set {
    async fn open() -> Self {
        let studio = Studio::open().await;
        let shutdown = CancellationToken::new();
        let config = rtc::Config {
            bind: (Ipv4Addr::UNSPECIFIED, 0).into(),
            tcp: rtc::TcpPort::Port(0),
            announce: vec![Ipv4Addr::LOCALHOST.into()],
            max_viewers: 1,
            loops: rtc::loops_here(),
        };
        let metrics = rtc::Metrics::default();
        let transport = rtc::spawn(&config, metrics.clone(), shutdown.clone()).expect("the socket must bind");
        let app = api::offer::router(studio.ingest(), transport.clone())
            .route("/", get(|| async { Html(PAGE) }))
            .merge(whip::guarded(api::whip::router(studio.ingest(), transport)));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let http = listener.local_addr().expect("a listener must have an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { studio, http, metrics, _shutdown: shutdown.drop_guard() }
    }

    /// Expects both kinds, and plays what comes of them.
    fn play(&self, carries: Carries) -> Source {
        self.expect(carries);
        self.studio.play(Kind::WebRtc, carries)
    }

    fn expect(&self, carries: Carries) {
        let webrtc = |wanted: bool| wanted.then_some(Protocol::WebRtc);
        self.studio.ingest().expect(webrtc(carries.video()), webrtc(carries.audio()));
    }

    fn url(&self) -> String {
        format!("http://{}/input/devices/virtual/webrtc/offer", self.http)
    }

    fn publish(&self, codec: &'static str, arguments: &[&'static str]) -> tokio::process::Child {
        Publish::new(self.url(), codec, arguments).start()
    }

    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        let response = reqwest::Client::new().post(self.url()).body(body).send().await;
        let response = response.expect("HTTP must work");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a body must be text"))
    }

    /// Something like a moving picture: on a bad network it may stumble.
    async fn stays_live(&self, least: f64) {
        self.stays_live_for(Duration::from_secs(6), least).await;
    }

    async fn stays_live_for(&self, time: Duration, least: f64) {
        let seen = self.studio.watch(time).await;
        println!("  {:.1} pictures a second, at most {:?} apart", seen.rate(), seen.longest());
        assert!(seen.rate() > least, "{:.1} a second", seen.rate());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_is_seen_and_heard_in_vp8_and_in_h264() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    fares(&source, OPEN, |health| *health == Health::Waiting).await;
    for codec in ["VP8", "H264"] {
        println!("{codec}");
        let sender = set.publish(codec, &[]);
        set.studio.is_live(Carries::Both).await;
        fares(&source, OPEN, |health| *health == Health::Playing).await;
        drop(sender);
        // What is seen of the next is to be its own.
        set.studio.until(false, OPEN).await;
    }
    let count = |kind| counts(&set.studio.metrics, "webrtc", kind);
    let (pictures, sound) = (count("video"), count("audio"));
    println!("  {pictures:?}, {sound:?}");
    // Of each codec as many as make a moving picture, and half of the pieces of sound, of 20 ms.
    pictures.reach(2.0 * 24.0 * WHILE.as_secs_f64());
    pictures.are_measured();
    sound.reach(2.0 * 25.0 * WHILE.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_of_the_manual_works_as_it_is() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("send.py");
    let film = clip::folder().join("long.mkv");
    let text = include_str!("fixtures/examples/send.py")
        .replace("localhost:444", &set.http.to_string())
        .replace("video.mp4", &film.display().to_string());
    std::fs::write(&script, text).unwrap();
    let _sender = publish::script(&script, &[]);
    set.studio.is_live(Carries::Both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_a_peer_never_sends_is_told_and_the_other_goes_on() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    let _sender = set.publish("VP8", &["--kinds", "video"]);
    set.studio.is_live(Carries::Video).await;
    let names_it = |health: &Health| {
        // Before that it is said neither to play nor to be expected.
        assert!(!matches!(health, Health::Playing | Health::Waiting), "{health:?}");
        matches!(health, Health::Partial(why) if why.message == "the peer's sound does not come")
    };
    fares(&source, OPENING + OPEN, names_it).await;
    set.stays_live(20.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_seen_and_heard_in_each_of_its_codecs() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    let chromium = Chromium::launch().await;
    for codec in ["VP8", "VP9", "H264"] {
        println!("{codec}");
        let page = chromium.open(&format!("http://{}/?codec={codec}", set.http)).await;
        browser::becomes_true(&page, "understudy.state === 'connected'").await;
        browser::becomes_true(&page, "understudy.answer.includes('a=recvonly')").await;
        set.studio.until(true, OPEN).await;
        set.stays_live(18.0).await;
        let ear = set.studio.listen();
        ear.until_tone().await;
        page.load("about:blank").await.expect("the page must leave");
        set.studio.until(false, OPEN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_udp_does_not_reach_is_seen_and_heard_over_tcp() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/?codec=VP8&tcp", set.http)).await;
    browser::becomes_true(&page, "understudy.state === 'connected'").await;
    browser::becomes_true(
        &page,
        "!understudy.answer.includes(' udp ') && understudy.answer.includes(' tcp ')",
    )
    .await;
    set.studio.until(true, OPEN).await;
    set.stays_live(18.0).await;
    set.studio.listen().until_tone().await;
    page.load("about:blank").await.expect("the page must leave");
    set.studio.until(false, OPEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_sender_replaces_the_one_before_whatever_it_sends() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let _first = set.publish("VP8", &[]);
    set.studio.until(true, OPEN).await;
    let _second = set.publish("H264", &["--kinds", "video"]);
    wait::until(OPEN, || async {
        let counts = [set.count("understudy_rtc_publishers_joined_total"), set.publishers()];
        if counts == [2.0, 1.0] { Ok(()) } else { Err(format!("{counts:?} joined and left over")) }
    })
    .await;
    set.studio.until(true, OPEN).await;
    set.stays_live(24.0).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_and_late_packets_cost_little() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    for codec in ["VP8", "H264"] {
        println!("{codec}: 10 % lost, 5 % late");
        let _sender = set.publish(codec, &["--drop", "0.1", "--shuffle", "0.05"]);
        set.studio.until(true, OPEN).await;
        // Which are lost is chance: over six seconds it is one of four runs that is unlucky.
        set.stays_live_for(Duration::from_secs(15), 20.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_that_make_no_sense_end_nothing() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    // A picture in H.264 of which a packet is spoilt is not shown, and neither is what follows a keyframe that is.
    for (codec, spoilt) in [("VP8", "0.05"), ("H264", "0.005")] {
        println!("{codec}: {spoilt} spoilt, one in ten of nobody");
        let _sender = set.publish(codec, &["--spoil", spoilt, "--noise", "0.1"]);
        set.studio.until(true, OPEN).await;
        set.stays_live(2.0).await;
    }
    let _sender = set.publish("VP8", &[]);
    set.studio.is_live(Carries::Both).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_changes_its_size_goes_on() {
    let set = Set::open().await;
    let _source = set.play(Carries::Video);
    for codec in ["VP8", "H264"] {
        let _sender = set.publish(codec, &["--resize", "4"]);
        set.studio.until(true, OPEN).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        set.studio.until(true, OPEN).await;
        set.stays_live(24.0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_falls_silent_leaves_the_slate_until_it_sends_again_or_is_gone() {
    let set = Set::open().await;
    let source = set.play(Carries::Video);
    let mut sender = set.publish("VP8", &["--hush", "4:5"]);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    fares(&source, OPEN, |health| *health == Health::Stalled).await;
    assert_eq!(set.studio.number(), None);
    fares(&source, STALL * 2, |health| *health == Health::Playing).await;
    set.studio.until(true, STALL).await;
    sender.kill().await.expect("the sender must die");
    set.studio.until(false, STALL).await;
    fares(&source, SILENCE, |health| *health == Health::Waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_while_no_source_plays_and_the_sender_stays() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    let _sender = set.publish("VP8", &[]);
    set.studio.until(true, OPEN).await;
    drop(source);
    set.studio.until(false, STALL).await;
    let seen = set.studio.watch(Duration::from_secs(2)).await;
    assert_eq!(seen.changes.iter().filter(|(_, number)| number.is_some()).count(), 0);
    let _source = set.play(Carries::Both);
    println!("  back after {:?}", set.studio.until(true, OPEN).await);
    set.studio.is_live(Carries::Both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_kind_that_is_not_expected_nothing_is_taken() {
    let set = Set::open().await;
    let _source = set.play(Carries::Audio);
    let _sender = set.publish("VP8", &[]);
    set.studio.is_live(Carries::Audio).await;
    assert_eq!(set.studio.number(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_not_expected_any_more_is_sent_away() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    let mut sender = set.publish("VP8", &[]);
    set.studio.until(true, OPEN).await;
    let mut peer = set.studio.ingest().peer.attach(Carries::Audio).peer();
    drop(source);
    set.studio.ingest().expect(None, None);
    let gone = tokio::time::timeout(STALL, peer.wait_for(Option::is_none)).await;
    assert!(gone.is_ok(), "the peer is still there");
    sender.kill().await.expect("the sender must die");
    assert_eq!(set.post(json!({"sdp": OFFER}).to_string()).await.0, 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn sections_that_are_not_received_do_not_disturb() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    let _sender = set.publish("VP8", &["--data", "--second"]);
    set.studio.is_live(Carries::Both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_gets_whole_frames_and_a_keyframe_for_each_newcomer() {
    let set = Set::open().await;
    let _source = set.play(Carries::Video);
    let _sender = set.publish("VP8", &["--kinds", "video"]);
    set.studio.until(true, OPEN).await;
    for _ in 0..2 {
        let mut viewer = set.studio.feed().subscribe();
        let mut next = async || tokio::time::timeout(OPEN, viewer.next()).await.unwrap().unwrap();
        assert_eq!(next().await, Item::Format("ivf"));
        let Item::Data(header) = next().await else { panic!("a header must follow") };
        let expected = ivf::Header { fourcc: *b"VP80", width: 1280, height: 720 };
        assert_eq!(header.as_ref(), expected.to_bytes());
        // At 30 a second: a keyframe within a second, where aiortc makes one each 100 s of its own accord.
        let mut keyframes = 0;
        for _ in 0..30 {
            let Item::Data(frame) = next().await else { panic!("a frame must follow") };
            let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
            assert_eq!(length, frame.len() - ivf::FRAME_HEADER_BYTES);
            // RFC 6386 §9.1: the lowest bit is 0 in a keyframe.
            keyframes += usize::from(frame[ivf::FRAME_HEADER_BYTES] & 1 == 0);
        }
        assert!(keyframes >= 1);
    }
    assert!(matches!(set.studio.feed().format(), Some(Format::Ivf { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_that_is_none_is_refused_in_words() {
    let set = Set::open().await;
    let message = |(_, body): &(u16, String)| serde_json::from_str::<Value>(body).unwrap_or_default();
    let sends = json!({"sdp": OFFER.replace("a=recvonly", "a=sendonly")}).to_string();
    let refused = set.post(sends.clone()).await;
    assert_eq!(refused.0, 409);
    assert_eq!(message(&refused), json!({"message": "virtual input not configured for webrtc ingest"}));

    set.expect(Carries::Both);
    let accepted = set.post(sends).await;
    assert_eq!(accepted.0, 200, "{}", accepted.1);
    assert!(message(&accepted)["sdp"].as_str().is_some_and(|sdp| sdp.contains("a=recvonly")), "{accepted:?}");
    assert_eq!(message(&accepted).as_object().map(serde_json::Map::len), Some(1));

    for body in ["{}", r#"{"sdp":""}"#] {
        let refused = set.post(body).await;
        assert_eq!((refused.0, message(&refused)), (400, json!({"message": "sdp is required"})));
    }
    let refused = set.post("v=0").await;
    assert!(refused.0 == 400 && refused.1.starts_with("can't decode JSON body"), "{refused:?}");
    for (offer, word) in [("nonsense".to_owned(), "line 1"), (OFFER.to_owned(), "sendonly")] {
        let refused = set.post(json!({"type": "offer", "sdp": offer}).to_string()).await;
        assert_eq!(refused.0, 500);
        let body = message(&refused);
        assert_eq!(body["message"], "failed to negotiate webrtc ingest");
        assert!(body["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{body}");
    }
}
