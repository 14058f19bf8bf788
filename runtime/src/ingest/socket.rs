//! Publishers over WebSockets: one a kind, each passing its bytes to the source that plays them.
//!
//! While no source takes them (the session is paused), bytes are thrown away, so that whoever sends need not stop. What
//! waits is bounded: a publisher that is too fast waits, and its connection is not read meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use understudy_core::input::Protocol;
use understudy_core::media::Kind;

use super::Expected;

/// What waits for the source to take it. One message may be longer, and then waits alone.
const MOST_BYTES_WAITING: usize = 1 << 20;

/// So much more while somebody knocks: a long message, and what a connection's own buffers hold.
const MORE_BYTES_AT_A_KNOCK: usize = 16 << 20;
/// However often somebody knocks.
const MOST_BYTES_EVER: usize = 64 << 20;
/// Whoever left is found to have left within a second, and a little of that is the way.
const KNOCK: Duration = Duration::from_millis(800);

/// The doors for picture and sound.
#[derive(Clone, Debug, Default)]
pub struct Doors {
    video: Arc<Door>,
    audio: Arc<Door>,
}

#[derive(Debug, Default)]
struct Door {
    state: Mutex<State>,
    /// Something may be taken.
    news: Notify,
    /// Something may be sent.
    room: Notify,
    /// A publisher has left.
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Counts publishers and attachments.
    numbers: u64,
    publisher: Option<u64>,
    attached: Option<u64>,
    queue: VecDeque<Event>,
    waiting: usize,
    /// The publisher waits until something is taken.
    held_back: bool,
    /// How many knock, and what may wait meanwhile.
    knocking: usize,
    most_at_a_knock: usize,
}

/// What a source sees of its publishers, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Began,
    Data(Bytes),
    Ended,
}

/// Why somebody may not publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("socket ingest not configured")]
    NotConfigured,
    #[error("socket ingest already connected")]
    Taken,
}

/// The one who publishes. Dropped, the place is free.
#[derive(Debug)]
pub struct Publisher {
    door: Arc<Door>,
    number: u64,
    kind: Kind,
    expected: watch::Receiver<Expected>,
}

/// A source's side of a door, until dropped or until another attaches.
#[derive(Debug)]
pub struct Attachment {
    door: Arc<Door>,
    number: u64,
}

impl super::Ingest {
    /// Takes the one place there is for a kind.
    ///
    /// That a publisher who was held back has gone shows only in what it sent last. So while somebody else knocks, more
    /// of that is taken in than usual, for a short time.
    pub async fn publish(&self, kind: Kind) -> Result<Publisher, Refused> {
        let expected = self.expected();
        if expected.borrow().of(kind) != Some(Protocol::Socket) {
            return Err(Refused::NotConfigured);
        }
        let door = self.socket.door(kind).clone();
        let number = match door.take() {
            Some(number) => number,
            None => door.knock().await.ok_or(Refused::Taken)?,
        };
        Ok(Publisher { door, number, kind, expected })
    }
}

impl Doors {
    /// Whatever is published from now on. Begins with `Began` if somebody publishes already.
    pub fn attach(&self, kind: Kind) -> Attachment {
        let door = self.door(kind).clone();
        let number = {
            let mut state = door.state.lock();
            state.numbers += 1;
            state.attached = Some(state.numbers);
            state.forget();
            if state.publisher.is_some() {
                state.queue.push_back(Event::Began);
            }
            state.numbers
        };
        door.room.notify_waiters();
        Attachment { door, number }
    }

    fn door(&self, kind: Kind) -> &Arc<Door> {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }
}

impl Publisher {
    /// Passes bytes on, waiting while too much waits already.
    pub async fn send(&self, data: Bytes) {
        loop {
            let room = self.door.room.notified();
            if self.door.offer(&data) {
                return;
            }
            room.await;
        }
    }

