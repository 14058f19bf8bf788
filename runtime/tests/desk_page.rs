//! The page for working, at a real session: what is typed and clicked there, the session's own page reads back; who else works there
//! sees where it was pointed; who may only look on has no hands.

use serde_json::{Value, json};
use understudy_devtools::{Devtools, Page};
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::peer::Peer;
use understudy_proto::v1::{AccessTokens, Page as ShownPage, SessionSpec};

use crate::support::operator::Operator;
use crate::support::server::{Server, ok};
use crate::support::session::Session;

/// Keeps what hands do to it.
const SHOWN: &str = r#"<!doctype html><title>worked at</title>
<style>html, body, textarea { margin: 0; width: 100%; height: 100%; box-sizing: border-box; }</style>
<textarea id="field" autofocus></textarea>
<script>
window.seen = [];
for (const type of ["keydown", "keyup", "mousedown", "mouseup", "wheel"])
  addEventListener(type, ({ code, button, clientX, clientY, deltaY }) =>
    seen.push({ type, code, button, x: clientX / innerWidth, y: clientY / innerHeight, deltaY }), true);
</script>"#;

const STEERS: &str = "document.body.dataset.state === 'live' && document.body.dataset.line === 'open'
    && document.body.dataset.steers === 'yes'";

/// A session that shows it, behind tokens; and its page.
async fn session() -> (Operator, Session, Server, Devtools, Page) {
    let server = Server::start(|_| ok("text/html", SHOWN)).await;
    let page = Some(ShownPage { url: server.url("/"), ..ShownPage::default() });
    let operator = Operator::of(SessionSpec { page, ..SessionSpec::default() }).await;
    operator.admits(AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() });
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    let session = Session::idle(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    operator.is_linked().await;
    let mut reports = operator.reports();
    let loaded = |report: &understudy_proto::v1::Report| {
        report
            .conditions
            .iter()
            .any(|condition| condition.r#type == "PageReady" && condition.status == "True")
    };
    reports.wait_for(loaded).await.unwrap();
    let (devtools, _reader) =
        Devtools::connect(&format!("ws://{}/?token=c", session.devtools())).await.unwrap();
    let page = Page::first(&devtools).await.unwrap();
    (operator, session, server, devtools, page)
}

async fn mouse(page: &Page, kind: &str, (x, y): (f64, f64), more: Value) {
    let mut params = json!({"type": kind, "x": x, "y": y});
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    page.hands("Input.dispatchMouseEvent", params).await.unwrap();
}

async fn key(page: &Page, kind: &str, key: &str, code: &str) {
    page.hands("Input.dispatchKeyEvent", json!({"type": kind, "key": key, "code": code})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_and_clicked_reaches_the_session_s_page_and_the_others_see_where() {
    let (_operator, session, _server, _devtools, shown) = session().await;
    // A browser each: hands are at work in one that is in front.
    let (hers, other) = tokio::join!(Chromium::launch(), Chromium::launch());
    let view = session.url("/view?token=c");
    let (ada, bea) = tokio::join!(hers.open(&view), other.open(&view));
    browser::becomes_true(&ada, STEERS).await;
    browser::becomes_true(&bea, STEERS).await;
    let middle = "(() => { const { left, top, width, height } = video.getBoundingClientRect();
        return [left + width / 2, top + height / 2]; })()";
    let middle: (f64, f64) = serde_json::from_value(ada.evaluate(middle).await.unwrap()).unwrap();
    mouse(&ada, "mouseMoved", middle, json!({})).await;
    let held = |buttons: u32| json!({"button": "left", "buttons": buttons, "clickCount": 1});
    mouse(&ada, "mousePressed", middle, held(1)).await;
    mouse(&ada, "mouseReleased", middle, held(0)).await;
    let clicked = "seen.filter(({ type }) => type === 'mousedown' || type === 'mouseup').length === 2
        && seen.some(({ type, x }) => type === 'mousedown' && Math.abs(x - 0.5) < 0.02)";
    browser::becomes_true(&shown, clicked).await;
    browser::becomes_true(
        &bea,
        "[...document.querySelectorAll('.cursor')].some((mark) => mark.checkVisibility())",
    )
    .await;
    browser::photograph(&bea, "desk-live.png").await;

    mouse(&ada, "mouseWheel", middle, json!({"deltaX": 0, "deltaY": 120})).await;
    browser::becomes_true(&shown, "seen.some(({ type, deltaY }) => type === 'wheel' && deltaY > 0)").await;

    // Shift of one, the letter of the other.
    browser::becomes_true(&ada, "document.activeElement === sink").await;
    bea.evaluate("sink.focus(); true").await.unwrap();
    key(&ada, "rawKeyDown", "Shift", "ShiftLeft").await;
    browser::becomes_true(&shown, "seen.some(({ code }) => code === 'ShiftLeft')").await;
    key(&bea, "rawKeyDown", "h", "KeyH").await;
    key(&bea, "keyUp", "h", "KeyH").await;
    browser::becomes_true(&shown, "field.value === 'H'").await;
    key(&ada, "keyUp", "Shift", "ShiftLeft").await;
    ada.hands("Input.insertText", json!({"text": "ößЖ漢"})).await.unwrap();
    browser::becomes_true(&shown, "field.value === 'HößЖ漢'").await;

    dies_with_shift(&session, &shown, (&ada, &bea)).await;
    all_see_the_same(&session, &shown, (&ada, &bea)).await;
}

/// A third, on another stack, is killed with Shift held: the others are not stuck.
async fn dies_with_shift(session: &Session, shown: &Page, (ada, bea): (&Page, &Page)) {
    let url = session.url("/api/streamers/desk/peer").replace("http://", "ws://");
    let mut holder = Peer { hold: vec![0x10], token: Some("c".to_owned()), ..Peer::new(&url, 120) }.start();
    let shift = |kind: &str, times: u32| {
        format!(
            "seen.filter(({{ type, code }}) => type === '{kind}' && code === 'ShiftLeft').length === {times}"
        )
    };
    browser::becomes_true(shown, &shift("keydown", 2)).await;
    key(bea, "rawKeyDown", "j", "KeyJ").await;
    key(bea, "keyUp", "j", "KeyJ").await;
    browser::becomes_true(shown, "field.value.endsWith('J')").await;
    holder.kill().await.unwrap();
    browser::becomes_true(shown, &shift("keyup", 2)).await;
    key(ada, "rawKeyDown", "k", "KeyK").await;
    key(ada, "keyUp", "k", "KeyK").await;
    browser::becomes_true(shown, "field.value.endsWith('Jk')").await;
}

async fn all_see_the_same(session: &Session, shown: &Page, (ada, bea): (&Page, &Page)) {
    let url = session.url("/api/streamers/desk/peer").replace("http://", "ws://");
    shown.evaluate("field.style.background = 'rgb(200, 40, 40)'; true").await.unwrap();
    let red = "(() => { const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
        const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
        return red > 170 && green < 80 && blue < 80; })()";
    browser::becomes_true(ada, red).await;
    browser::becomes_true(bea, red).await;
    let third = Peer { press: vec![0x5a], token: Some("c".to_owned()), ..Peer::new(&url, 1) };
    let third = third.run().await.unwrap();
    let (luma, _, red) = third.middle;
    assert!(luma.abs_diff(80) < 20 && red > 170, "{third:?}");
    browser::becomes_true(shown, "field.value.endsWith('Jkz')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_on_sees_the_picture_and_no_controls() {
    let (_operator, session, _server, _devtools, _shown) = session().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/view?token=v")).await;
    browser::becomes_true(
        &page,
        "document.body.dataset.state === 'live' && document.body.dataset.line === 'refused'",
    )
    .await;
    page.evaluate("figures.click(); true").await.unwrap();
    browser::becomes_true(
        &page,
        "desk.hidden && sink.disabled && rows.innerText.includes('This link is for looking on')",
    )
    .await;
}
