//! Who is here and who steers, where the others point, and what was copied.

use serde_json::json;
use understudy_e2e::browser::{self, Chromium};

use super::{SERVER, UNION, heard, key, mouse, page_of, said};
use crate::support::stage::Stage;

/// Of a session that one steers at a time, to Ada, an admin.
const HOST: &str = "server.say({ You: { id: 'a', name: 'Ada', role: 'Admin', mode: 'Host', layout: 'us', clipboard: true } });
    server.people = (host) => server.say({ People: ['a', 'b', 'c'].map((id, at) =>
        ({ id, name: ['Ada', 'Bea', ''][at], role: ['Admin', 'Control', 'View'][at], host: id === host })) });
    server.people('b');
    true";

const PRESS: &str = "[...document.querySelectorAll('#people button')].find((button) => button.textContent === 'WHAT').click(); true";

#[tokio::test(flavor = "multi_thread")]
async fn the_seat_is_asked_for_taken_given_and_left() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, HOST).await;
    browser::becomes_true(&page, "document.getElementById('seat-text').textContent === 'Bea steers'").await;
    let told = "document.getElementById('desk-said').textContent === 'Bea steers'";
    browser::becomes_true(&page, told).await;
    mouse(&page, "mousePressed", (640, 300), 1).await;
    mouse(&page, "mouseReleased", (640, 300), 0).await;
    browser::becomes_true(&page, "toast.textContent.startsWith('Bea has keyboard and pointer')").await;
    assert_eq!(page.evaluate("server.heard.mouse.length").await.unwrap(), 0, "it is not hers");

    page.evaluate("seat.click(); true").await.unwrap();
    for act in ["Ask to steer", "Take over"] {
        page.evaluate(&PRESS.replace("WHAT", act)).await.unwrap();
    }
    assert_eq!(said(&page, 2).await, [json!("Request"), json!("Take")]);
    page.evaluate(
        "server.say({ Host: { id: 'a' } }); server.people('a'); server.say({ Asked: { by: 'b' } }); true",
    )
    .await
    .unwrap();
    browser::becomes_true(&page, "asked.checkVisibility() && document.body.dataset.steers === 'yes'").await;
    browser::photograph(&page, "desk-asked.png").await;
    page.evaluate("give.click(); true").await.unwrap();
    page.evaluate(&PRESS.replace("WHAT", "Stop steering")).await.unwrap();
    assert_eq!(said(&page, 2).await, [json!({"Give": {"to": "b"}}), json!("Release")]);
    // Who only looks on is offered nothing.
    let offered = "document.querySelectorAll('#here button').length";
    assert_eq!(page.evaluate(offered).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_others_pointers_are_on_the_picture_and_go_when_they_rest() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    page.evaluate("server.say({ Cursor: { id: 'b', x: 0.5, y: 0.5 } }); server.say({ Cursor: { id: 'a', x: 0, y: 0 } }); true")
        .await
        .unwrap();
    // Of the picture, which has bars beside it, and not of its box; hers is her own.
    let there = "(() => { const marks = [...document.querySelectorAll('.cursor')].filter((mark) => mark.checkVisibility());
        if (marks.length !== 1 || marks[0].innerText !== 'Bea') return false;
        const at = new DOMMatrix(getComputedStyle(marks[0]).transform), box = video.getBoundingClientRect();
        return Math.abs(at.e - box.width / 2) < 2 && Math.abs(at.f - box.height / 2) < 2; })()";
    browser::becomes_true(&page, there).await;
    browser::becomes_true(&page, "!document.querySelector('.cursor').checkVisibility()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_copied_goes_both_ways() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    page.evaluate("document.querySelector('[aria-controls=clip]').click(); server.say({ Clipboard: { text: 'from there' } }); true")
        .await
        .unwrap();
    let field = "document.getElementById('clip-text')";
    browser::becomes_true(&page, &format!("{field}.value === 'from there'")).await;
    page.evaluate(&format!(
        "{field}.value = 'from here'; document.getElementById('clip-send').click(); true"
    ))
    .await
    .unwrap();
    assert_eq!(said(&page, 1).await, [json!({"Clipboard": {"text": "from here"}})]);
    // Control is held when the browser pastes; V comes after the text.
    page.evaluate("sink.focus(); true").await.unwrap();
    key(&page, "rawKeyDown", "Control", "ControlLeft", 2).await;
    let paste = "{ const data = new DataTransfer(); data.setData('text/plain', 'pasted');
        sink.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true })); } true";
    page.evaluate(paste).await.unwrap();
    assert_eq!(said(&page, 1).await, [json!({"Clipboard": {"text": "pasted"}})]);
    key(&page, "keyUp", "Control", "ControlLeft", 0).await;
    let keys = heard(&page, "keyboard", 4).await;
    assert!(keys.iter().any(|message| message.ends_with("0056")), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_a_tap_clicks_two_fingers_scroll_and_its_keyboard_types() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open("about:blank").await;
    page.becomes_phone((360, 740)).await.unwrap();
    page.load(&stage.view()).await.unwrap();
    browser::becomes_true(&page, super::PLAYS).await;
    page.evaluate(SERVER).await.unwrap();
    page.evaluate("token.value = 'secret'; entry.requestSubmit(); true").await.unwrap();
    browser::becomes_true(&page, "server.open === 1 && document.body.dataset.line === 'open'").await;
    page.evaluate(UNION).await.unwrap();
    browser::becomes_true(&page, super::STEERS).await;
    let fingers = |kind: &'static str, points: serde_json::Value| {
        let params = json!({"type": kind, "touchPoints": points});
        let page = page.clone();
        async move { page.hands("Input.dispatchTouchEvent", params).await.unwrap() }
    };
    let middle = "(() => { const { top, height } = video.getBoundingClientRect(); return Math.round(top + height / 2); })()";
    let y = page.evaluate(middle).await.unwrap().as_u64().unwrap();
    fingers("touchStart", json!([{"x": 180, "y": y, "id": 1}])).await;
    fingers("touchEnd", json!([])).await;
    let tap = heard(&page, "mouse", 3).await;
    assert!(tap[0].starts_with("01") && tap[1..] == ["020101", "020001"], "{tap:?}");

    let two = |dy: u64| json!([{"x": 150, "y": y - dy, "id": 1}, {"x": 210, "y": y - dy, "id": 2}]);
    fingers("touchStart", json!([{"x": 150, "y": y, "id": 1}])).await;
    fingers("touchStart", two(0)).await;
    fingers("touchMove", two(40)).await;
    fingers("touchMove", two(80)).await;
    fingers("touchEnd", json!([])).await;
    let scrolled = heard(&page, "mouse", 3).await;
    let turns = scrolled.iter().filter(|message| message.starts_with("03"));
    let sum: i32 = turns.map(|message| i32::from(i16::from_str_radix(&message[6..], 16).unwrap())).sum();
    assert!(sum > 120 && scrolled.iter().all(|message| !message.starts_with("02")), "{scrolled:?}");

    page.evaluate("type.click(); true").await.unwrap();
    browser::becomes_true(&page, "document.activeElement === sink && sink.inputMode === 'text'").await;
    let compose = |text: &str| {
        let params = json!({"text": text, "selectionStart": text.len(), "selectionEnd": text.len()});
        let page = page.clone();
        async move { page.hands("Input.imeSetComposition", params).await.unwrap() }
    };
    compose("he").await;
    compose("hey").await;
    page.hands("Input.insertText", json!({"text": "hey"})).await.unwrap();
    assert_eq!(heard(&page, "keyboard", 2).await, ["01026865", "010179"], "as it is typed, and once");
}
