//! Desks from outside: another WebRTC stack and a real browser, which offer, answer, and speak on data channels.

mod guest;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use understudy_core::fanout::quality::{Quality, WELL};
use understudy_core::level::Level;
use understudy_core::offer::{Description, Type};
use understudy_e2e::browser::Chromium;
use understudy_runtime::program::Program;
use understudy_runtime::rtc::{Desk, Ended, First, Handle, Message, Opening, SILENT_AFTER, Said, Told};

use crate::support::link::Link;
use crate::support::stage::Stage;
use crate::support::steps::Steps;
use guest::{Browser, Guest, Sitting};

/// Three quarters of what picture and sound take: one step less has room.
const NARROW: u64 = 2_000_000;
/// What is told may come that much later, on a machine that does more than this.
const MARGIN: Duration = Duration::from_secs(1);
/// A browser that finds its way does so within this.
const COMES: Duration = Duration::from_secs(7);

fn desk(stage: &Stage, first: First) -> Desk {
    open(&stage.driver, &stage.program, first)
}

fn open(driver: &Handle, program: &Program, first: First) -> Desk {
    let opening = Opening { name: "program", level: Level::HD, first, pulse: said_of };
    driver.desk(program, opening).expect("there must be a seat")
}

const fn said_of(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "it does well",
        Quality::Poor => "it does poorly",
    }
}

fn opened(label: &str) -> Told {
    Told::Opened { label: label.into() }
}

/// Ours, of a description.
fn ufrag(told: &Told) -> Option<&str> {
    let Told::Description(Description { sdp, .. }) = told else { return None };
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:"))
}

