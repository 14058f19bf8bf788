//! The page comes back by itself, and takes one place whatever happens.

use tokio::sync::watch;
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};
use understudy_runtime::egress::{view, whep};
use understudy_runtime::program::{Program, Registry};

use super::{PLAYS, SESSION, is_in, says};
use crate::support::session::Session;
use crate::support::stage::{self, Stage, listen};

/// Keeps `window.most`: how many places were asked for at once and not given back, those before not counted.
const COUNT_PLACES: &str = "window.taken = 0; window.most = 0; { let held = 0; const ask = fetch;
    window.fetch = async (url, wish) => {
        if (wish?.method === 'POST' && `${url}`.includes('/whep/')) { taken += 1; held += 1; most = Math.max(most, held); }
        const answer = await ask(url, wish);
        if (wish?.method === 'DELETE') held = Math.max(held - 1, 0);
        return answer;
    }; } true";

/// Goes on for that many pictures, from now.
async fn goes_on(page: &Page, pictures: u32) {
    let now = page.evaluate("understudy.frames").await.unwrap();
    browser::becomes_true(page, &format!("{PLAYS} && understudy.frames > {now} + {pictures}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_there_is_a_picture_the_page_waits_and_then_plays() {
    let stage = Stage::open().await;
    let (shows, shown) = watch::channel(false);
    let http =
        listen(stage::app(stage.driver.clone(), [("program", Program::of(&stage.media, shown))])).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{http}/view")).await;
    says(&page, "Nothing on stage yet").await;
    browser::becomes_true(&page, "/^Next try in/.test(next.textContent)").await;
    browser::photograph(&page, "view-waiting.png").await;
    shows.send_replace(true);
    browser::becomes_true(&page, PLAYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_is_called_that_and_plays_when_it_begins_again() {
    let stage = Stage::open().await;
    let programs = Registry::default();
    let (_shows, shown) = watch::channel(true);
    let program = Program::of(&stage.media, shown);
    programs.name(&program, ["play".to_owned()]);
    let endpoint = whep::router(stage.driver.clone(), programs.clone(), whep::IceServers::default());
    let http = listen(endpoint.merge(view::router())).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{http}/view/play")).await;
    browser::becomes_true(&page, PLAYS).await;
    programs.name(&program, []);
    stage.driver.end("play").await;
    says(&page, "This stream has ended").await;
    programs.name(&program, ["play".to_owned()]);
    browser::becomes_true(&page, PLAYS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_is_started_again_is_watched_again() {
    let session = Session::live(SESSION).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/view")).await;
    browser::becomes_true(&page, PLAYS).await;
    let again = session.again().await;
    browser::becomes_true(&page, "understudy.state !== 'live'").await;
    again.until_served("Serving", super::START).await;
    browser::becomes_true(&page, &format!("{PLAYS} && understudy.attempts > 1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_that_does_not_come_back_is_said_not_to_answer() {
    let session = Session::live(SESSION).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.url("/view")).await;
    browser::becomes_true(&page, PLAYS).await;
    session.kill().await;
    says(&page, "The participant does not answer").await;
    browser::becomes_true(&page, "again.checkVisibility()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_back_has_the_way_found_anew_in_the_same_place() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, PLAYS).await;
    let fragment = "understudy.peer.localDescription.sdp.match(/ice-ufrag:(.*)/)[1].trim()";
    let before = page.evaluate(fragment).await.unwrap();
    page.evaluate("dispatchEvent(new Event('online')); true").await.unwrap();
    browser::becomes_true(&page, &format!("{fragment} !== {before}")).await;
    // Longer than a browser and the server wait for a way that there is none: it was found.
    goes_on(&page, 600).await;
    assert_eq!(page.evaluate("understudy.attempts").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_network_is_told_and_watches_again_when_there_is_one() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    browser::becomes_true(&page, PLAYS).await;
    page.goes_offline(true).await.unwrap();
    // Media does not go through what takes the network away.
    page.evaluate("understudy.peer.close(); true").await.unwrap();
    says(&page, "You are offline").await;
    page.goes_offline(false).await.unwrap();
    browser::becomes_true(&page, &format!("{PLAYS} && understudy.attempts > 1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_impatient_takes_one_place() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&stage.view()).await;
    page.evaluate(COUNT_PLACES).await.unwrap();
    let impatient = "(async () => { for (let i = 0; i < 12; i += 1) {
        again.click(); dispatchEvent(new Event('online'));
        await new Promise((done) => setTimeout(done, i * 15));
    } return true; })()";
    page.evaluate(impatient).await.unwrap();
    browser::becomes_true(&page, PLAYS).await;
    is_in(&page, "live").await;
    assert_eq!(*stage.driver.viewers("program").borrow(), 1);
    // The first was there before anybody counted.
    assert_eq!(page.evaluate("JSON.stringify([taken > 1, most])").await.unwrap(), "[true,1]");
}
