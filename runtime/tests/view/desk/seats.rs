//! Who is here and who steers, where the others point, and what was copied.

use serde_json::json;
use understudy_e2e::browser::{self, Chromium};

use super::{UNION, key, mouse, page_of, said};
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
    for (scheme, ground) in [("dark", "rgb(13, 14, 17)"), ("light", "rgb(228, 226, 220)")] {
        page.prefers(scheme).await.unwrap();
        let seen = page.evaluate("getComputedStyle(document.body).backgroundColor").await.unwrap();
        assert_eq!(seen, ground, "{scheme}");
        browser::photograph(&page, &format!("desk-asked-{scheme}.png")).await;
    }
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
    page.evaluate("server.say('Copied'); true").await.unwrap();
    // Control is held when the browser pastes; V comes once the session has the text.
    page.evaluate("sink.focus(); true").await.unwrap();
    key(&page, "rawKeyDown", "Control", "ControlLeft", 2).await;
    let paste = "{ const data = new DataTransfer(); data.setData('text/plain', 'pasted');
        sink.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true })); } true";
    page.evaluate(paste).await.unwrap();
    assert_eq!(said(&page, 1).await, [json!({"Clipboard": {"text": "pasted"}})]);
    key(&page, "keyUp", "Control", "ControlLeft", 0).await;
    browser::becomes_true(&page, "server.heard.keyboard.some((message) => /^0000..00a2$/.test(message))")
        .await;
    let pressed =
        page.evaluate("server.heard.keyboard.some((message) => /0056$/.test(message))").await.unwrap();
    assert_eq!(pressed, json!(false), "the text is on its way");
    page.evaluate("server.say('Copied'); true").await.unwrap();
    browser::becomes_true(&page, "server.heard.keyboard.some((message) => /^0001..0056$/.test(message))")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_ended_is_not_begun_again_by_whoever_watched_it() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = page_of(&stage, &chromium, UNION).await;
    // A line that was only lost comes back.
    page.evaluate("server.lose(); true").await.unwrap();
    browser::becomes_true(&page, "server.open === 2 && document.body.dataset.line === 'open'").await;
    // So does one whose runtime says goodbye, and is gone for a while.
    page.evaluate("server.isGone = true; server.end(); true").await.unwrap();
    browser::becomes_true(&page, "document.body.dataset.line === 'lost'").await;
    page.evaluate("setTimeout(() => { server.isGone = false; }, 3000); true").await.unwrap();
    browser::becomes_true(&page, "server.open === 3 && document.body.dataset.line === 'open'").await;
    page.evaluate("server.end(); true").await.unwrap();
    let ended =
        "document.body.dataset.line === 'refused' && desk.hidden && toast.textContent.includes('has ended')";
    browser::becomes_true(&page, ended).await;
    assert_eq!(page.evaluate("server.open").await.unwrap(), json!(3));
}