fn text(label: &str, text: &str) -> Told {
    Told::Message { label: label.into(), message: Message::Text(text.into()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_answers_and_has_picture_sound_and_data_channels() {
    let stage = Stage::open().await;
    let guest = Guest::start(&["--channel", "keyboard", "--channel", "moves"]);
    let mut sitting = Sitting::new(desk(&stage, First::Us), guest);
    sitting.is_told(&Told::Connected).await;
    for label in ["keyboard", "moves", "general"] {
        sitting.is_told(&opened(label)).await;
    }
    sitting.guest_says(r#"{"media": "video"}"#).await;
    sitting.guest_says(r#"{"media": "audio"}"#).await;
    for label in ["keyboard", "moves"] {
        sitting.guest.tell(&format!(r#"{{"label": "{label}", "say": "down"}}"#)).await;
        sitting.is_told(&text(label, "down")).await;
        assert!(sitting.desk.speaker().say(label, Message::Text("up".into())).await);
        sitting.guest_says(&format!(r#"{{"label": "{label}", "heard": "up"}}"#)).await;
    }
    assert!(sitting.desk.speaker().say("general", Message::Binary(vec![1, 2].into())).await);
    sitting.guest_says(r#"{"label": "general", "heard": "0102"}"#).await;
    assert_eq!(*stage.driver.viewers("program").borrow(), 1);

    let speaker = sitting.desk.speaker();
    drop(sitting);
    let mut viewers = stage.driver.viewers("program");
    let gone = tokio::time::timeout(MARGIN, viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the desk is still counted");
    assert!(!speaker.say("general", Message::Text("late".into())).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_stack_that_offers_data_channels_is_offered_picture_and_sound() {
    let stage = Stage::open().await;
    let mut sitting =
        Sitting::new(desk(&stage, First::Peer), Guest::start(&["--first", "--channel", "keyboard"]));
    sitting.is_told(&opened("keyboard")).await;
    sitting.is_told(&opened("general")).await;
    sitting.guest_says(r#"{"media": "video"}"#).await;
    sitting.guest_says(r#"{"media": "audio"}"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_refuses_media_has_data_channels_and_is_told_of_when_it_is_silent_and_when_it_speaks_again() {
    let stage = Stage::open().await;
    let guest = Guest::start(&["--refuse", "--channel", "keyboard"]);
    let mut sitting = Sitting::new(desk(&stage, First::Us), guest);
    sitting.is_told(&opened("general")).await;
    // It is there and says nothing.
    let until = Instant::now() + SILENT_AFTER + MARGIN;
    let quiet = tokio::time::timeout_at(until.into(), sitting.is_told(&Told::Silent)).await;
    assert!(quiet.is_err(), "whoever acknowledges is not silent");
    assert!(!sitting.guest_said(r#"{"media": "video"}"#) && !sitting.guest_said(r#"{"media": "audio"}"#));

    sitting.guest.signal(Signal::SIGSTOP);
    let stopped = Instant::now();
    sitting.is_told(&Told::Silent).await;
    assert!(stopped.elapsed() < SILENT_AFTER + MARGIN, "{:?}", stopped.elapsed());
    sitting.guest.signal(Signal::SIGCONT);
    sitting.is_told(&Told::Heard).await;
    sitting.guest.tell(r#"{"label": "keyboard", "say": "again"}"#).await;
    sitting.is_told(&text("keyboard", "again")).await;

    // One that reads nothing: what has to arrive ends it.
    sitting.guest.signal(Signal::SIGSTOP);
    let speaker = sitting.desk.speaker();
    for _ in 0..20 {
        speaker.say("general", Message::Text("x".repeat(8000))).await;
    }
    sitting.is_told(&Told::Closed(Ended::Slow)).await;
    sitting.guest.signal(Signal::SIGCONT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_whose_offer_collides_with_ours_answers_ours() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    // Chromium that takes back an offer may look for no way to what comes next (docs/behaviours.md): its clients come again then.
    let mut attempts = 0..3;
    let mut sitting = loop {
        attempts.next().expect("it must come at one of three attempts");
        page.evaluate(guest::PAGE).await.expect("the script must run");
        let mut sitting = Sitting::new(desk(&stage, First::Us), Browser::new(page.clone()));
        // It has offered before it hears anything.
        sitting.guest_says("offer").await;
        if tokio::time::timeout(COMES, sitting.is_told(&Told::Connected)).await.is_ok() {
            break sitting;
        }
    };
    for label in ["keyboard", "moves", "general"] {
        sitting.is_told(&opened(label)).await;
    }
    sitting.is_told(&text("keyboard", "typed")).await;
    sitting.guest_says("pictures").await;
    assert!(sitting.desk.speaker().say("keyboard", Message::Text("heard".into())).await);
    sitting.guest_says("heard").await;
    let offers = sitting.told.iter().filter(|told| matches!(told, Told::Description(_))).count();
    assert_eq!(offers, 1, "its own offer is passed over, and it needs no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_offers_data_channels_first_is_offered_picture_and_sound() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    page.evaluate(guest::PAGE).await.expect("the script must run");
    let mut sitting = Sitting::new(desk(&stage, First::Peer), Browser::new(page));
    sitting.is_told(&text("keyboard", "typed")).await;
    sitting.is_told(&opened("general")).await;
    sitting.guest_says("pictures").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_has_the_way_found_anew_and_its_channels_and_pictures_go_on() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    page.evaluate(guest::PAGE).await.expect("the script must run");
    let mut sitting = Sitting::new(desk(&stage, First::Peer), Browser::new(page.clone()));
    sitting.is_told(&text("keyboard", "typed")).await;
    sitting.is_told(&opened("general")).await;
    sitting.guest_says("pictures").await;
    let before = sitting.told.len();
    for turn in ["once", "twice"] {
        page.evaluate("restart()").await.expect("it must offer");
        // Nothing but a check with the new credentials finds the way over which this comes.
        let renewed = |told: &Told| matches!(told, Told::Description(Description { ty: Type::Answer, .. }));
        let answers = sitting.told.iter().filter(|told| renewed(told)).count();
        sitting.becomes(|sitting| sitting.told.iter().filter(|told| renewed(told)).count() > answers).await;
        page.evaluate(&format!("keyboard.send('{turn}'); look('{turn} pictures'); true")).await.unwrap();
        sitting.is_told(&text("keyboard", turn)).await;
        assert!(sitting.desk.speaker().say("keyboard", Message::Text(format!("{turn} heard"))).await);
        sitting.guest_says(&format!("{turn} heard")).await;
        sitting.guest_says(&format!("{turn} pictures")).await;
    }
    let ufrags: HashSet<_> = sitting.told.iter().filter_map(ufrag).collect();
    assert_eq!(ufrags.len(), 3, "new ones of ours each time: {ufrags:?}");
    let is_new = |told: &Told| matches!(told, Told::Connected | Told::Opened { .. } | Told::Shut { .. });
    assert!(!sitting.told[before..].iter().any(is_new), "one association: {:?}", &sitting.told[before..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_link_is_narrow_is_told_that_it_does_poorly_until_it_carries_all_again() {
    let stage = Steps::open().await;
    let link = Arc::new(Link::to(stage.http, stage.driver.local_addr().port()).await);
    let desk = open(&stage.driver, &stage.program, First::Us);
    let mut sitting = Sitting::over(&link, desk, Guest::start(&["--channel", "keyboard"]));
    sitting.guest_says(r#"{"media": "video"}"#).await;
    sitting.guest_says(r#"{"label": "general", "heard": "it does well"}"#).await;
    let is_told = |told: &[Told]| told.iter().any(|told| matches!(told, Told::Quality(_)));
    assert!(!is_told(&sitting.told), "it has room for all: {:?}", sitting.told);

    link.narrow(NARROW);
    sitting.is_told(&Told::Quality(Quality::Poor)).await;
    sitting.guest_says(r#"{"label": "general", "heard": "it does poorly"}"#).await;
    // Less is shown, and has room: that is no better than all.
    sitting.becomes(|_| stage.metric("shown{step=\"Half\"}") == 1).await;
    sitting.goes_on(WELL + MARGIN).await;
    assert!(!sitting.told.contains(&Told::Quality(Quality::Good)), "{:?}", sitting.told);

    link.widen();
    sitting.is_told(&Told::Quality(Quality::Good)).await;
    assert_eq!(stage.metric("shown{step=\"Full\"}"), 1);
    sitting.guest_says_again(r#"{"label": "general", "heard": "it does well"}"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_said_and_the_desk_is_as_it_was() {
    let stage = Stage::open().await;
    let mut desk = desk(&stage, First::Us);
    let answer = Description { ty: Type::Answer, sdp: "v=0\r\n".into() };
    desk.hear(Said::Description(answer)).await.expect_err("it answers nothing");
    let mut sitting = Sitting::new(desk, Guest::start(&["--channel", "keyboard"]));
    sitting.guest_says(r#"{"opened": "keyboard"}"#).await;
    assert!(matches!(sitting.told[0], Told::Description(Description { ty: Type::Offer, .. })));
    // Nor does one that comes late.
    let late = Description { ty: Type::Answer, sdp: "v=0\r\n".into() };
    sitting.desk.hear(Said::Description(late)).await.expect("it is passed over");
    sitting.guest.tell(r#"{"label": "keyboard", "say": "still here"}"#).await;
    sitting.is_told(&text("keyboard", "still here")).await;
}
