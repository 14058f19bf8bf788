//! The runtime's image by itself, with no document and no cluster behind it: driven over HTTP and DevTools alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use understudy_devtools::{Devtools, Page};
use understudy_e2e::container::Container;
use understudy_e2e::kubectl::Kubectl;
use understudy_e2e::probe::Watch;
use understudy_e2e::wait;

/// From the start of the image to an answer, and from a source to its picture, on a machine that does more than this.
const STARTS: Duration = Duration::from_secs(60);

async fn ask(url: &str) -> Result<Value, String> {
    let answer = reqwest::get(url).await.map_err(|error| error.to_string())?;
    answer.json().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_image_alone_starts_an_idle_session_that_is_driven_over_http() {
    let nodes = Kubectl::demo("demo").await.get("nodes").await.unwrap();
    let container = Container::start("alone", &nodes, &[("UNDERSTUDY_ACCESS", "open")]).await;
    let outcome = tokio::spawn(driven(container.at(10001), container.at(9222))).await;
    container.stop().await;
    outcome.unwrap();
}

async fn driven(http: SocketAddr, devtools: SocketAddr) {
    let inputs = format!("http://{http}/input/devices/virtual");
    let status = format!("{inputs}/status");
    let idle = wait::until(STARTS, || ask(&status)).await.0;
    assert_eq!((&idle["state"], &idle["mode"]), (&json!("idle"), &json!("device")));

    // The browser's address is the one that was asked, and a page of the runtime's shows its camera.
    let version = format!("http://{devtools}/json/version");
    let version = wait::until(STARTS, || ask(&version)).await.0;
    let address = version["webSocketDebuggerUrl"].as_str().unwrap();
    assert_eq!(address, format!("ws://{devtools}"), "{version}");
    let (devtools, _reader) = Devtools::connect(address).await.unwrap();
    let page = Page::open(&devtools).await.unwrap();
    page.load("http://127.0.0.1:10001/pages/mirror").await.unwrap();

    let film = json!({"type": "file", "url": "understudy:test-picture"});
    let configure = reqwest::Client::new().post(format!("{inputs}/configure"));
    let answer = configure.body(json!({"video": film, "audio": film}).to_string()).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["state"], "running", "{answer}");
    let whep = format!("http://{http}/whep/program");
    wait::until(STARTS, || async {
        Watch { clip_frames: Some(600), ..Watch::new(&whep, 4) }.run().await?.is_the_test_picture()
    })
    .await;
}
