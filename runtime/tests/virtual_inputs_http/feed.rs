//! The feed page in a real browser: what it waits for, what it plays, and what it says of what it cannot.

use std::path::Path;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use gstreamer as gst;
use serde_json::json;
use tempfile::TempDir;
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::publish::Publish;
use understudy_e2e::wait;

use super::{MIRROR_ALONE, knock, post, steered};
use crate::support::clip;
use crate::support::sender::{Format, Sender};
use crate::support::server::{Server, ok};
use crate::support::session::Session;

const FEED: &str = "/input/devices/virtual/feed";

/// A picture and a tone that go on, for the muxer `m`.
const LIVE: &str = "videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! \
    x264enc tune=zerolatency key-int-max=25 speed-preset=ultrafast ! h264parse ! m.video \
    audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! m.audio";

/// Two pieces of a second, encoded on a machine that does more than this.
const LISTED: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_waits_for_a_source_and_then_for_its_picture() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/input/devices/virtual/feed?fit=contain")).await;
    let says = |text: &str| format!("document.body.innerText.includes('{text}')");
    browser::becomes_true(&page, &says("No virtual video feed is configured yet.")).await;
    browser::photograph(&page, "feed-none.png").await;
    steered(&session, "configure", &json!({"video": {"type": "stream", "url": "rtmp://127.0.0.1:9/live/a"}}))
        .await;
    browser::becomes_true(&page, &says("A browser cannot play rtmp addresses.")).await;
    browser::photograph(&page, "feed-rtmp.png").await;
    assert_eq!(page.evaluate("document.title").await.unwrap(), "Virtual Input Feed");
}

async fn plays(format: Format, configured: &str, player: &str) {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    steered(&session, "configure", &json!({"video": {"type": configured}})).await;
    let sender = Sender::start(format).await;
    let chromium = Chromium::launch().await;
    let feed = format!("/input/devices/virtual/feed?fit=contain&source={}", sender.url());
    let page = chromium.open(&session.url(&feed)).await;
    let playing = format!(
        "understudy.state === 'playing' && understudy.player === '{player}' && understudy.frames > 50"
    );
    browser::becomes_true(&page, &playing).await;
    let fit = "getComputedStyle(document.querySelector('#stage > *')).objectFit";
    assert_eq!(page.evaluate(fit).await.unwrap(), "contain");
    browser::photograph(&page, &format!("feed-{player}.png")).await;
    drop(sender);
    browser::becomes_true(&page, "understudy.state !== 'playing'").await;
}

/// Sends what one socket says to another, until it is dropped.
struct Relay(tokio::task::JoinHandle<()>);

