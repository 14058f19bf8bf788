//! The page that lists processes, in a browser.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};
use understudy_runtime::api::processes_page;
use understudy_runtime::egress::view;

use crate::support::stage::listen;

const SCREENS: [(u32, u32); 3] = [(1280, 720), (390, 844), (320, 568)];

/// What sticks out, or is smaller than a finger (44 px, WCAG 2.5.5).
const AMISS: &str = "(() => {
    const amiss = [];
    if (document.documentElement.scrollWidth > innerWidth) amiss.push('the page scrolls sideways');
    for (const touched of document.querySelectorAll('button, a, input')) {
        if (!touched.checkVisibility()) continue;
        const { left, right, height } = touched.getBoundingClientRect();
        if (height < 44 || left < 0 || right > innerWidth) amiss.push(touched.textContent.trim());
    }
    return amiss.join();
})()";

fn process(id: &str, order: &str, exec: &str, more: Value) -> Value {
    let mut state = json!({
        "order": order, "exec": exec, "runtime_seconds": 0, "reconnect_seconds": -1, "last_logline": "",
        "progress": {"bitrate_kbit": 0.0}, "webrtc": {"video": "copy", "audio": "transcode", "reason": ""},
    });
    for (name, value) in more.as_object().unwrap() {
        state[name] = value.clone();
    }
    // As whoever may only look is told: without configs.
    json!({"id": id, "type": "ffmpeg", "reference": "", "state": state})
}

fn listed() -> Value {
    let long = "rtmp://127.0.0.1:1935/live/a-name-that-is-long-and-has-no-place-at-which-it-could-be-broken: Connection refused";
    json!([
        process(
            "studio-camera",
            "start",
            "running",
            json!({
                "runtime_seconds": 93_784, "progress": {"bitrate_kbit": 3184.2},
                "last_logline": "frame=  912 fps= 30 q=-1.0 size=   12032kB time=00:00:30.40 bitrate=3242.1kbits/s speed=1x",
            })
        ),
        process(
            "door",
            "start",
            "failed",
            json!({"runtime_seconds": 4, "reconnect_seconds": 9, "last_logline": long})
        ),
        process("archive", "stop", "finished", json!({"runtime_seconds": 3_600, "webrtc": null})),
    ])
}

async fn served(status: u16, told: Value) -> String {
    let answer = move || {
        let told = told.clone();
        async move { (axum::http::StatusCode::from_u16(status).unwrap(), Json(told)) }
    };
    let app = Router::new().route("/api/v3/process", get(answer)).merge(processes_page::router());
    format!("http://{}/processes", listen(app.merge(view::router())).await)
}

async fn says(page: &Page, script: &str) -> String {
    page.evaluate(script).await.unwrap().as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_of_each_process_how_it_is_and_leads_to_its_picture() {
    let chromium = Chromium::launch().await;
    let page = chromium.open(&served(200, listed()).await).await;
    browser::becomes_true(&page, "document.body.dataset.state === 'shown'").await;
    assert_eq!(says(&page, "summary.textContent").await, "3 in all, 1 running");
    let of = |id: &str, part: &str| format!("document.querySelector('[data-id={id}] {part}').textContent");
    assert_eq!(says(&page, &of("studio-camera", ".state span")).await, "running");
    assert_eq!(says(&page, &of("studio-camera", ".uptime")).await, "1 d 2 h");
    assert_eq!(says(&page, &of("studio-camera", ".bitrate")).await, "3.2 Mbit/s");
    assert_eq!(says(&page, &of("door", ".state span")).await, "failed, again in 9 s");
    assert!(says(&page, &of("door", ".line")).await.ends_with("Connection refused"));
    let play = "document.querySelector('[data-id=studio-camera] .play')";
    assert_eq!(says(&page, &format!("new URL({play}.href).search")).await, "?process=studio-camera");
    browser::becomes_true(&page, "document.querySelector('[data-id=archive] .play').hidden").await;
    for screen in SCREENS {
        page.becomes_phone(screen).await.unwrap();
        assert_eq!(says(&page, AMISS).await, "", "on {screen:?}");
        for scheme in ["light", "dark"] {
            page.evaluate(&format!("document.documentElement.style.colorScheme = '{scheme}'; true"))
                .await
                .unwrap();
            browser::photograph(&page, &format!("processes-{scheme}-{}.png", screen.0)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_asks_for_a_token_where_one_is_needed_and_says_when_there_is_nothing() {
    let chromium = Chromium::launch().await;
    let page = chromium.open(&served(401, json!({})).await).await;
    browser::becomes_true(&page, "!entry.hidden && document.body.dataset.state === 'trouble'").await;
    let page = chromium.open(&served(200, json!([])).await).await;
    browser::becomes_true(&page, "!none.hidden && entry.hidden").await;
    let page = chromium.open(&served(500, json!({})).await).await;
    browser::becomes_true(&page, "summary.textContent.startsWith('Not up to date: 500')").await;
}

/// A list behind a login, as the API has it.
async fn behind_a_login() -> String {
    use axum::http::{HeaderMap, StatusCode};
    let list = async |headers: HeaderMap| match headers.get("authorization") {
        Some(bearer) if bearer == "Bearer second" => Ok(Json(listed())),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    let enter =
        async |Json(said): Json<Value>| match said["password"] == "lovelace" && said["username"] == "ada" {
            // It is too old at once.
            true => Ok(Json(json!({"access_token": "first", "refresh_token": "renewal"}))),
            false => Err(StatusCode::UNAUTHORIZED),
        };
    let renew = async |headers: HeaderMap| match headers.get("authorization") {
        Some(bearer) if bearer == "Bearer renewal" => Ok(Json(json!({"access_token": "second"}))),
        _ => Err(StatusCode::FORBIDDEN),
    };
    let app = Router::new()
        .route("/api", get(async || Json(json!({"app": "understudy", "auths": ["localjwt"]}))))
        .route("/api/login", axum::routing::post(enter))
        .route("/api/login/refresh", get(renew))
        .route("/api/v3/process", get(list))
        .merge(processes_page::router());
    format!("http://{}/processes", listen(app.merge(view::router())).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_logs_in_where_that_is_asked_for_and_renews_it() {
    let chromium = Chromium::launch().await;
    let page = chromium.open(&behind_a_login().await).await;
    browser::becomes_true(&page, "!login.hidden && summary.textContent === 'This list needs a login'").await;
    for screen in SCREENS {
        page.becomes_phone(screen).await.unwrap();
        assert_eq!(says(&page, AMISS).await, "", "on {screen:?}");
    }
    let enter = |password: &str| {
        format!(
            "document.getElementById('name').value = 'ada'; document.getElementById('password').value = '{password}'; \
             login.requestSubmit(); true"
        )
    };
    page.evaluate(&enter("byron")).await.unwrap();
    browser::becomes_true(&page, "wrong.textContent === 'The name or the password is wrong'").await;
    page.evaluate(&enter("lovelace")).await.unwrap();
    browser::becomes_true(&page, "document.body.dataset.state === 'shown' && login.hidden && entry.hidden")
        .await;
    assert_eq!(says(&page, "summary.textContent").await, "3 in all, 1 running");
}
