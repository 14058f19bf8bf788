//! A desk at a real display: what people ask for, as a page in the session's browser and as a client of X see it.

mod bench;
mod page;

use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::{Button, Contact, Input, Motion, Peer, Place, Scroll};
use understudy_e2e::wait;

use bench::{Bench, SOON, key, tap, text};
use page::Page;

const ADA: Peer = Peer(1);
const BOB: Peer = Peer(2);

/// Windows' virtual keys.
const BACKSPACE: u16 = 0x08;
const SHIFT: u16 = 0xa0;
const CONTROL: u16 = 0xa2;
const RIGHT_ALT: u16 = 0xa5;
const A: u16 = 0x41;
const NUMPAD_7: u16 = 0x67;

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_many_are_one_keyboard_to_a_page() {
    let (bench, page) = Page::open(Layout::Us).await;
    tap(&bench.desk, ADA, A);
    page.told(&["keydown a KeyA", "input a", "keyup a KeyA"]).await;
    bench.desk.input(ADA, key(Motion::Down, SHIFT));
    tap(&bench.desk, BOB, A);
    let capital = ["keydown Shift ShiftLeft", "keydown A KeyA", "input A", "keyup A KeyA"];
    page.told(&capital).await;
    bench.desk.leave(ADA);
    page.told(&["keyup Shift ShiftLeft"]).await;
    for virtual_key in [BACKSPACE, NUMPAD_7] {
        tap(&bench.desk, BOB, virtual_key);
    }
    let named = ["keydown Backspace Backspace", "input ", "keyup Backspace Backspace"];
    page.told(&[&named[..], &["keydown 7 Numpad7", "input 7", "keyup 7 Numpad7"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_of_any_script_arrives_as_it_is_whatever_is_held() {
    let (bench, page) = Page::open(Layout::Us).await;
    let written = "Grüße, 5 € – Жж 漢字!";
    bench.desk.input(ADA, text(written));
    page.holds(written).await;
    let names: String = page.log().await.iter().filter_map(|line| name(line)).collect();
    assert_eq!(names, written, "keys have the names of what they write");
    page.clear().await;
    bench.desk.input(ADA, text("😀"));
    page.holds("😀").await;
    page.clear().await;
    bench.desk.input(BOB, key(Motion::Down, CONTROL));
    bench.desk.input(BOB, key(Motion::Down, SHIFT));
    bench.desk.input(ADA, text("vVцЦ"));
    page.holds("vVцЦ").await;
    bench.desk.leave(BOB);
    page.clear().await;
    // Several times as many as there are spare keys.
    let many: String = ('一'..).take(80).collect();
    bench.desk.input(ADA, text(&many));
    page.holds(&many).await;
}

/// Of the character that a key writes.
fn name(line: &str) -> Option<&str> {
    line.strip_prefix("keydown ")?.rsplit_once(' ').map(|(name, _)| name).filter(|name| *name != "Shift")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_writes_what_stands_on_its_keys() {
    let (bench, page) = Page::open(Layout::German).await;
    let desk = &bench.desk;
    // The keys of Y, of the acute accent, E and ö as a US keyboard names them; then of 2 with Shift and of Q with AltGr.
    for virtual_key in [0x59, 0xbb, 0x45, 0xba] {
        tap(desk, ADA, virtual_key);
    }
    desk.input(ADA, key(Motion::Down, SHIFT));
    tap(desk, ADA, 0x32);
    desk.input(ADA, key(Motion::Up, SHIFT));
    desk.input(ADA, key(Motion::Down, RIGHT_ALT));
    tap(desk, ADA, 0x51);
    desk.input(ADA, key(Motion::Up, RIGHT_ALT));
    page.holds("zéö\"@").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pointer_buttons_wheels_and_fingers_are_where_they_were_meant() {
    let (bench, page) = Page::open(Layout::Us).await;
    let desk = &bench.desk;
    let at = |x, y| Place { x, y };
    desk.input(ADA, Input::Point(at(0.5, 0.75)));
    page.told(&["mousemove 400,450"]).await;
    desk.input(BOB, Input::Move { dx: -30, dy: 12 });
    page.told(&["mousemove 370,462"]).await;
    let buttons = [Button::Left, Button::Middle, Button::Right, Button::Back, Button::Forward];
    for (number, button) in buttons.into_iter().enumerate() {
        for motion in [Motion::Down, Motion::Up] {
            desk.input(ADA, Input::Button { motion, button });
        }
        page.told(&[&format!("mousedown {number}"), &format!("mouseup {number}")]).await;
    }
    // A third of a notch each.
    for _ in 0..3 {
        desk.input(ADA, Input::Scroll(Scroll { dx: 0, dy: 40 }));
    }
    page.told(&["wheel 0,1"]).await;
    desk.input(ADA, Input::Scroll(Scroll { dx: -120, dy: 0 }));
    page.told(&["wheel -1,0"]).await;
    for contact in [Contact::Down(at(0.25, 0.5)), Contact::Move(at(0.5, 0.5)), Contact::Up] {
        desk.input(ADA, Input::Touch { id: 7, contact });
    }
    page.told(&["mousemove 200,300", "mousedown 0", "mousemove 400,300", "mouseup 0"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_on_either_side_can_be_pasted_on_the_other() {
    let (bench, page) = Page::open(Layout::Us).await;
    let desk = &bench.desk;
    let mut copied = desk.copied();
    let control = |letter| {
        desk.input(ADA, key(Motion::Down, CONTROL));
        tap(desk, ADA, letter);
        desk.input(ADA, key(Motion::Up, CONTROL));
    };
    desk.copy("Grüße aus 漢".into());
    control(0x56); // V
    page.holds("Grüße aus 漢").await;
    assert_eq!(*copied.borrow_and_update(), None, "that it came from us is no news");
    desk.input(ADA, text("!"));
    page.holds("Grüße aus 漢!").await;
    control(A);
    control(0x43); // C
    let told = tokio::time::timeout(SOON, copied.wait_for(Option::is_some)).await;
    assert_eq!(told.unwrap().unwrap().as_deref(), Some("Grüße aus 漢!"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_when_a_display_died_is_not_held_on_the_next() {
    let mut bench = Bench::open(Layout::Us).await;
    bench.desk.input(ADA, key(Motion::Down, SHIFT));
    bench.desk.input(ADA, Input::Button { motion: Motion::Down, button: Button::Left });
    bench.holds(&["Shift", "button 1"]).await;
    kill(Pid::from_raw(bench.display.child.pid()), Signal::SIGKILL).unwrap();
    let mut screen = bench.desk.screen();
    tokio::time::timeout(SOON, screen.wait_for(Option::is_none)).await.unwrap().unwrap();
    bench.display = bench::display(bench.home.path(), (640, 480)).await;
    bench.desk.show(Some(bench.display.name.clone()));
    let size = *tokio::time::timeout(SOON, screen.wait_for(Option::is_some)).await.unwrap().unwrap();
    assert_eq!(size.map(|size| (size.width, size.height)), Some((640, 480)));
    bench.desk.input(ADA, key(Motion::Up, SHIFT));
    bench.desk.input(BOB, key(Motion::Down, A));
    bench.holds(&["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_who_leaves_a_desk_leaves_nothing_held() {
    let bench = Bench::open(Layout::Us).await;
    bench.desk.input(ADA, key(Motion::Down, SHIFT));
    bench.desk.input(ADA, text("漢"));
    bench.desk.input(BOB, Input::Button { motion: Motion::Down, button: Button::Left });
    bench.holds(&["Shift", "button 1"]).await;
    let Bench { desk, display, .. } = bench;
    drop(desk);
    wait::until(SOON, || async {
        let held = bench::held(&display);
        held.is_empty().then_some(()).ok_or_else(|| format!("{held:?}"))
    })
    .await;
}

/// A frame of a page is shown each 17 ms; a key is told before that.
const AT_ONCE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_in_the_page_at_once() {
    let (bench, page) = Page::open(Layout::Us).await;
    let mut took = Vec::new();
    for _ in 0..30 {
        page.clear().await;
        let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        tap(&bench.desk, ADA, A);
        page.told(&["keydown a KeyA", "input a", "keyup a KeyA"]).await;
        let seen = Duration::from_secs_f64(page.number("window.first / 1000").await);
        took.push(seen.saturating_sub(at));
    }
    took.sort();
    println!("from the desk to the page: p50 {:?}, p95 {:?}", took[15], took[28]);
    assert!(took[15] < AT_ONCE, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_display_that_stands_still_delays_nobody_who_asks() {
    let bench = Bench::open(Layout::Us).await;
    let display = Pid::from_raw(bench.display.child.pid());
    kill(display, Signal::SIGSTOP).unwrap();
    let began = Instant::now();
    for _ in 0..2000 {
        bench.desk.input(ADA, text("漢"));
    }
    bench.desk.leave(ADA);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    kill(display, Signal::SIGCONT).unwrap();
}
