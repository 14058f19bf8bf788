//! The page of calls, in a real browser, on both of its ways to show the other side.

use super::*;
use crate::view::phone::fits;

/// What the page plays of the other side, and of what is shown of oneself.
const LIVE: &str = "document.body.dataset.kind === 'live' && other.currentTime > 1 && other.videoWidth > 0 \
    && own.currentTime > 0.5";

async fn open(chromium: &Chromium, session: &Session) -> Page {
    let page = chromium.open(&session.url("/call")).await;
    browser::becomes_true(&page, "title.textContent === 'Nobody calls'").await;
    page
}

/// Clicks as people do: what they click on lets a page play with sound.
async fn click(page: &Page, id: &str) {
    page.evaluate(&format!("{id}.click(); true")).await.expect("it must be there");
}

async fn says(page: &Page, title: &str) {
    browser::becomes_true(page, &format!("title.textContent === '{title}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_taken_muted_and_ended_on_the_page_and_goes_on_while_that_is_loaded_anew() {
    let ada = participant("ada", None, &[]);
    ada.until_live(SOON * 2).await;
    let bob = participant("bob", Some(&ada), &[]);
    bob.until_live(SOON * 2).await;
    let chromium = Chromium::launch().await;
    let page = open(&chromium, &ada).await;
    fits(&page, "calls-idle").await;
    done(&bob, "/api/call/start", with("ada")).await;
    says(&page, "bob calls").await;
    fits(&page, "calls-rings").await;
    click(&page, "accept").await;
    browser::becomes_true(&page, LIVE).await;
    assert_eq!(page.evaluate("other.srcObject !== null").await.unwrap(), true, "over WebRTC");
    fits(&page, "calls-live").await;

    click(&page, "mute").await;
    browser::becomes_true(&page, "mute.textContent === 'Unmute' && mute.ariaPressed === 'true'").await;
    assert_eq!(active(&ada).await.expect("it goes on")["audio_on"], false);
    click(&page, "mute").await;
    click(&page, "cover").await;
    browser::becomes_true(&page, "mute.textContent === 'Mute' && cover.textContent === 'Camera on'").await;
    click(&page, "cover").await;

    // The call is the server's: whoever comes back to the page is in it.
    page.load(&ada.url("/call")).await.expect("the page must load");
    browser::becomes_true(&page, LIVE).await;
    // As in a browser that has no WebRTC.
    page.load(&ada.url("/call")).await.expect("the page must load");
    page.evaluate("delete window.RTCPeerConnection; true").await.expect("the page must run it");
    browser::becomes_true(&page, LIVE).await;
    click(&page, "hangup").await;
    says(&page, "The call is over").await;
    fits(&page, "calls-over").await;
    assert_eq!(active(&bob).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_called_from_the_page_is_rung_and_whom_nobody_finds_is_said_to_be_away() {
    let ada = participant("ada", None, &[]);
    ada.until_live(SOON * 2).await;
    let bob = participant("bob", Some(&ada), &["--calls-auto-accept", "true"]);
    bob.until_live(SOON * 2).await;
    let chromium = Chromium::launch().await;
    let page = open(&chromium, &ada).await;
    page.evaluate("delete window.RTCPeerConnection; true").await.expect("the page must run it");
    page.evaluate("peer.value = 'bob'; dial.requestSubmit(); true").await.expect("the page must run it");
    browser::becomes_true(&page, LIVE).await;
    assert_eq!(page.evaluate("other.srcObject === null").await.unwrap(), true, "as WebM");
    let calls = reqwest::get(bob.url("/api/call/active")).await.unwrap().json::<Value>().await.unwrap();
    let channel = calls[0]["channel_id"].clone();
    done(&bob, "/api/call/hangup", json!({ "channel_id": channel })).await;
    says(&page, "The call is over").await;
    browser::becomes_true(&page, "text.textContent.includes('other side has ended')").await;

    page.evaluate("peer.value = 'nobody'; dial.requestSubmit(); true").await.expect("the page must run it");
    says(&page, "Calling nobody").await;
    click(&page, "hangup").await;
    says(&page, "The call is over").await;
    page.evaluate("peer.value = 'ada'; dial.requestSubmit(); true").await.expect("the page must run it");
    browser::becomes_true(&page, "text.textContent.includes('this participant itself')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_calls_are_switched_off_the_page_says_so() {
    let session = Session::idle(&[]);
    session.until_reason("PageReady", "Loaded").await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/call")).await;
    says(&page, "Calls are switched off").await;
}
