//! What is told of a source: its metrics and its span.

use std::io::Write;
use std::time::Duration;

use parking_lot::Mutex;
use tracing_subscriber::fmt::format::FmtSpan;
use understudy_core::input::{Carries, Health};
use understudy_core::spec::{FrameRate, Repeat, Shape};

use crate::support::counts::{scraped, value};
use crate::support::site::{Mood, Site};
use crate::support::studio::{OPEN, Studio, fails, fares, stream};

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines of the log that speak of a source, from now on.
fn told() -> Vec<String> {
    let text = String::from_utf8_lossy(&LOG.lock()).into_owned();
    text.lines().filter(|line| line.contains("source{")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_source_fares_is_counted_and_told_without_its_secrets() {
    let log =
        tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::DEBUG).with_writer(|| Log);
    log.with_span_events(FmtSpan::NEW | FmtSpan::CLOSE).init();
    let (studio, site) = (Studio::open().await, Site::open().await);
    let url = site.url("live/ts").replace("http://", "http://me:secret@") + "?token=secret";
    let source = studio.play(stream(&url), Carries::Both);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    studio.until(true, OPEN).await;
    let seen = studio.watch(Duration::from_secs(2)).await;
    let text = scraped(&studio.metrics);
    let frames = |kind: &str, result: &str| {
        format!("understudy_input_frames_total{{source=\"stream\",kind=\"{kind}\",result=\"{result}\"}}")
    };
    let state =
        |state: &str| format!("understudy_input_state{{source=\"stream\",kind=\"video\",state=\"{state}\"}}");
    let came = value(&text, &frames("video", "shown")) + value(&text, &frames("video", "late"));
    assert!(came >= seen.changes.len() as f64 - 1.0, "{came} frames, {} seen", seen.changes.len());
    let sound = value(&text, &frames("audio", "shown")) + value(&text, &frames("audio", "late"));
    assert!(sound > 50.0, "{sound} pieces of sound in two seconds, of 20 ms each");
    assert!(text.contains(&frames("video", "dropped")), "{text}");
    let arrived = |kind: &str| {
        value(&text, &format!("understudy_input_arrived_total{{source=\"stream\",kind=\"{kind}\"}}"))
    };
    assert!(arrived("video") >= seen.changes.len() as f64 - 1.0 && arrived("audio") > 50.0, "{text}");
    assert_eq!(value(&text, "understudy_input_to_camera_seconds_count{source=\"stream\"}"), came);
    assert!(value(&text, "understudy_input_to_camera_seconds_sum{source=\"stream\"}") > 0.0, "{text}");
    assert_eq!((value(&text, &state("playing")), value(&text, &state("failed"))), (1.0, 0.0));

    site.is_in(Mood::Refuses);
    fails(&source).await;
    site.is_in(Mood::Sends);
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    assert!(value(&scraped(&studio.metrics), "understudy_input_reconnects_total{source=\"stream\"}") >= 1.0);

    drop(source);
    let start = std::time::Instant::now();
    let ended = || told().iter().any(|line| line.ends_with("close") || line.contains(": close "));
    while value(&scraped(&studio.metrics), &state("playing")) != 0.0 || !ended() {
        assert!(start.elapsed() < OPEN, "it must be told that it ended: {:#?}", told());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (told, text) = (told(), scraped(&studio.metrics));
    println!("{told:#?}\n{text}");
    let span = format!("source{{source=\"stream\" carries=Both url=\"{}?token=***\"}}", site.url("live/ts"));
    for sentence in ["new", "a source plays", "a source does not play"] {
        assert!(
            told.iter().any(|line| line.contains(&span) && line.contains(sentence)),
            "{sentence}: {told:#?}"
        );
    }
    assert!(!told.concat().contains("secret") && !text.contains("127.0.0.1") && !text.contains("secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_the_camera_does_not_take_arrive_and_are_dropped() {
    let studio = Studio::open().await;
    let slow = Shape { size: None, frame_rate: Some(FrameRate::parse("frameRate", 10).unwrap()) };
    let source = studio.shaped(studio.placed("short.mkv", Repeat::Once), Carries::Video, slow);
    fares(&source, OPEN, |health| *health == Health::Ended).await;
    let text = scraped(&studio.metrics);
    let frames = |result: &str| {
        value(
            &text,
            &format!("understudy_input_frames_total{{source=\"file\",kind=\"video\",result=\"{result}\"}}"),
        )
    };
    let arrived = value(&text, "understudy_input_arrived_total{source=\"file\",kind=\"video\"}");
    println!("{arrived} arrived, {} shown, {} dropped", frames("shown") + frames("late"), frames("dropped"));
    // Four seconds at 30 pictures a second, shown at ten; a picture at either end is a matter of rounding.
    assert_eq!(arrived, 120.0);
    assert!((39.0..=42.0).contains(&(frames("shown") + frames("late"))), "{text}");
    assert!((78.0..=81.0).contains(&frames("dropped")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_still_picture_stays_and_is_not_opened_as_fast_as_the_machine_can() {
    let studio = Studio::open().await;
    let _source = studio.play(studio.place("picture.png"), Carries::Video);
    studio.until_changed().await;
    let shown = studio.picture.current();
    studio.watch(Duration::from_secs(4)).await;
    let text = scraped(&studio.metrics);
    let arrived = value(&text, "understudy_input_arrived_total{source=\"file\",kind=\"video\"}");
    println!("{arrived} pictures");
    // Opened at once, and after a quarter of a second, a half, one, two: each time it goes round until it is known as one.
    assert!((1.0..=400.0).contains(&arrived), "{arrived} pictures");
    assert!(studio.picture.current() == shown, "it stays");
}
