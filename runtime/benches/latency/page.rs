//! The page of the session that reads each camera frame, and its clock against ours.

use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::header::{HeaderName, HeaderValue};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::browser;

const PAGE: &str = concat!(
    "<!doctype html>\n<script>\n",
    include_str!("../../tests/fixtures/number.js"),
    "</script>\n",
    include_str!("page.html")
);
/// The best of so many comparisons is the one that was least disturbed.
const COMPARISONS: usize = 200;

/// A number that was read from a camera frame, with Unix times.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(from = "(u32, f64, f64)")]
pub struct Sight {
    pub number: u32,
    /// The page got hold of the frame.
    pub handed: Duration,
    /// It had read the number from it.
    pub read: Duration,
}

/// By how much the page's clock is ahead of ours, and how sure that is.
#[derive(Clone, Copy, Debug)]
pub struct ClockError {
    pub ahead_milliseconds: f64,
    pub within_milliseconds: f64,
}

impl From<(u32, f64, f64)> for Sight {
    fn from((number, handed, read): (u32, f64, f64)) -> Self {
        let time = |milliseconds: f64| Duration::from_secs_f64(milliseconds / 1000.0);
        Self { number, handed: time(handed), read: time(read) }
    }
}

/// Serves it on loopback; its URL.
pub async fn serve() -> String {
    // Isolated from other origins, a page's clock shows microseconds.
    let isolated = [
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static("require-corp")),
    ];
    let app = Router::new().route("/", get(|| async move { (isolated, Html(PAGE)).into_response() }));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
    let address = listener.local_addr().expect("a listener must have an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

/// The session's page, once it watches its camera.
pub async fn attach(devtools: &str) -> Page {
    let version = reqwest::get(format!("http://{devtools}/json/version")).await;
    let version: Value = version.expect("DevTools must answer").json().await.expect("it must be JSON");
    let socket = version["webSocketDebuggerUrl"].as_str().expect("DevTools must name their socket");
    let (devtools, _reader) = Devtools::connect(socket).await.expect("DevTools must be there");
    let page = Page::first(&devtools).await.expect("the page must be there");
    browser::becomes_true(&page, "window.latency?.state === 'watching'").await;
    page
}

/// What it has seen since it was last asked.
pub async fn take(page: &Page) -> Vec<Sight> {
    let seen = page.evaluate("latency.take()").await.expect("the page must answer");
    serde_json::from_value(seen).expect("it must tell numbers and times")
}

/// Asks for its time again and again, as one sets a clock over a network.
pub async fn compare_clocks(page: &Page) -> ClockError {
    let mut best = ClockError { ahead_milliseconds: 0.0, within_milliseconds: f64::MAX };
    for _ in 0..COMPARISONS {
        let before = unix(SystemTime::now());
        let theirs = page.evaluate("performance.timeOrigin + performance.now()").await;
        let after = unix(SystemTime::now());
        let theirs = theirs.ok().and_then(|time| time.as_f64()).expect("the page must have a clock");
        let half = (after - before).as_secs_f64() * 500.0;
        if half < best.within_milliseconds {
            let ours = before.as_secs_f64() * 1000.0 + half;
            best = ClockError { ahead_milliseconds: theirs - ours, within_milliseconds: half };
        }
    }
    best
}

pub fn unix(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).expect("the clock must be set")
}
