//! Peers on another WebRTC stack: they see and hear, and what they do is done on the page.

use std::time::Duration;

use serde_json::json;
use understudy_e2e::peer::Peer;
use understudy_e2e::wait;

use super::client::{SOON, active, at, first, until_watched};
use super::typed::Typed;
use crate::support::session::Session;

pub const INPUTS: &str = "page: {url: \"understudy:mirror\"}\ninputs: {video: {file: {url: \"understudy:test-picture\"}}, audio: {file: {url: \"understudy:test-picture\"}}}";

/// Strokes at once: several times what one may do.
const FLOOD: usize = 2_000;

/// From a peer's last sign of life to the release of what it held, which is 2 s, and what a machine that does more takes.
pub const LETS_GO: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn those_who_watch_see_hear_and_steer_and_one_that_dies_lets_go() {
    let session = Session::live(INPUTS).await;
    active(&session, "desk").await;
    let typed = Typed::at(&session).await;
    let url = at(&session, "/api/streamers/desk/peer");

    // Shift, held by one that is killed.
    let mut holder = Peer { hold: vec![0x10], ..Peer::new(&url, 120) }.start();
    typed.until("keydown Shift", SOON).await;
    let told = until_watched(&session, "desk", 1).await;
    assert_eq!(told["peers"][0]["is_live"], true);
    let together = Peer { press: vec![0x41], ..Peer::new(&url, 3) }.run().await.unwrap();
    assert_eq!((together.told[0].as_str(), together.size), ("WebRtcConfig", (1280, 720)));
    assert!(together.told.iter().any(|name| name == "ConnectionComplete"), "{together:?}");
    assert!(together.frames > 30 && (together.width, together.height) == (1280, 720), "{together:?}");
    assert!((together.tone_hz - 1000.0).abs() < 10.0 && together.audio_seconds > 2.0, "{together:?}");
    let keys = typed.until("keyup A", SOON).await;
    assert!(keys.contains(&"keydown A".to_owned()), "the Shift of one and the letter of another: {keys:?}");

    holder.kill().await.unwrap();
    typed.until("keyup Shift", LETS_GO).await;
    until_watched(&session, "desk", 0).await;

    // The older clients offer first; what they write arrives whatever keyboard it is from.
    typed.forget().await;
    let first = Some(first(&json!({"session_id": "ses", "mode": "create"})));
    let older = Peer {
        first,
        offers: true,
        text: Some("ж".to_owned()),
        ..Peer::new(at(&session, "/api/host/stream"), 1)
    };
    let older = older.run().await.unwrap();
    assert!(older.frames > 0 && older.size == (1280, 720), "{older:?}");
    typed.until("keydown ж", SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_does_more_than_hands_can_do_leaves_room_for_others_and_holds_nothing() {
    let session = Session::live(INPUTS).await;
    active(&session, "desk").await;
    let typed = Typed::at(&session).await;
    let url = at(&session, "/api/streamers/desk/peer");
    let mut hasty = Peer { press: vec![0x41; FLOOD], ..Peer::new(&url, 5) }.start();
    typed.until("keydown a", SOON).await;
    Peer { press: vec![0x42], ..Peer::new(&url, 1) }.run().await.unwrap();
    typed.until("keyup b", LETS_GO).await;
    hasty.wait().await.unwrap();
    until_watched(&session, "desk", 0).await;
    let let_go = || async {
        let keys = typed.heard().await?;
        let count = |what: &str| keys.iter().filter(|key| *key == what).count();
        let (downs, ups) = (count("keydown a"), count("keyup a"));
        if downs == ups { Ok(downs) } else { Err(format!("{downs} times down, {ups} times up")) }
    };
    let (pressed, _) = wait::until(LETS_GO, let_go).await;
    assert!(pressed > 0 && pressed < FLOOD, "{pressed}");
}
