//! What probes are told of a session that works, stands still, or is gone.

use tokio::task::yield_now;
use tokio::time::advance;
use understudy_proto::v1;

use super::*;
use crate::session::Stub;

async fn lives(surface: &Surface) -> bool {
    alive(State(surface.clone())).await.status().is_success()
}

async fn is_ready(surface: &Surface) -> bool {
    ready(State(surface.clone())).await.status().is_success()
}

/// The session takes what asks for it, and that is noted.
async fn heard(stub: &mut Stub) {
    assert!(stub.take().await);
    yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_dead_only_after_a_minute_without_taking_a_message() {
    let (session, mut stub) = Stub::new();
    let surface = surface(session, Registry::default());
    heard(&mut stub).await;
    advance(STUCK - Duration::from_secs(1)).await;
    assert!(lives(&surface).await, "it may be slow");
    advance(Duration::from_secs(1)).await;
    assert!(!lives(&surface).await);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stood_still_as_a_whole_is_heard_before_it_is_judged() {
    let (session, mut stub) = Stub::new();
    let surface = surface(session, Registry::default());
    heard(&mut stub).await;
    advance(STUCK * 2).await;
    let goes_on = async { while stub.take().await {} };
    tokio::select! {
        lives = lives(&surface) => assert!(lives),
        () = goes_on => panic!("nobody heard the session"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_dead_at_once() {
    let (session, stub) = Stub::new();
    let surface = surface(session, Registry::default());
    drop(stub);
    yield_now().await;
    assert!(!lives(&surface).await);
    assert!(!is_ready(&surface).await);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_ready_once_it_was_told_what_it_is_to_be() {
    let (session, stub) = Stub::new();
    let surface = surface(session, Registry::default());
    assert!(!is_ready(&surface).await);
    stub.tell(v1::Report { observed_generation: 1, ..v1::Report::default() });
    assert!(is_ready(&surface).await);
    advance(STUCK * 2).await;
    assert!(is_ready(&surface).await, "and stays so however slow it is");
}

#[tokio::test(start_paused = true)]
async fn a_process_in_which_too_many_pipelines_stand_is_better_started_again() {
    let (session, _stub) = Stub::new();
    let some = Surface { stuck_calls: || gst::MOST_STUCK - 1, ..surface(session, Registry::default()) };
    assert!(lives(&some).await);
    let many = Surface { stuck_calls: || gst::MOST_STUCK, ..some };
    assert!(!lives(&many).await);
}
