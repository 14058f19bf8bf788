//! How long a frame is on its way from the wire to the page: a whole session as it runs in a pod, a sender that knows
//! when the last byte of each frame left, and a page that reads the number in each new frame of its camera.
//!
//! `cargo bench -p understudy-runtime --bench latency [-- SECONDS [FILE]]`; FILE gets each frame's figures. It fails if
//! a bound is passed, and says which.

#[path = "../../tests/support/session.rs"]
#[allow(dead_code, reason = "tests need more of it")]
mod session;

mod figures;
mod film;
mod page;
mod publisher;
mod transport;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use figures::Measured;
use film::Encoding;
use publisher::Publisher;
use serde_json::{Value, json};
use session::Session;
use understudy_core::test_picture::FRAME_RATE;
use understudy_devtools::Page;

const SECONDS: u64 = 20;
/// Caches, decoders and the browser's buffers are warm.
const WARM: Duration = Duration::from_secs(3);
/// The last frame is on its way for a fraction of it.
const ARRIVED_WITHIN: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> ExitCode {
    // Cargo adds flags of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let seconds = arguments.next().map_or(SECONDS, |text| text.parse().expect("SECONDS must be a number"));
    let file = arguments.next();
    let length = Duration::from_secs(seconds) + WARM;

    let spec = format!("page: {{url: '{}'}}", page::serve().await);
    let arguments = ["--camera", "pipewire", "--allow-private-urls", "127.0.0.1", "--log", "warn"];
    let session = Session::start_with(&spec, &arguments);
    session.until_reason("PageReady", "Loaded").await;
    let page = page::attach(&session.devtools()).await;
    let clock = page::compare_clocks(&page).await;

    let all = [
        webrtc("WebRTC VP8", Encoding::Vp8, &session, &page, length).await,
        webrtc("WebRTC H.264", Encoding::H264, &session, &page, length).await,
        socket("socket H.264 in TS", Encoding::H264, &session, &page, length).await,
        socket("socket MPEG-1 in TS", Encoding::Mpeg1, &session, &page, length).await,
    ];

    let mut out = std::io::stdout();
    let mut say = |text: String| writeln!(out, "{text}").expect("somebody must listen");
    say(figures::HEAD.into());
    all.iter().for_each(|measured| say(measured.row()));
    say(format!(
        "\nThe page's clock is {:+.2} ms ahead of the sender's, within {:.2} ms.",
        clock.ahead_milliseconds, clock.within_milliseconds
    ));
    if let Some(file) = file {
        let lines: String = all.iter().map(Measured::lines).collect();
        std::fs::write(&file, format!("{}\n{lines}", figures::COLUMNS)).expect("the file must be written");
    }
    session.terminate().await;
    let excesses: Vec<_> = all.iter().filter_map(Measured::excess).collect();
    let code = if excesses.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    excesses.into_iter().for_each(say);
    code
}

async fn webrtc(
    path: &'static str,
    encoding: Encoding,
    session: &Session,
    page: &Page,
    length: Duration,
) -> Measured {
    let film = tokio::task::spawn_blocking(move || film::encode(encoding, length)).await;
    let film = film.expect("the film must be encoded");
    configure(session, &json!({"video": {"type": "webrtc"}})).await;
    let url = session.url("/input/devices/virtual/webrtc/offer");
    let mut publisher = Publisher::connect(&url, encoding).await;
    page::take(page).await;
    let sent = publisher.send(&film).await;
    measured(path, &film, sent, page).await
}

async fn socket(
    path: &'static str,
    encoding: Encoding,
    session: &Session,
    page: &Page,
    length: Duration,
) -> Measured {
    let film = tokio::task::spawn_blocking(move || transport::encode(encoding, length)).await;
    let film = film.expect("the film must be encoded");
    configure(session, &json!({"video": {"type": "socket"}})).await;
    let url = session.url("/input/devices/virtual/socket/video").replace("http:", "ws:");
    page::take(page).await;
    let sent = transport::send(&url, &film).await;
    measured(path, &film, sent, page).await
}

async fn measured(path: &'static str, film: &[Bytes], sent: Vec<SystemTime>, page: &Page) -> Measured {
    tokio::time::sleep(ARRIVED_WITHIN).await;
    let bytes: usize = film.iter().map(Bytes::len).sum();
    let rate = (bytes * 8) as f64 / 1e6 / (film.len() as f64 / f64::from(FRAME_RATE));
    let sent: Vec<_> = sent.into_iter().map(page::unix).collect();
    let skip = (WARM.as_secs() * u64::from(FRAME_RATE)) as usize;
    Measured::new(path, rate, &sent, &page::take(page).await, skip)
}

async fn configure(session: &Session, inputs: &Value) {
    let url = session.url("/input/devices/virtual/configure");
    let answer = reqwest::Client::new().post(url).body(inputs.to_string()).send().await;
    let answer = answer.expect("the session must answer");
    let status = answer.status().as_u16();
    assert_eq!(status, 200, "{}", answer.text().await.unwrap_or_default());
}
