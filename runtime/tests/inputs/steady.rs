//! That what plays is said to play without a break, from the moment on in which somebody comes to listen.

use std::time::Duration;

use tokio::time::Instant;

use super::{Room, Sending, socket, stream, webrtc, with_its_page};
use crate::support::session::Session;
use crate::support::site::Site;

/// Opens both, listens for five seconds, and closes them again: longer than PulseAudio lets a sink sleep that nobody uses.
const LISTENS: &str = "(async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
  await new Promise((done) => setTimeout(done, 5000));
  for (const track of stream.getTracks()) track.stop();
  return true;
})()";

/// The same of a page that is there from the beginning.
const FIRST: Duration = Duration::from_secs(5);

/// A break of 300 ms is seen several times over.
const GLANCE: Duration = Duration::from_millis(40);

/// The status of `InputsReady` from now on; returns with the first that is not True.
async fn falters(session: &Session) -> String {
    let began = Instant::now();
    loop {
        let report = session.report().await.unwrap();
        let mut conditions = report["conditions"].as_array().into_iter().flatten();
        let inputs = conditions.find(|condition| condition["type"] == "InputsReady").unwrap();
        if inputs["status"] != "True" {
            return format!("after {:?}: {inputs}", began.elapsed());
        }
        tokio::time::sleep(GLANCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_plays_is_not_said_to_have_failed_as_somebody_comes_to_listen() {
    let (session, page) = with_its_page(&[]).await;
    let site = Site::open().await;
    let room = Room { session, page, tracks: Vec::new(), browser: Vec::new() };
    for body in [room.file(), stream(&site), socket(), webrtc()] {
        room.configure(&body).await;
        let _sending = Sending::to(&room, &body);
        room.session.until_reason("InputsReady", "Playing").await;
        tokio::select! {
            listened = room.page.evaluate(LISTENS) => assert_eq!(listened.unwrap(), true),
            how = falters(&room.session) => panic!("{}: {how}", body["audio"]["type"]),
        }
    }
}

/// A page that opens both as the source begins.
const MIRROR: &str = "page: {url: \"understudy:mirror\"}
inputs:
  video: {file: {url: \"understudy:test-picture\"}}
  audio: {file: {url: \"understudy:test-picture\"}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_begins_with_its_page_is_not_said_to_have_failed_in_its_first_seconds() {
    for _ in 0..3 {
        let session = Session::start(MIRROR);
        session.until_reason("InputsReady", "Playing").await;
        let how = tokio::time::timeout(FIRST, falters(&session)).await;
        assert!(how.is_err(), "{how:?}");
    }
}