impl Relay {
    async fn start(from: &Sender, session: &Session) -> Self {
        let (mut from, _) = tokio_tungstenite::connect_async(from.url()).await.unwrap();
        let (mut to, _) = knock(session, "video").await.unwrap();
        Self(tokio::spawn(async move {
            while let Some(Ok(message)) = from.next().await {
                // Whoever does not want it any more has said so.
                if to.send(message).await.is_err() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_shows_what_is_sent_to_the_session_and_nothing_that_was() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    steered(&session, "configure", &json!({"video": {"type": "socket"}})).await;
    let sender = Sender::start(Format::Mpeg1InTs).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/input/devices/virtual/feed")).await;
    let says = |text: &str| format!("document.body.innerText.includes('{text}')");
    browser::becomes_true(&page, &says("Loading virtual feed…")).await;
    let relay = Relay::start(&sender, &session).await;
    browser::becomes_true(&page, "understudy.state === 'playing' && understudy.frames > 50").await;
    drop(relay);
    browser::becomes_true(&page, &says("Loading virtual feed…")).await;
    page.load(&session.url("/input/devices/virtual/feed?again")).await.unwrap();
    browser::becomes_true(&page, &says("Loading virtual feed…")).await;
    assert_eq!(page.evaluate("understudy.frames").await.unwrap(), 0, "nothing is kept");
    let _relay = Relay::start(&sender, &session).await;
    browser::becomes_true(&page, "understudy.state === 'playing'").await;
    post(&session, "stop", "").await;
    browser::becomes_true(&page, &says("Feed disconnected. Reconnecting…")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_plays_mpeg_1_in_a_transport_stream() {
    plays(Format::Mpeg1InTs, "socket", "playTransportStream").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_says_that_mpeg_2_is_for_the_camera_alone() {
    let session = Session::start("{}");
    session.until_reason("PageReady", "NotWanted").await;
    steered(&session, "configure", &json!({"video": {"type": "socket"}})).await;
    let sender = Sender::start(Format::Mpeg2InTs).await;
    let chromium = Chromium::launch().await;
    let feed = format!("/input/devices/virtual/feed?source={}", sender.url());
    let page = chromium.open(&session.url(&feed)).await;
    let says = "document.body.innerText.includes('This feed is MPEG-2 video')";
    browser::becomes_true(&page, &format!("understudy.state === 'stopped' && {says}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_plays_h_264_in_a_transport_stream() {
    plays(Format::H264InTs, "socket", "playWithMediaSource").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_plays_vp8_in_ivf() {
    plays(Format::Vp8InIvf, "webrtc", "playIvf").await;
}

/// What lies in a folder, for pages of other sites, too: a player in a page asks for that.
async fn site(folder: &Path) -> Server {
    let folder = folder.to_owned();
    Server::start(move |path| {
        let kind = match path.rsplit('.').next() {
            Some("m3u8") => "application/vnd.apple.mpegurl",
            Some("ts") => "video/mp2t",
            _ => "video/mp4",
        };
        match std::fs::read(folder.join(path.trim_start_matches('/'))) {
            Ok(bytes) => ok(&format!("{kind}\r\nAccess-Control-Allow-Origin: *"), bytes),
            Err(_) => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        }
    })
    .await
}

/// A live stream over HLS, at `/list.m3u8` of its site.
struct Station {
    site: Server,
    _sender: clip::Sender,
    _folder: TempDir,
}

impl Station {
    async fn on_air() -> Self {
        gst::init().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let sender = clip::Sender::start(&format!(
            "hlssink2 name=m target-duration=1 playlist-length=5 max-files=10 location={at}/%05d.ts \
             playlist-location={at}/list.m3u8 {LIVE}"
        ));
        let list = folder.path().join("list.m3u8");
        wait::until(LISTED, || async {
            let pieces = std::fs::read_to_string(&list).unwrap_or_default().matches(".ts").count();
            (pieces >= 2).then_some(()).ok_or_else(|| format!("{pieces} pieces are listed"))
        })
        .await;
        Self { site: site(folder.path()).await, _sender: sender, _folder: folder }
    }
}

/// A session without a page whose camera shall show this, and the feed page of it.
async fn feed_of(session: &Session, chromium: &Chromium, kind: &str, url: &str) -> Page {
    session.until_reason("PageReady", "NotWanted").await;
    steered(session, "configure", &json!({"video": {"type": kind, "url": url}})).await;
    chromium.open(&session.url(FEED)).await
}

/// Waits until an element of the page has shown so many pictures of this width.
async fn shows(page: &Page, frames: u32, width: u32) {
    let playing = "understudy.player === 'playUrl' && understudy.state === 'playing'";
    browser::becomes_true(page, &format!("{playing} && understudy.frames > {frames}")).await;
    let video = "document.querySelector('video')";
    let moves = format!("{video}.videoWidth === {width} && {video}.currentTime > 1 && !{video}.paused");
    browser::becomes_true(page, &moves).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_follows_a_live_stream_over_hls() {
    let (station, session) = (Station::on_air().await, Session::start("{}"));
    let chromium = Chromium::launch().await;
    let page = feed_of(&session, &chromium, "stream", &station.site.url("/list.m3u8")).await;
    // Six seconds: more than was ever listed at once.
    shows(&page, 150, 640).await;
    let ours = page.evaluate("window.Hls !== undefined").await.unwrap();
    assert_eq!(ours, true, "what Chromium has of its own for HLS is not relied on");
    browser::photograph(&page, "feed-hls.png").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_plays_a_file_of_another_site() {
    let (folder, session) = (tempfile::tempdir().unwrap(), Session::start("{}"));
    gst::init().unwrap();
    clip::finish(&format!(
        "filesrc location={} ! matroskademux name=d d.video_0 ! queue ! h264parse ! mp4mux faststart=true ! \
         filesink location={}/film.mp4",
        session.clip().display(),
        folder.path().display()
    ));
    let site = site(folder.path()).await;
    let chromium = Chromium::launch().await;
    let page = feed_of(&session, &chromium, "file", &site.url("/film.mp4")).await;
    shows(&page, 50, 1280).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_page_shows_what_a_peer_sends_in_vp8_and_in_h_264() {
    let session = Session::start(MIRROR_ALONE);
    session.until_reason("PageReady", "Loaded").await;
    steered(&session, "configure", &json!({"video": {"type": "webrtc"}})).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url(FEED)).await;
    for codec in ["VP8", "H264"] {
        let door = session.url("/input/devices/virtual/webrtc/offer");
        let peer = Publish::new(door, codec, &["--kinds", "video"]).start();
        let playing = "understudy.player === 'playIvf' && understudy.state === 'playing'";
        browser::becomes_true(&page, &format!("{playing} && understudy.frames > 50")).await;
        let size = "(({ width, height }) => [width, height])(document.querySelector('canvas'))";
        assert_eq!(page.evaluate(size).await.unwrap(), json!([1280, 720]), "{codec}");
        browser::photograph(&page, &format!("feed-peer-{codec}.png")).await;
        drop(peer);
        browser::becomes_true(&page, "understudy.state === 'loading'").await;
        // One that lost its way begins anew, and waits like any other where there is nothing to show.
        page.evaluate("reconnect(playIvf, 0)").await.unwrap();
        browser::becomes_true(&page, "understudy.state === 'loading'").await;
        page.evaluate("understudy.frames = 0").await.unwrap();
    }
}
