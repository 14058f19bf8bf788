use super::*;
use crate::ingest::Ingest;

fn expecting() -> Ingest {
    let ingest = Ingest::default();
    ingest.expect(Some(Protocol::Socket), None);
    ingest
}

#[tokio::test(start_paused = true)]
async fn a_knock_that_comes_before_its_publisher_is_ready_is_answered_then() {
    let ingest = expecting();
    let first = ingest.publish(Kind::Video).await.unwrap();
    let soon = async {
        tokio::time::sleep(KNOCK / 2).await;
        answers(&first).await;
    };
    tokio::select! {
        () = soon => {}
        second = ingest.publish(Kind::Video) => assert_eq!(second.unwrap_err(), Refused::Taken),
    }
}

/// Answers whoever knocks, as a client does by itself.
async fn answers(publisher: &Upload) {
    let mut knocks = publisher.knocks();
    while knocks.changed().await.is_ok() {
        publisher.answered(*knocks.borrow_and_update());
    }
}

fn bytes(length: usize) -> Bytes {
    vec![7; length].into()
}

#[tokio::test]
async fn one_publishes_at_a_time_and_the_place_is_free_at_once() {
    let ingest = expecting();
    let first = ingest.publish(Kind::Video).await.unwrap();
    let second = async {
        let began = Instant::now();
        assert_eq!(ingest.publish(Kind::Video).await.unwrap_err(), Refused::Taken);
        assert!(began.elapsed() < KNOCK);
    };
    tokio::select! {
        () = answers(&first) => {}
        () = second => {}
    }
    assert_eq!(ingest.publish(Kind::Audio).await.unwrap_err(), Refused::NotConfigured);
    drop(first);
    assert!(ingest.publish(Kind::Video).await.is_ok());
}

#[tokio::test]
async fn a_source_sees_who_was_there_before_it_and_each_change_in_order() {
    let ingest = expecting();
    let publisher = ingest.publish(Kind::Video).await.unwrap();
    let mut source = ingest.socket.attach(Kind::Video);
    publisher.send(bytes(3)).await;
    drop(publisher);
    for expected in [Event::Began, Event::Data(bytes(3)), Event::Ended] {
        assert_eq!(source.next().await, expected);
    }
}

