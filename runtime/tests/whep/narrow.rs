//! A viewer behind a narrow link is shown less, and all again when the link is wide.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use understudy_core::rendition::Step;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::probe::Watch;

use super::many::watched;
use crate::support::link::Link;
use crate::support::steps::Steps;

/// Three quarters of what the picture takes with its sound.
const NARROW: u64 = 2_000_000;
/// Less than half of it.
const NARROWER: u64 = 1_000_000;
/// Of losses in a row, and an encoder that begins.
const DOWN_WITHIN: Duration = Duration::from_secs(15);
/// A first wait, however it is scattered, and a keyframe.
const UP_WITHIN: Duration = Duration::from_secs(25);

/// Fewer pictures in a second are a break that one sees, of a third of it. (28, as elsewhere, take a machine that does little
/// else; here are two encoders.)
const BREAK: u32 = 20;
/// After a move, until what was lost before it is over.
const SETTLED: Duration = Duration::from_secs(2);

/// Whether packets came again in a stream of their own.
const REPAIRED: &str = "(async () => [...(await understudy.peer.getStats()).values()].some((entry) =>
    entry.type === 'inbound-rtp' && entry.kind === 'video' && entry.rtxSsrc > 0 && entry.retransmittedPacketsReceived > 0))()";

async fn becomes(what: &str, within: Duration, mut is: impl FnMut() -> bool) {
    let looks = async {
        while !is() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(within, looks).await.is_ok(), "it must be so: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_behind_a_narrow_link_is_shown_less_until_it_is_wide_and_another_notices_nothing() {
    let stage = Steps::open().await;
    let link = Link::to(stage.http, stage.driver.local_addr().port()).await;
    let whep = stage.whep();
    let other = tokio::spawn(async move {
        watched(whep, &["--viewers", "1", "--seconds", "34", "--sample", "1/1"]).await
    });
    let probe = Watch::new(link.whep(), 38);
    let narrowed = tokio::spawn(async move { probe.run().await });
    let mut viewers = stage.driver.viewers("program");
    viewers.wait_for(|count| *count == 2).await.expect("the driver must run");
    sleep(Duration::from_secs(5)).await;
    let wide = link.passed();
    assert!(wide.bytes > 5 * 200_000 && wide.lost == 0, "{wide:?}");
    assert_eq!((stage.is_read(Step::Full), stage.is_read(Step::Half)), (true, false), "nobody needs less");

    link.narrow(NARROW);
    becomes("less is shown", DOWN_WITHIN, || stage.metric("shown{step=\"Half\"}") == 1).await;
    let narrow = link.passed();
    assert!(narrow.lost > 0, "{narrow:?}");
    assert_eq!((stage.is_read(Step::Full), stage.is_read(Step::Half)), (true, true));
    sleep(SETTLED).await;
    link.passed();
    sleep(SETTLED).await;
    let settled = link.passed();
    assert!(settled.bytes < 2 * 220_000 && settled.lost < 20, "{settled:?}");

    link.widen();
    becomes("all is shown again", UP_WITHIN, || stage.metric("shown{step=\"Full\"}") == 2).await;
    assert_eq!(
        (stage.is_read(Step::Full), stage.is_read(Step::Half)),
        (true, false),
        "nobody needs less any more"
    );
    assert_eq!(stage.metric("moves_total{way=\"Down\"}"), 1);

    let narrowed = narrowed.await.expect("the probe must end").expect("the probe must watch");
    // There was no room for some seconds, and then there always was.
    let poor = narrowed.seconds.iter().rposition(|pictures| *pictures < BREAK).map_or(0, |last| last + 1);
    let went_on = narrowed.seconds.len() - poor;
    assert!(went_on >= 20, "{narrowed:?}");
    let other = other.await.expect("it must watch");
    let counts = &other.together.counts;
    assert_eq!((counts.lost, counts.decrypted), (0, counts.packets), "{other}");
    assert!(other.together.packets_per_viewer_second > 200.0, "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_behind_a_narrow_link_goes_on_with_less() {
    let stage = Steps::open().await;
    let link = Link::to(stage.http, stage.driver.local_addr().port()).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&link.view()).await;
    browser::becomes_true(&page, "document.body.dataset.state === 'live' && understudy.frames > 300").await;
    let wide = link.passed();
    assert_eq!(wide.lost, 0, "{wide:?}");
    assert_eq!(stage.metric("moves_total{way=\"Down\"}"), 0, "it has room for all");
    link.narrow(NARROWER);
    becomes("less is shown", DOWN_WITHIN, || stage.metric("shown{step=\"Quarter\"}") == 1).await;
    browser::becomes_true(&page, "understudy.width === 640 && understudy.height === 360").await;
    // What was lost came in a stream of its own.
    browser::becomes_true(&page, REPAIRED).await;
    link.widen();
    becomes("all is shown again", UP_WITHIN * 2, || stage.metric("shown{step=\"Full\"}") == 1).await;
    browser::becomes_true(&page, "understudy.width === 1280 && understudy.height === 720").await;
}
