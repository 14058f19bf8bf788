//! The page as a place to work, before a server that stands in the page itself: what hands do there goes out in the encodings of the
//! data channels, and what is told of the others is shown. The real server is in `desk_page`.

mod fingers;
mod pure;
mod seats;

use std::collections::HashSet;

use serde_json::{Value, json};
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};

use super::{PLAYS, is_in};
use crate::support::stage::Stage;

/// The other end of the line.
const SERVER: &str = include_str!("../fixtures/desk.js");

/// What it says of a session that everybody steers, to Ada, who is there with another.
const UNION: &str = "server.say({ You: { id: 'a', name: 'Ada', role: 'Control', mode: 'Union', layout: 'us', clipboard: true } });
    server.say({ People: [{ id: 'a', name: 'Ada', role: 'Control', host: false }, { id: 'b', name: 'Bea', role: 'Control', host: false }] });
    true";

const STEERS: &str = "document.body.dataset.line === 'open' && document.body.dataset.steers === 'yes'";

/// A page whose line is open, and which was told `welcome`.
async fn page_of(stage: &Stage, chromium: &Chromium, welcome: &str) -> Page {
    let page = chromium.open(&stage.view()).await;
    opens(&page, welcome).await;
    page
}

/// With a token the page asks for everything anew.
async fn opens(page: &Page, welcome: &str) {
    browser::becomes_true(page, PLAYS).await;
    page.evaluate(SERVER).await.unwrap();
    page.evaluate("token.value = 'secret'; entry.requestSubmit(); true").await.unwrap();
    browser::becomes_true(page, "server.open === 1 && document.body.dataset.line === 'open'").await;
    page.evaluate(welcome).await.unwrap();
}

