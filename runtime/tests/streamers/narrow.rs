//! One who watches over a link that becomes narrow is told so.

use std::cell::Cell;
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_async, connect_async};
use understudy_e2e::peer::Peer;
use understudy_e2e::wait;

use super::client::{SOON, Socket, active, at};
use crate::support::link::Link;
use crate::support::session::Session;

/// Half of what this picture and its sound take.
const NARROW: u64 = 150_000;
/// A keyframe, and more.
const BEGINNING: u64 = 150_000;
const OK: &str = r#"{"ConnectionStatusUpdate":{"status":"Ok"}}"#;
const POOR: &str = r#"{"ConnectionStatusUpdate":{"status":"Poor"}}"#;

/// The port at which media is to be had, as an offer says.
async fn media(url: &str) -> u16 {
    let (_, offer) = Socket::open(url).await.until("Signaling").await;
    let sdp = offer["Signaling"]["Description"]["sdp"].as_str().unwrap().to_owned();
    let candidate =
        sdp.lines().find(|line| line.starts_with("a=candidate:") && line.contains(" udp ")).unwrap();
    candidate.split(' ').nth(5).unwrap().parse().unwrap()
}

/// Where the socket at that address is to be had, with the link for what it leads to. One comes.
async fn through(link: &Arc<Link>, url: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, link) = (listener.local_addr().unwrap(), Arc::clone(link));
    tokio::spawn(async move {
        let mut client = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        let (mut server, _) = connect_async(url).await.unwrap();
        loop {
            tokio::select! {
                Some(Ok(told)) = server.next() => client.send(rewritten(told, &link)).await?,
                Some(Ok(said)) = client.next() => server.send(said).await?,
                else => return Ok::<_, Error>(()),
            }
        }
    });
    format!("ws://{address}/")
}

fn rewritten(told: Message, link: &Link) -> Message {
    let Message::Text(text) = &told else { return told };
    let mut value: Value = serde_json::from_str(text).unwrap();
    let Some(sdp) = value.pointer_mut("/Signaling/Description/sdp") else { return told };
    *sdp = link.through(sdp.as_str().unwrap()).into();
    Message::text(value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_over_a_link_that_becomes_narrow_is_told_so() {
    let session = Session::live(
        "page: {url: \"understudy:mirror\"}\ninputs: {video: {file: {url: \"understudy:test-picture\"}}}",
    )
    .await;
    active(&session, "desk").await;
    let url = at(&session, "/api/streamers/desk/peer");
    let link = Arc::new(Link::to(session.http_at([127, 0, 0, 1].into()), media(&url).await).await);
    let peer = Peer::new(through(&link, url).await, 15);
    let watching = tokio::spawn(async move { peer.run().await });
    let bytes = Cell::new(0);
    let shown = || async {
        bytes.set(bytes.get() + link.passed().bytes);
        if bytes.get() > BEGINNING { Ok(()) } else { Err(format!("{} bytes", bytes.get())) }
    };
    wait::until(SOON, shown).await;
    link.narrow(NARROW);
    let told = watching.await.unwrap().unwrap();
    let first = told.general.iter().position(|said| said == POOR);
    let first = first.unwrap_or_else(|| panic!("it is told nothing of that: {told:?}"));
    assert!(first > 0 && told.general[..first].iter().all(|said| said == OK), "{told:?}");
    assert!(told.general[first..].iter().all(|said| said == POOR), "it stays so: {told:?}");
}