#[tokio::test]
async fn a_new_publisher_puts_aside_what_the_last_one_left() {
    let ingest = expecting();
    let mut source = ingest.socket.attach(Kind::Video);
    for _ in 0..1000 {
        let publisher = ingest.publish(Kind::Video).await.unwrap();
        publisher.send(bytes(1000)).await;
    }
    for expected in [Event::Ended, Event::Began, Event::Data(bytes(1000)), Event::Ended] {
        assert_eq!(source.next().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_was_replaced_takes_nothing_from_its_successor() {
    let ingest = expecting();
    let mut old = ingest.socket.attach(Kind::Video);
    let took = tokio::spawn(async move { old.next().await });
    tokio::task::yield_now().await;
    let mut new = ingest.socket.attach(Kind::Video);
    let _publisher = ingest.publish(Kind::Video).await.unwrap();
    let event = tokio::time::timeout(Duration::from_secs(1), new.next()).await;
    assert_eq!(event.expect("the new one must hear"), Event::Began);
    assert!(!took.is_finished());
}

#[tokio::test]
async fn while_no_source_takes_it_what_is_sent_is_thrown_away() {
    let ingest = expecting();
    let publisher = ingest.publish(Kind::Video).await.unwrap();
    for _ in 0..100 {
        publisher.send(bytes(MOST_BYTES_WAITING)).await;
    }
    let mut source = ingest.socket.attach(Kind::Video);
    assert_eq!(source.next().await, Event::Began);
    publisher.send(bytes(1)).await;
    assert_eq!(source.next().await, Event::Data(bytes(1)));
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_too_fast_waits_until_something_is_taken() {
    const SOON: Duration = Duration::from_secs(1);
    let ingest = expecting();
    let mut source = ingest.socket.attach(Kind::Video);
    let publisher = ingest.publish(Kind::Video).await.unwrap();
    publisher.send(bytes(10 * MOST_BYTES_WAITING)).await;
    let second = tokio::time::timeout(SOON, publisher.send(bytes(1)));
    assert!(second.await.is_err(), "one message that is too long waits alone");
    assert_eq!(source.next().await, Event::Began);
    source.next().await;
    tokio::time::timeout(SOON, publisher.send(bytes(1))).await.expect("there must be room again");
}

#[tokio::test(start_paused = true)]
async fn a_waiting_publisher_goes_on_when_its_source_goes() {
    let ingest = expecting();
    let source = ingest.socket.attach(Kind::Video);
    let publisher = ingest.publish(Kind::Video).await.unwrap();
    publisher.send(bytes(MOST_BYTES_WAITING)).await;
    let (sent, ()) =
        tokio::join!(tokio::time::timeout(Duration::from_secs(1), publisher.send(bytes(1))), async {
            drop(source);
        });
    sent.expect("nobody must wait for a source that is gone");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_not_expected_any_more_learns_it_and_a_reconfiguration_keeps_him() {
    let ingest = expecting();
    let publisher = ingest.publish(Kind::Video).await.unwrap();
    ingest.expect(Some(Protocol::Socket), Some(Protocol::Socket));
    let kept = tokio::time::timeout(Duration::from_secs(1), publisher.dismissed()).await;
    assert!(kept.is_err());
    ingest.expect(Some(Protocol::WebRtc), None);
    assert_eq!(publisher.dismissed().await, Dismissed::Unwanted);
}

#[tokio::test(start_paused = true)]
async fn one_who_was_held_back_and_left_makes_room_for_the_next() {
    let ingest = expecting();
    let _source = ingest.socket.attach(Kind::Video);
    let first = ingest.publish(Kind::Video).await.unwrap();
    let sends = tokio::spawn(async move {
        // What is still on its way when it closes.
        for _ in 0..8 {
            first.send(bytes(MOST_BYTES_WAITING)).await;
        }
    });
    tokio::task::yield_now().await;
    assert!(!sends.is_finished(), "it is held back");
    assert!(ingest.publish(Kind::Video).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_who_is_held_back_and_stays_keeps_the_place_and_loses_nothing() {
    let ingest = expecting();
    let mut source = ingest.socket.attach(Kind::Video);
    let first = ingest.publish(Kind::Video).await.unwrap();
    let sends = tokio::spawn(async move {
        for _ in 0..100 {
            first.send(bytes(MOST_BYTES_WAITING)).await;
        }
    });
    tokio::task::yield_now().await;
    assert_eq!(ingest.publish(Kind::Video).await.unwrap_err(), Refused::Taken);
    let waiting = MOST_BYTES_WAITING + MORE_BYTES_AT_A_KNOCK;
    assert_eq!(ingest.socket.video.state.lock().waiting, waiting);
    let mut data = 0;
    while !sends.is_finished() || data < 100 {
        data += usize::from(matches!(source.next().await, Event::Data(_)));
    }
    assert_eq!(data, 100);
}

#[tokio::test(start_paused = true)]
async fn one_who_is_not_heard_any_more_gives_way_to_the_next() {
    let ingest = expecting();
    let mut source = ingest.socket.attach(Kind::Video);
    let first = ingest.publish(Kind::Video).await.unwrap();
    first.send(bytes(3)).await;
    let second = ingest.publish(Kind::Video).await.unwrap();
    assert_eq!(first.dismissed().await, Dismissed::Replaced);
    first.send(bytes(4)).await;
    drop(first);
    second.send(bytes(5)).await;
    for expected in [Event::Ended, Event::Began, Event::Data(bytes(5))] {
        assert_eq!(source.next().await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn one_who_sends_and_answers_late_keeps_the_place() {
    let ingest = expecting();
    let first = ingest.publish(Kind::Video).await.unwrap();
    let sends = async {
        loop {
            first.send(bytes(1)).await;
            tokio::time::sleep(SILENCE / 2).await;
        }
    };
    tokio::select! {
        () = sends => {}
        second = ingest.publish(Kind::Video) => assert_eq!(second.unwrap_err(), Refused::Taken),
    }
}
