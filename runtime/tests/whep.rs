//! WHEP from outside: another WebRTC stack, a real browser, and offers that are none.

pub mod many;
mod narrow;
pub mod pion;
pub mod players;
mod requests;
mod tcp;

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, StatusCode};
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::probe::{Seen, Watch};

use crate::support::stage::Stage;

const SDP: &str = "application/sdp";
/// What a viewer can leave behind must be gone by then.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// What a viewer that says nothing any more may take.
const SILENCE: Duration = Duration::from_secs(30);

/// An offer as a browser writes it, with nobody behind it.
const OFFER: &str = include_str!("fixtures/chromium_offer.sdp");

/// Keeps `window.skew`: by how many milliseconds the picture on screen is ahead of the sound.
const WATCH_SKEW: &str = "setInterval(async () => {
    const played = {};
    for (const entry of (await understudy.peer.getStats()).values())
        if (entry.type === 'inbound-rtp') played[entry.kind] = entry.estimatedPlayoutTimestamp;
    window.skew = played.video - played.audio;
}, 200); true";

/// Keeps `window.pictures`: how many were shown of what a peer watches whose first section is as `FIRST` does, and which has a
/// transport for that section alone, and `window.role`, the peer's own in the handshake.
const WATCH_BEHIND: &str = "window.pictures = 0; (async () => {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    FIRST;
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription();
    const headers = { 'Content-Type': 'application/sdp' };
    const body = peer.localDescription.sdp.replaceAll('a=setup:actpass', 'a=setup:SETUP');
    const answer = await fetch('/whep/program', { method: 'POST', headers, body });
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    setInterval(async () => {
        for (const entry of (await peer.getStats()).values())
            if (entry.type === 'inbound-rtp' && entry.kind === 'video') window.pictures = entry.framesDecoded;
            else if (entry.type === 'transport') window.role = entry.dtlsRole;
    }, 200);
})(); true";

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_receives_picture_and_sound() {
    let stage = Stage::open().await;
    let seen = watch(&stage.whep(), 6).await;
    seen.is_the_test_picture().expect("the picture must be whole");
    assert_eq!((seen.width, seen.height), (1280, 720), "{seen:?}");
    assert!(seen.audio_seconds > 5.0, "{seen:?}");
    assert!(seen.frames > 100, "{seen:?}");
    assert_eq!(seen.delete_status, 200, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_needs_no_ipv4() {
    let address = own_ipv6().expect(
        "this machine must have an address and a route of IPv6 beyond loopback, which WebRTC stacks do not use; \
         `ip -6 route show default` tells",
    );
    let stage = Stage::announced_at(address).await;
    let seen = watch(&stage.whep(), 3).await;
    seen.is_the_test_picture().expect("the picture must be whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joiner_gets_a_picture_at_once() {
    let stage = Stage::open().await;
    let _first = watch(&stage.whep(), 1).await;
    let seen = watch(&stage.whep(), 1).await;
    // Without a keyframe on joining it would be ten seconds on average.
    assert!(seen.first_frame_ms < 2000, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_lost_on_the_way_are_sent_again() {
    let stage = Stage::open().await;
    let seen = Watch { loss: 0.02, ..Watch::new(stage.whep(), 5) }.run().await.expect("the probe must watch");
    // At two lost packets in a hundred, one picture in five misses one.
    assert!(seen.distinct_per_second >= 26, "{seen:?}");
    assert!(seen.max_gap_frames <= 6, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_vanishes_is_removed() {
    let stage = Stage::open().await;
    let mut viewers = stage.driver.viewers("program");
    let mut probe = Watch::new(stage.whep(), 3600).start();
    viewers.wait_for(|count| *count == 1).await.expect("the driver must run");
    probe.kill().await.expect("the probe must die");
    let gone = tokio::time::timeout(SILENCE, viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the viewer is still counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_what_is_served_no_longer_is_sent_away() {
    let stage = Stage::open().await;
    let mut viewers = stage.driver.viewers("program");
    let _probe = Watch::new(stage.whep(), 3600).start();
    viewers.wait_for(|count| *count == 1).await.expect("the driver must run");
    stage.driver.end("another").await;
    assert_eq!(*viewers.borrow(), 1);
    stage.driver.end("program").await;
    let gone = tokio::time::timeout(CLEAN_UP, viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the viewer is still counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_viewer_page_plays_in_a_browser_and_leaves_when_it_goes() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("{}?token=secret", stage.view())).await;
    page.evaluate(WATCH_SKEW).await.expect("the script must run");
    browser::becomes_true(&page, "document.body.dataset.state === 'live' && understudy.frames > 60").await;
    browser::becomes_true(&page, "!location.href.includes('secret')").await;
    browser::becomes_true(&page, "understudy.width === 1280 && understudy.height === 720").await;
    browser::photograph(&page, "view-live.png").await;
    assert_eq!(*stage.driver.viewers("program").borrow(), 1);
    // Both are there only if sender reports arrived, and agree only if the reports do.
    browser::becomes_true(&page, "Math.abs(window.skew) < 100").await;

    let mut viewers = stage.driver.viewers("program");
    page.load("about:blank").await.expect("the page must leave");
    let gone = tokio::time::timeout(CLEAN_UP, viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the viewer is still counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_the_picture_whatever_stands_before_it() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    for first in [
        "peer.addTransceiver('audio', { direction: 'inactive' })",
        // What we cannot send.
        "peer.addTransceiver('audio', { direction: 'recvonly' }).setCodecPreferences(
            RTCRtpReceiver.getCapabilities('audio').codecs.filter((codec) => codec.mimeType === 'audio/G722'))",
        "peer.addTransceiver('video', { direction: 'recvonly' }).setCodecPreferences(
            RTCRtpReceiver.getCapabilities('video').codecs.filter((codec) => codec.mimeType === 'video/VP8'))",
        "peer.createDataChannel('nobody speaks')",
    ] {
        let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
        let script = WATCH_BEHIND.replace("FIRST", first).replace("SETUP", "actpass");
        page.evaluate(&script).await.expect("the script must run");
        browser::becomes_true(&page, "pictures > 10").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sees_the_picture_whichever_part_of_the_handshake_it_offers() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    for (setup, role) in [("active", "client"), ("passive", "server")] {
        let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
        let first = "peer.addTransceiver('audio', { direction: 'recvonly' })";
        let script = WATCH_BEHIND.replace("FIRST", first).replace("SETUP", setup);
        page.evaluate(&script).await.expect("the script must run");
        browser::becomes_true(&page, &format!("pictures > 10 && role === '{role}'")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_only_closes_its_connection_is_removed_at_once() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, "understudy.frames > 10").await;
    let mut viewers = stage.driver.viewers("program");
    // No DELETE: what is left is what DTLS says.
    page.evaluate("fetch = () => new Promise(() => {}); understudy.peer.close()")
        .await
        .expect("the script must run");
    let gone = tokio::time::timeout(Duration::from_secs(3), viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the viewer is still counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_offers_are_named_and_a_viewer_already_there_notices_nothing() {
    let stage = Stage::open().await;
    let whep = stage.whep();
    let watching = tokio::spawn(async move { watch(&whep, 6).await });
    let mut viewers = stage.driver.viewers("program");
    viewers.wait_for(|count| *count > 0).await.expect("the driver must run");

    let http = Client::new();
    for (offer, status, word) in [
        (" ".to_owned(), 400, "empty"),
        ("not sdp".to_owned(), 400, "line 1"),
        ("v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nt=0 0\r\n".to_owned(), 422, "m="),
        (OFFER.replace("a=ice-ufrag", "a=x-ufrag"), 422, "a=ice-ufrag"),
        (OFFER.replace("a=fingerprint", "a=x"), 422, "a=fingerprint"),
        (OFFER.replace("sha-256", "sha-0"), 422, "a=fingerprint"),
        (OFFER.replace("recvonly", "sendonly"), 422, "recvonly"),
        (OFFER.replace("H264", "H266").replace("opus", "other"), 406, "H.264"),
        ("v=0\r\n".repeat(100_000), 413, "larger"),
    ] {
        for _ in 0..5 {
            let response = post(&http, &stage.whep(), offer.clone()).await;
            assert_eq!(response.status().as_u16(), status, "{word}");
            let body: serde_json::Value = response.json().await.expect("a refusal must be JSON");
            assert!(body["message"].as_str().is_some_and(|text| text.contains(word)), "{body}");
            assert_eq!(body["message"], body["error"]);
        }
    }

    let seen = watching.await.expect("the probe must end");
    assert!(seen.distinct_per_second >= 28, "{seen:?}");
    assert!(seen.max_gap_frames <= 4, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_frees_everything() {
    let stage = Stage::open().await;
    let http = Client::new();
    let viewers = stage.driver.viewers("program");
    let demand = stage.media.video.demand();
    for _ in 0..50 {
        let created = post(&http, &stage.whep(), OFFER.into()).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(*viewers.borrow(), 1);
        settles(&demand, 1).await;
        let path = created.headers()[LOCATION].to_str().expect("a path must be text");
        http.delete(format!("http://{}{path}", stage.http)).send().await.expect("HTTP must work");
        assert_eq!(*viewers.borrow(), 0);
        settles(&demand, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_when_it_is_full_and_stays_usable() {
    let stage = Stage::open().await;
    let http = Client::new();
    let mut statuses = Vec::new();
    for _ in 0..66 {
        statuses.push(post(&http, &stage.whep(), OFFER.into()).await.status().as_u16());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 64);
    assert_eq!(statuses.last(), Some(&503));
}

/// The address that this machine would speak from.
fn own_ipv6() -> Option<IpAddr> {
    let socket = UdpSocket::bind("[::]:0").ok()?;
    // Reserved for documentation (RFC 3849): nothing is sent.
    socket.connect("[2001:db8::1]:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}

async fn watch(url: &str, seconds: u32) -> Seen {
    Watch::new(url, seconds).run().await.expect("the probe must watch")
}

async fn settles(demand: &tokio::sync::watch::Receiver<usize>, wanted: usize) {
    let mut demand = demand.clone();
    let settled = tokio::time::timeout(CLEAN_UP, demand.wait_for(|count| *count == wanted)).await.is_ok();
    assert!(settled, "the hub has {} readers, not {wanted}", *demand.borrow());
}

async fn post(http: &Client, url: &str, offer: String) -> reqwest::Response {
    let started = Instant::now();
    let response = http.post(url).header(CONTENT_TYPE, SDP).body(offer).send().await.expect("HTTP must work");
    assert!(started.elapsed() < Duration::from_secs(5), "the answer took {:?}", started.elapsed());
    response
}
