//! Many viewers at once, each of which counts what it gets.

use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use understudy_load::args::Args;
use understudy_load::crowd::{self, Wanted};
use understudy_load::report::Report;

use super::{OFFER, post};
use crate::support::stage::Stage;

/// With a keyframe on joining, on busy cores; without one it would be ten seconds on average.
const SOON_MILLISECONDS: f64 = 4000.0;

pub async fn watched(url: String, options: &[&str]) -> Report {
    let all = ["understudy-load", "--url", &url].into_iter().chain(options.iter().copied());
    let args = <Args as clap::Parser>::try_parse_from(all).expect("the options must be read");
    let wanted: Wanted = args.wanted();
    let signalling = args.signalling().expect("a client must be made").expect("a server is named");
    Report::of(&crowd::watch(signalling, Ipv4Addr::LOCALHOST.into(), &wanted).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_viewers_join_and_each_sees_a_whole_keyframe_and_loses_nothing() {
    let stage = Stage::open().await;
    let options = ["--viewers", "10", "--join-rate", "20/s", "--seconds", "2", "--sample", "1/1"];
    let report = watched(stage.whep(), &options).await;
    let viewers = &report.viewers;
    assert_eq!((viewers.connected, viewers.pictured), (10, 10), "{report}");
    assert!(viewers.failures.is_empty(), "{report}");
    assert_eq!((viewers.counts.lost, viewers.counts.unknown), (0, 0), "{report}");
    assert_eq!(viewers.counts.decrypted, viewers.counts.decrypting, "{report}");
    assert_eq!(viewers.counts.decrypted, viewers.counts.packets, "{report}");
    assert!(report.together.packets_per_viewer_second > 80.0, "{report}");
    assert!(viewers.counts.reports_sent >= 10 && viewers.counts.sender_reports >= 10, "{report}");
    let soon = viewers.keyframe.map(|spread| spread.p95_milliseconds);
    assert!(soon.is_some_and(|soon| soon < SOON_MILLISECONDS), "{report}");
    let mut left = stage.driver.viewers("program");
    let gone = tokio::time::timeout(Duration::from_secs(10), left.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "somebody is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_in_as_many_loops_as_there_are_all_see_everything() {
    for loops in 1..=3 {
        let loops = NonZeroUsize::new(loops).expect("more than none");
        let stage = Stage::of(loops, Ipv4Addr::LOCALHOST.into()).await;
        let mut readers = stage.media.video.demand();
        let options = ["--viewers", "6", "--join-rate", "20/s", "--seconds", "2", "--sample", "1/1"];
        let (url, options) = (stage.whep(), options.map(str::to_owned));
        let watching =
            tokio::spawn(async move { watched(url, &options.each_ref().map(String::as_str)).await });
        // Each loop in which somebody watches reads the hub once.
        let spread = readers.wait_for(|count| *count == loops.get());
        assert!(tokio::time::timeout(Duration::from_secs(10), spread).await.is_ok(), "{loops}");
        let report = watching.await.expect("they must watch");
        let viewers = &report.viewers;
        assert_eq!((viewers.connected, viewers.pictured), (6, 6), "{loops}: {report}");
        assert_eq!((viewers.counts.lost, viewers.counts.unknown), (0, 0), "{loops}: {report}");
        assert_eq!(viewers.counts.decrypted, viewers.counts.packets, "{loops}: {report}");
        assert!(report.together.packets_per_viewer_second > 80.0, "{loops}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_come_and_go_take_nothing_from_those_who_stay() {
    let stage = Stage::open().await;
    let options =
        ["--viewers", "3", "--seconds", "3", "--sample", "0", "--churn", "5/s", "--churn-stay", "1"];
    let report = watched(stage.whep(), &options).await;
    let passing = report.churn.as_ref().expect("somebody came and went");
    assert_eq!((passing.asked, passing.connected), (15, 15), "{report}");
    assert_eq!((report.together.viewers, report.together.counts.lost), (3, 0), "{report}");
    // Nobody's packets are decrypted once there is a picture.
    assert!(report.viewers.counts.decrypting < report.viewers.counts.packets / 2, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_is_refused_is_reported_with_status_and_body() {
    let stage = Stage::open().await;
    let report =
        watched(stage.whep().replace("program", "nothing"), &["--viewers", "2", "--seconds", "0"]).await;
    let (reason, count) = report.viewers.failures.first_key_value().expect("they must fail");
    assert_eq!((*count, report.viewers.connected), (2, 0), "{report}");
    assert!(reason.contains("404") && reason.len() > "the server refused: 404 Not Found: ".len(), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_place_and_never_comes_costs_nobody_a_keyframe() {
    const ASKED: usize = 20;
    let stage = Stage::open().await;
    let url = stage.whep();
    let watching = tokio::spawn(async move { watched(url, &["--viewers", "1", "--seconds", "12"]).await });
    let keyframes = stage.media.video.keyframes();
    let mut viewers = stage.driver.viewers("program");
    viewers.wait_for(|count| *count == 1).await.expect("it must come");
    // Until what its own coming made is over.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, http, began) = (*keyframes.borrow(), reqwest::Client::new(), Instant::now());
    for _ in 0..ASKED {
        let created = post(&http, &stage.whep(), OFFER.into()).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let path = created.headers()[LOCATION].to_str().expect("a path must be text");
        http.delete(format!("http://{}{path}", stage.http)).send().await.expect("HTTP must work");
        // A keyframe is made each tenth of a second at most.
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    let made = *keyframes.borrow() - before;
    println!("{made} keyframes");
    // The encoder makes one each two seconds by itself.
    let by_itself = began.elapsed().as_secs() / 2 + 1;
    assert!(!watching.is_finished() && made <= by_itself + 1, "{made} keyframes for {ASKED} who never came");
    let report = watching.await.expect("it must watch");
    assert_eq!(report.viewers.counts.lost, 0, "{report}");
}
