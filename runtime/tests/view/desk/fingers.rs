//! Fingers, and the keyboard of a phone.

use serde_json::{Value, json};
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};

use super::{STEERS, UNION, heard, opens};
use crate::support::stage::Stage;
use crate::view::phone::fits;

async fn fingers(page: &Page, kind: &str, points: Value) {
    page.hands("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points})).await.unwrap();
}

async fn composes(page: &Page, text: &str) {
    let params = json!({"text": text, "selectionStart": text.len(), "selectionEnd": text.len()});
    page.hands("Input.imeSetComposition", params).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_phone_a_tap_clicks_two_fingers_scroll_and_its_keyboard_types() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open("about:blank").await;
    page.becomes_phone((360, 740)).await.unwrap();
    page.load(&stage.view()).await.unwrap();
    opens(&page, UNION).await;
    browser::becomes_true(&page, STEERS).await;
    let middle = "(() => { const { top, height } = video.getBoundingClientRect(); return Math.round(top + height / 2); })()";
    let y = page.evaluate(middle).await.unwrap().as_u64().unwrap();
    fingers(&page, "touchStart", json!([{"x": 180, "y": y, "id": 1}])).await;
    fingers(&page, "touchEnd", json!([])).await;
    let tap = heard(&page, "mouse", 3).await;
    assert!(tap[0].starts_with("01") && tap[1..] == ["020101", "020001"], "{tap:?}");

    let two = |dy: u64| json!([{"x": 150, "y": y - dy, "id": 1}, {"x": 210, "y": y - dy, "id": 2}]);
    fingers(&page, "touchStart", json!([{"x": 150, "y": y, "id": 1}])).await;
    fingers(&page, "touchStart", two(0)).await;
    fingers(&page, "touchMove", two(40)).await;
    fingers(&page, "touchMove", two(80)).await;
    fingers(&page, "touchEnd", json!([])).await;
    // Both went 80 pixels up: two notches down.
    let turned = "server.heard.mouse.filter((message) => message.startsWith('03'))
        .reduce((sum, message) => sum + parseInt(message.slice(6), 16), 0) === 240";
    browser::becomes_true(&page, turned).await;
    let scrolled = heard(&page, "mouse", 1).await;
    assert!(scrolled.iter().all(|message| !message.starts_with("02")), "nothing is pressed: {scrolled:?}");

    page.evaluate("type.click(); true").await.unwrap();
    browser::becomes_true(&page, "document.activeElement === sink && sink.inputMode === 'text'").await;
    composes(&page, "he").await;
    composes(&page, "hey").await;
    page.hands("Input.insertText", json!({"text": "hey"})).await.unwrap();
    assert_eq!(heard(&page, "keyboard", 2).await, ["01026865", "010179"], "as it is typed, and once");

    fits(&page, "desk").await;
    for panel in ["keys", "clip"] {
        page.evaluate(&format!("document.querySelector('[aria-controls={panel}]').click(); true"))
            .await
            .unwrap();
        fits(&page, &format!("desk-{panel}")).await;
    }
}
