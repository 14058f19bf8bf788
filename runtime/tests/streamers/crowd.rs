//! Many at one streamer: what one of them does, or does not, costs the others nothing; and what came and went is gone.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use understudy_e2e::peer::Peer;
use understudy_e2e::wait;

use super::client::{SOON, active, at, until_watched};
use super::peers::{INPUTS, LETS_GO};
use super::typed::Typed;
use super::watcher::{Watcher, many};
use crate::support::held::Held;
use crate::support::session::Session;

const SHIFT: u16 = 0x10;
const A: u8 = 0x41;
/// A key is told in milliseconds; on a machine that does more than this, in this, which is less than it takes to notice who is silent.
const AT_ONCE: Duration = Duration::from_secs(1);
/// A session shows thirty a second where nothing else is done, and whoever waits for another is shown none.
const PICTURES_A_SECOND: f64 = 3.0;

#[tokio::test(flavor = "multi_thread")]
async fn one_who_freezes_delays_nobody_and_lets_go_of_what_it_held() {
    let session = Session::live(INPUTS).await;
    active(&session, "desk").await;
    let typed = Typed::at(&session).await;
    let url = at(&session, "/api/streamers/desk/peer");
    let frozen = Peer { hold: vec![SHIFT], ..Peer::new(&url, 120) }.start();
    let other = Watcher::start(&url).await;
    typed.until("keydown Shift", SOON).await;
    until_watched(&session, "desk", 2).await;

    let pid = Pid::from_raw(frozen.id().unwrap().try_into().unwrap());
    kill(pid, Signal::SIGSTOP).unwrap();
    let (began, before) = (Instant::now(), other.pictures());
    // Until it is noticed, and beyond: capitals, and then others.
    let is_let_go = || async {
        typed.forget().await;
        other.tap(A).await;
        let keys = typed.until_any(&["keyup A", "keyup a"], AT_ONCE).await;
        if keys.iter().any(|key| key == "keyup a") { Ok(()) } else { Err(format!("{keys:?}")) }
    };
    wait::until(LETS_GO, is_let_go).await;
    let shown = (other.pictures() - before) as f64 / began.elapsed().as_secs_f64();
    assert!(shown > PICTURES_A_SECOND, "{shown} a second");
    kill(pid, Signal::SIGCONT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_who_come_at_once_cost_one_keyframe_at_most() {
    let session = Session::live(INPUTS).await;
    active(&session, "desk").await;
    let url = at(&session, "/api/streamers/desk/peer");
    // Of two one is in another loop than the other: what a loop has from the first of its viewers is there.
    let [first, _second] = [Watcher::start(&url).await, Watcher::start(&url).await];
    let asked = || session.counts("understudy_hub_keyframes_asked_total");
    // What their own coming asked for is over when pictures flow.
    let flows = || async {
        let (before, pictures) = (asked().await, first.pictures());
        tokio::time::sleep(AT_ONCE).await;
        let rests = asked().await == before && first.pictures() > pictures;
        rests.then_some(before).ok_or_else(|| format!("{before} keyframes were asked for"))
    };
    let (before, _) = wait::until(SOON, flows).await;
    assert!(before > 0, "their own coming is counted");
    let report = many(&url, &["--viewers", "10", "--join-rate", "1000/s", "--seconds", "1"]).await;
    assert_eq!((report.viewers.connected, report.viewers.pictured), (10, 10), "{report}");
    let made = asked().await - before;
    assert!(made <= 1, "{made} keyframes were asked for: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_come_and_go_leave_nothing_behind() {
    let session = Session::live(INPUTS).await;
    active(&session, "desk").await;
    let url = at(&session, "/api/streamers/desk/peer");
    // Somebody watches all the time: what is kept warm for a while is there before and after.
    let _first = Watcher::start(&url).await;
    let rounds = async |seconds: &str, churn: &str| {
        let options = ["--viewers", "1", "--seconds", seconds, "--churn", churn, "--churn-stay", "2"];
        let report = many(&url, &options).await;
        let passing = report.churn.as_ref().unwrap();
        assert!(passing.failures.is_empty() && passing.connected > 0, "{report}");
        until_watched(&session, "desk", 1).await;
        passing.asked as u64
    };
    rounds("1", "5/s").await;
    let before = Held::at_rest(&session).await;
    let count = rounds("6", "8/s").await;
    // One that is left by each second round would be too many.
    let more = Held { descriptors: count / 2, threads: count / 2, resident_kib: u64::MAX >> 1 };
    before.comes_back(&session, more).await;
    for (series, left) in [
        ("understudy_streamer_peers", 1),
        ("understudy_streamer_live_peers", 1),
        (r#"understudy_streamer_count{status="Active"}"#, 1),
    ] {
        assert_eq!(session.counts(&format!("{series} ")).await, left, "{series}");
    }
}