async fn mouse(page: &Page, kind: &str, (x, y): (u32, u32), buttons: u32) {
    let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
    let params = json!({"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1});
    page.hands("Input.dispatchMouseEvent", params).await.unwrap();
}

async fn key(page: &Page, kind: &str, key: &str, code: &str, modifiers: u32) {
    let params = json!({"type": kind, "key": key, "code": code, "modifiers": modifiers});
    page.hands("Input.dispatchKeyEvent", params).await.unwrap();
}

/// What came on a channel, as hexadecimal digits, since that was asked the last time.
async fn heard(page: &Page, label: &str, count: usize) -> Vec<String> {
    browser::becomes_true(page, &format!("server.heard.{label}.length >= {count}")).await;
    let messages = page.evaluate(&format!("server.heard.{label}.splice(0)")).await.unwrap();
    serde_json::from_value(messages).unwrap()
}

/// What came on the channel `desk`, once there is as much.
async fn said(page: &Page, count: usize) -> Vec<Value> {
    browser::becomes_true(page, &format!("server.said.length >= {count}")).await;
    serde_json::from_value(page.evaluate("server.said.splice(0)").await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hands_do_on_the_picture_goes_to_the_session() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    browser::becomes_true(&page, STEERS).await;
    let sections = page.evaluate("server.sections").await.unwrap();
    assert_eq!(sections, "a=inactive,a=inactive", "the picture has its own way");

    // The middle of the picture, then a drag that ends below it.
    let middle = "(() => { const { left, top, width, height } = video.getBoundingClientRect();
        return [Math.round(left + width / 2), Math.round(top + height / 2)]; })()";
    let middle: (u32, u32) = serde_json::from_value(page.evaluate(middle).await.unwrap()).unwrap();
    mouse(&page, "mouseMoved", middle, 0).await;
    mouse(&page, "mousePressed", middle, 1).await;
    mouse(&page, "mouseMoved", (0, middle.1), 1).await;
    mouse(&page, "mouseReleased", (middle.0, middle.1 * 2 + 20), 0).await;
    browser::becomes_true(&page, "server.heard.mouse.includes('020001')").await;
    let moves = heard(&page, "mouse", 6).await;
    assert!(moves.iter().filter(|m| m.starts_with("01")).all(|m| m.ends_with("7fff7fff")), "{moves:?}");
    let mut presses: Vec<_> = moves.iter().filter(|message| message.starts_with("02")).collect();
    // What is held is said again, on a slow machine even here.
    presses.dedup();
    assert_eq!(presses, ["020101", "020001"], "{moves:?}");
    let last = moves.iter().rfind(|message| message.starts_with("01")).unwrap();
    assert_eq!(&last[6..10], "7fff", "what is below it is its lower edge: {moves:?}");

    let wheel = json!({"type": "mouseWheel", "x": middle.0, "y": middle.1, "deltaX": 0, "deltaY": 120});
    page.hands("Input.dispatchMouseEvent", wheel).await.unwrap();
    let turned = heard(&page, "mouse", 1).await;
    assert!(turned.contains(&"0300000078".to_owned()), "a notch down is 120: {turned:?}");

    browser::becomes_true(&page, "document.activeElement === sink && 'types' in document.body.dataset").await;
    key(&page, "rawKeyDown", "Shift", "ShiftLeft", 8).await;
    key(&page, "rawKeyDown", "A", "KeyA", 8).await;
    key(&page, "keyUp", "A", "KeyA", 8).await;
    key(&page, "keyUp", "Shift", "ShiftLeft", 0).await;
    key(&page, "rawKeyDown", "Tab", "Tab", 0).await;
    key(&page, "keyUp", "Tab", "Tab", 0).await;
    key(&page, "rawKeyDown", "ö", "Semicolon", 0).await;
    page.hands("Input.insertText", json!({"text": "漢字"})).await.unwrap();
    browser::becomes_true(&page, "server.heard.keyboard.includes('0106e6bca2e5ad97')").await;
    let mut keys = heard(&page, "keyboard", 8).await;
    let mut known = HashSet::new();
    keys.retain(|message| known.insert(message.clone()));
    let wanted = ["00010000a0", "0001010041", "0000010041", "00000000a0", "0001000009", "0000000009"];
    assert_eq!(keys, [&wanted[..], &["0102c3b6", "0106e6bca2e5ad97"]].concat());
    browser::photograph(&page, "desk.png").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_said_again_and_comes_up_when_the_field_is_left() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    browser::becomes_true(&page, STEERS).await;
    page.evaluate("sink.focus(); true").await.unwrap();
    key(&page, "rawKeyDown", "w", "KeyW", 0).await;
    let held = heard(&page, "keyboard", 3).await;
    assert!(held.iter().all(|message| message == "0001000057"), "{held:?}");
    // The three modifiers together are the way out for who has a keyboard alone.
    key(&page, "rawKeyDown", "Control", "ControlLeft", 2).await;
    key(&page, "rawKeyDown", "Alt", "AltLeft", 3).await;
    key(&page, "rawKeyDown", "Shift", "ShiftLeft", 11).await;
    browser::becomes_true(&page, "document.activeElement === seat").await;
    let ups = "server.heard.keyboard.filter((message) => message.startsWith('0000')).length === 3";
    browser::becomes_true(&page, ups).await;
    let left = heard(&page, "keyboard", 5).await;
    let ups: Vec<_> = left.iter().filter(|message| message.starts_with("0000")).collect();
    assert_eq!(ups.len(), 3, "{left:?}");
    for up in ["0057", "00a2", "00a4"] {
        assert!(ups.iter().any(|message| message.ends_with(up)), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_lost_is_taken_up_again_by_the_same_person() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    page.evaluate("person.value = 'Ada'; person.dispatchEvent(new Event('change')); true").await.unwrap();
    assert_eq!(said(&page, 1).await, [json!({"Name": "Ada"})]);
    page.evaluate("server.lose(); true").await.unwrap();
    browser::becomes_true(&page, "server.open === 2 && document.body.dataset.line === 'open'").await;
    assert_eq!(said(&page, 1).await, [json!({"Name": "Ada"})]);
    let urls: Vec<String> = serde_json::from_value(page.evaluate("server.urls").await.unwrap()).unwrap();
    assert!(urls.len() == 2 && urls[0] == urls[1], "{urls:?}");
    assert!(urls[0].contains("/api/streamers/desk/peer?token=secret&identity="), "{urls:?}");
    is_in(&page, "live").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_token_for_looking_sees_no_controls_and_reads_why_under_details() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, PLAYS).await;
    let refuses = "{ const ask = fetch; window.fetch = (url, wish) => `${url}`.endsWith('/api/streamers')
        ? Promise.resolve(new Response('{}', { status: 403 })) : ask(url, wish); } true";
    page.evaluate(refuses).await.unwrap();
    page.evaluate("token.value = 'secret'; entry.requestSubmit(); figures.click(); true").await.unwrap();
    browser::becomes_true(
        &page,
        &format!("{PLAYS} && rows.innerText.includes('This link is for looking on')"),
    )
    .await;
    let controls = "desk.hidden && sink.disabled && !surface.checkVisibility() && document.body.dataset.line === 'refused'";
    assert_eq!(page.evaluate(controls).await.unwrap(), true);
}
