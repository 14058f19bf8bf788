//! The viewer page in a real browser: what it shows, what it says when it cannot, and how it comes back.

mod access;
mod again;
mod desk;
pub mod phone;

use std::time::Duration;

use serde_json::json;
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};

use crate::support::session::Session;
use crate::support::stage::Stage;

/// From the start to a served picture, on a machine that does more than this.
const START: Duration = Duration::from_secs(40);

const SESSION: &str = include_str!("../../examples/session.yaml");

/// What a page shows all the time that it plays.
const PLAYS: &str = "document.body.dataset.state === 'live' && understudy.frames > 10";

/// What the endpoint says of relays and of coming again, as the page reads it.
const READS: &str = r#"import('/view/assets/whep.js').then(({ iceServers, retryAfter }) => JSON.stringify([
    iceServers('<stun:a:1>; rel="ice-server", </b>; rel="next", <turn:c>; rel="ice-server"; username="d,\\"e"; credential="f"; credential-type="password", <http:g>; rel="ice-server"'),
    retryAfter('3', 0), retryAfter('Thu, 01 Jan 1970 00:00:09 GMT', 4000), retryAfter('soon', 0), retryAfter(null, 0)]))"#;

/// A browser that knows another codec alone, in which nothing is sent.
const OTHER_CODEC: &str = "{ const add = RTCPeerConnection.prototype.addTransceiver;
    RTCPeerConnection.prototype.addTransceiver = function(kind, options) {
        const added = add.call(this, kind, options);
        const all = RTCRtpReceiver.getCapabilities(kind).codecs;
        if (kind === 'video') added.setCodecPreferences(all.filter((codec) => codec.mimeType === 'video/VP8'));
        return added;
    } } true";

async fn is_in(page: &Page, state: &str) {
    browser::becomes_true(page, &format!("document.body.dataset.state === '{state}'")).await;
}

/// It says so to everybody: in sight, and to who does not see it.
async fn says(page: &Page, words: &str) {
    let told = format!("headline.checkVisibility() && headline.textContent === '{words}'");
    browser::becomes_true(page, &format!("{told} && said.textContent.startsWith('{words}')")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_sees_how_good_and_how_late_the_picture_is() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, PLAYS).await;
    browser::becomes_true(&page, r"/^720p · \d+ fps · \d+ ms · [\d.]+ [kM]bit/.test(line.textContent)").await;
    assert_eq!(page.evaluate("details.hidden").await.unwrap(), true, "they are asked for");
    let press = "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'KEY', bubbles: true })); true";
    page.evaluate("figures.focus(); figures.click(); true").await.unwrap();
    for row in ["1280 × 720, \\d+ a second", "H264", "\\d+ ms from there to here", "UDP", "live, connected"]
    {
        browser::becomes_true(&page, &format!("/^{row}$/m.test(rows.innerText)")).await;
    }
    assert_eq!(page.evaluate("figures.ariaExpanded").await.unwrap(), "true");
    page.evaluate(&press.replace("KEY", "Escape").replace("document.dis", "document.body.dis"))
        .await
        .unwrap();
    let closed = "details.hidden && figures.ariaExpanded === 'false' && document.activeElement === figures";
    browser::becomes_true(&page, closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sound_begins_muted_and_is_turned_on_by_a_button() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, &format!("{PLAYS} && video.muted && unmute.checkVisibility()")).await;
    page.evaluate("unmute.click(); true").await.unwrap();
    browser::becomes_true(&page, "!video.muted && !video.paused && !unmute.checkVisibility()").await;
    page.evaluate("volume.value = 30; volume.dispatchEvent(new Event('input')); true").await.unwrap();
    browser::becomes_true(&page, "video.volume === 0.3 && !video.muted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_of_that_name() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    says(&page, "There is nothing of this name").await;
    browser::photograph(&page, "view-not-found.png").await;
    // The reason is there for who looks after it, and no list of streams where none is told.
    page.evaluate("figures.click(); true").await.unwrap();
    browser::becomes_true(&page, "/^404: there is nothing/m.test(rows.innerText) && choice.hidden").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_the_codec_is_told_and_asks_no_more() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    is_in(&page, "not-found").await;
    page.evaluate(OTHER_CODEC).await.unwrap();
    page.evaluate(
        "history.replaceState(null, '', '/view/program'); dispatchEvent(new PopStateEvent('popstate')); true",
    )
    .await
    .unwrap();
    says(&page, "This browser cannot play the picture").await;
    let attempts = page.evaluate("understudy.attempts").await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(page.evaluate("understudy.attempts").await.unwrap(), attempts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_endpoint_says_in_its_headers_is_understood() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    let read = page.evaluate(READS).await.unwrap();
    let read: serde_json::Value = serde_json::from_str(read.as_str().unwrap()).unwrap();
    let relay = json!({"urls": "turn:c", "username": "d,\"e", "credential": "f"});
    assert_eq!(read, json!([[{"urls": "stun:a:1"}, relay], 3000, 5000, null, null]));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stream_can_be_chosen_and_stands_in_the_address() {
    let session = Session::live(SESSION).await;
    let start = |id: &str| {
        let body = json!({"id": id, "mode": "webrtc", "framerate": 10}).to_string();
        reqwest::Client::new().post(session.url("/stream/start")).body(body).send()
    };
    assert_eq!(start("front").await.unwrap().status(), 201);
    assert_eq!(start("rear").await.unwrap().status(), 201);
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/view/front")).await;
    browser::becomes_true(&page, PLAYS).await;
    let offered = "choice.checkVisibility() && [...streams.options].map((option) => option.value).join() === 'front,rear'";
    browser::becomes_true(&page, offered).await;
    browser::photograph(&page, "view-streams.png").await;
    page.evaluate("streams.value = 'rear'; streams.dispatchEvent(new Event('change')); true").await.unwrap();
    browser::becomes_true(&page, &format!("{PLAYS} && location.pathname === '/view/rear'")).await;
    assert_eq!(page.evaluate("understudy.name").await.unwrap(), "rear");
    page.evaluate("history.back(); true").await.unwrap();
    browser::becomes_true(
        &page,
        &format!("{PLAYS} && understudy.name === 'front' && streams.value === 'front'"),
    )
    .await;
    let left = "fetch('/status').then((answer) => answer.json()).then(({ livestreams }) => livestreams
        .every(({ name, viewers }) => viewers === Number(name === 'front')))";
    browser::becomes_true(&page, left).await;
}