    /// Resolves when nobody is expected to publish here any more.
    pub fn unwanted(&self) -> impl Future<Output = ()> + use<> {
        let (kind, mut expected) = (self.kind, self.expected.clone());
        async move {
            // The session's end is an answer too.
            drop(expected.wait_for(|expected| expected.of(kind) != Some(Protocol::Socket)).await);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.door.leave(self.number);
    }
}

impl Attachment {
    /// The next event; never resolves once another attached.
    pub async fn next(&mut self) -> Event {
        loop {
            let news = self.door.news.notified();
            if let Some(event) = self.door.poll(self.number) {
                return event;
            }
            news.await;
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut state = self.door.state.lock();
        if state.attached == Some(self.number) {
            state.attached = None;
            state.forget();
            self.door.room.notify_waiters();
        }
    }
}

impl Door {
    /// The place, if it is free.
    fn take(&self) -> Option<u64> {
        let mut state = self.state.lock();
        if state.publisher.is_some() {
            return None;
        }
        state.numbers += 1;
        state.publisher = Some(state.numbers);
        // Of the one before, what the source has not taken yet is of no use any more.
        if !state.queue.is_empty() {
            state.forget();
            state.tell(Event::Ended);
        }
        state.tell(Event::Began);
        state.held_back = false;
        self.news.notify_waiters();
        Some(state.numbers)
    }

    /// Waits a short time for one who is held back to turn out to have left.
    async fn knock(&self) -> Option<u64> {
        if !self.state.lock().held_back {
            return None;
        }
        let _knocking = Knocking::at(self);
        let place = async {
            loop {
                let left = self.left.notified();
                if let Some(number) = self.take() {
                    return number;
                }
                left.await;
            }
        };
        tokio::time::timeout(KNOCK, place).await.ok()
    }

    fn leave(&self, number: u64) {
        let mut state = self.state.lock();
        if state.publisher == Some(number) {
            state.publisher = None;
            state.tell(Event::Ended);
            self.news.notify_waiters();
            self.left.notify_waiters();
        }
    }

    /// Whether the bytes are dealt with: passed on, or thrown away since nobody takes them.
    fn offer(&self, data: &Bytes) -> bool {
        let mut state = self.state.lock();
        if state.attached.is_some() && !data.is_empty() {
            state.held_back = state.waiting > 0 && state.waiting + data.len() > state.most();
            if state.held_back {
                return false;
            }
            state.waiting += data.len();
            state.tell(Event::Data(data.clone()));
            self.news.notify_waiters();
        }
        true
    }

    fn poll(&self, number: u64) -> Option<Event> {
        let mut state = self.state.lock();
        if state.attached != Some(number) {
            return None;
        }
        let event = state.queue.pop_front()?;
        if let Event::Data(data) = &event {
            state.waiting -= data.len();
            self.room.notify_waiters();
        }
        Some(event)
    }
}

impl State {
    fn tell(&mut self, event: Event) {
        if self.attached.is_some() {
            self.queue.push_back(event);
        }
    }

    const fn most(&self) -> usize {
        if self.knocking == 0 { MOST_BYTES_WAITING } else { self.most_at_a_knock }
    }

    fn forget(&mut self) {
        self.queue.clear();
        self.waiting = 0;
    }
}

/// Somebody knocks, until dropped.
struct Knocking<'a>(&'a Door);

impl<'a> Knocking<'a> {
    fn at(door: &'a Door) -> Self {
        {
            let mut state = door.state.lock();
            state.knocking += 1;
            state.most_at_a_knock = (state.waiting + MORE_BYTES_AT_A_KNOCK).min(MOST_BYTES_EVER);
        }
        door.room.notify_waiters();
        Self(door)
    }
}

impl Drop for Knocking<'_> {
    fn drop(&mut self) {
        self.0.state.lock().knocking -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Ingest;

    fn expecting() -> Ingest {
        let ingest = Ingest::default();
        ingest.expect(Some(Protocol::Socket), None);
        ingest
    }

    fn bytes(length: usize) -> Bytes {
        vec![7; length].into()
    }

    #[tokio::test]
    async fn one_publishes_at_a_time_and_the_place_is_free_at_once() {
        let ingest = expecting();
        let first = ingest.publish(Kind::Video).await.unwrap();
        assert_eq!(ingest.publish(Kind::Video).await.unwrap_err(), Refused::Taken);
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
        let kept = tokio::time::timeout(Duration::from_secs(1), publisher.unwanted()).await;
        assert!(kept.is_err());
        ingest.expect(Some(Protocol::WebRtc), None);
        publisher.unwanted().await;
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
}
