//! Publishers over WebSockets: one a kind, each passing its bytes to the source that plays them.
//!
//! While no source takes them (the session is paused), bytes are thrown away, so that whoever sends need not stop. What
//! waits is bounded: a publisher that is too fast waits, and its connection is not read meanwhile.
//!
//! Whoever publishes keeps the place as long as he is there. Somebody else who wants it knocks, and the one who does not answer
//! and sends nothing either has lost his network: he is replaced.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use understudy_core::input::Protocol;
use understudy_core::media::Kind;

use super::Expected;

/// What waits for the source to take it. One message may be longer, and then waits alone.
const MOST_BYTES_WAITING: usize = 1 << 20;

/// So much more while somebody knocks: a long message, and what a connection's own buffers hold.
const MORE_BYTES_AT_A_KNOCK: usize = 16 << 20;
/// However often somebody knocks.
const MOST_BYTES_EVER: usize = 64 << 20;
/// A ping's way and back on a slow network, behind what was sent before. Whoever left is found to have left sooner.
const KNOCK: Duration = Duration::from_secs(2);
/// Whoever sends all the time, and answers only behind it, is heard more often than this.
const SILENCE: Duration = Duration::from_millis(500);

/// The doors for picture and sound.
#[derive(Clone, Debug, Default)]
pub struct Inlets {
    video: Arc<Inlet>,
    audio: Arc<Inlet>,
}

#[derive(Debug, Default)]
struct Inlet {
    state: Mutex<State>,
    /// Something may be taken.
    news: Notify,
    /// Something may be sent.
    room: Notify,
    /// A publisher has left, or has answered.
    left: Notify,
    /// The number of the last knock.
    knock: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts publishers and attachments.
    numbers: u64,
    publisher: Option<Holder>,
    attached: Option<u64>,
    queue: VecDeque<Event>,
    waiting: usize,
    /// The publisher waits until something is taken.
    held_back: bool,
    /// How many knock, and what may wait meanwhile.
    knocking: usize,
    most_at_a_knock: usize,
}

/// The publisher who is there.
#[derive(Debug)]
struct Holder {
    number: u64,
    /// When something of his came the last time.
    heard: Instant,
    /// The last knock that he answered.
    answered: u64,
    /// Dropped when he is replaced.
    _place: watch::Sender<()>,
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
pub struct Upload {
    door: Arc<Inlet>,
    number: u64,
    kind: Kind,
    expected: watch::Receiver<Expected>,
    place: watch::Receiver<()>,
    /// None that came since the place was taken is missed.
    knocks: watch::Receiver<u64>,
}

/// Why a publisher does not publish any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dismissed {
    /// Nobody is expected to.
    Unwanted,
    /// Somebody else does.
    Replaced,
}

/// A source's side of a door, until dropped or until another attaches.
#[derive(Debug)]
pub struct Attachment {
    door: Arc<Inlet>,
    number: u64,
}

impl super::Ingest {
    /// Takes the one place there is for a kind.
    ///
    /// That a publisher who was held back has gone, and his answer, come behind what he sent last. So while somebody else
    /// knocks, more of that is taken in than usual, for a short time.
    pub async fn publish(&self, kind: Kind) -> Result<Upload, Refused> {
        let expected = self.expected();
        if expected.borrow().of(kind) != Some(Protocol::Socket) {
            return Err(Refused::NotConfigured);
        }
        let door = self.socket.door(kind).clone();
        let Taken { number, place, knocks } = match door.take() {
            Some(taken) => taken,
            None => door.knock().await.ok_or(Refused::Taken)?,
        };
        Ok(Upload { door, number, kind, expected, place, knocks })
    }
}

impl Inlets {
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

    fn door(&self, kind: Kind) -> &Arc<Inlet> {
        match kind {
            Kind::Video => &self.video,
            Kind::Audio => &self.audio,
        }
    }
}

impl Upload {
    /// Passes bytes on, waiting while too much waits already. Those of one who was replaced are thrown away.
    pub async fn send(&self, data: Bytes) {
        self.heard();
        loop {
            let room = self.door.room.notified();
            if self.door.offer(self.number, &data) {
                return;
            }
            room.await;
        }
    }

    /// Each number is to be brought back by him who publishes.
    pub fn knocks(&self) -> watch::Receiver<u64> {
        self.knocks.clone()
    }

    /// He brought this one back.
    pub fn answered(&self, knock: u64) {
        self.door.hear(self.number, knock);
    }

    /// Something of his came.
    pub fn heard(&self) {
        self.door.hear(self.number, 0);
    }

    /// Resolves when he is not to publish here any more.
    pub fn dismissed(&self) -> impl Future<Output = Dismissed> + use<> {
        let (kind, mut expected, mut place) = (self.kind, self.expected.clone(), self.place.clone());
        async move {
            tokio::select! {
                // The session's end is an answer too.
                _ = expected.wait_for(|expected| expected.of(kind) != Some(Protocol::Socket)) => Dismissed::Unwanted,
                _ = place.changed() => Dismissed::Replaced,
            }
        }
    }
}

impl Drop for Upload {
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

/// The place, as its new holder gets it.
struct Taken {
    number: u64,
    place: watch::Receiver<()>,
    knocks: watch::Receiver<u64>,
}

impl Inlet {
    /// The place, if it is free.
    fn take(&self) -> Option<Taken> {
        let mut state = self.state.lock();
        state.publisher.is_none().then(|| self.seat(&mut state))
    }

    fn seat(&self, state: &mut State) -> Taken {
        state.numbers += 1;
        let (number, (holds, place)) = (state.numbers, watch::channel(()));
        state.publisher = Some(Holder { number, heard: Instant::now(), answered: 0, _place: holds });
        // Of the one before, what the source has not taken yet is of no use any more.
        if !state.queue.is_empty() {
            state.forget();
            state.tell(Event::Ended);
        }
        state.tell(Event::Began);
        state.held_back = false;
        self.news.notify_waiters();
        Taken { number, place, knocks: self.knock.subscribe() }
    }

    /// Waits for an answer of the one who is there, or for his leave.
    async fn knock(&self) -> Option<Taken> {
        let (_knocking, number) = Knocking::at(self);
        let answered = async {
            loop {
                let left = self.left.notified();
                match &self.state.lock().publisher {
                    None => return false,
                    Some(holder) if holder.answered >= number => return true,
                    Some(_) => {}
                }
                left.await;
            }
        };
        match tokio::time::timeout(KNOCK, answered).await {
            Ok(true) => None,
            Ok(false) => self.take(),
            Err(_) => self.replace(),
        }
    }

    /// The place of one who is silent. Of one whose sending is held back nothing is read that could tell.
    fn replace(&self) -> Option<Taken> {
        let mut state = self.state.lock();
        let held_back = state.held_back;
        let there = |holder: &Holder| held_back || holder.heard.elapsed() < SILENCE;
        if state.publisher.as_ref().is_some_and(there) {
            return None;
        }
        if state.publisher.take().is_some() {
            tracing::info!("a publisher who is not heard any more is replaced");
            state.tell(Event::Ended);
            self.room.notify_waiters();
        }
        Some(self.seat(&mut state))
    }

    fn hear(&self, number: u64, knock: u64) {
        let mut state = self.state.lock();
        if let Some(holder) = state.publisher.as_mut().filter(|holder| holder.number == number) {
            holder.heard = Instant::now();
            holder.answered = holder.answered.max(knock);
        }
        self.left.notify_waiters();
    }

    fn leave(&self, number: u64) {
        let mut state = self.state.lock();
        if state.publisher.take_if(|holder| holder.number == number).is_some() {
            state.tell(Event::Ended);
            self.news.notify_waiters();
            self.left.notify_waiters();
        }
    }

    /// Whether the bytes are dealt with: passed on, or thrown away since nobody takes them.
    fn offer(&self, number: u64, data: &Bytes) -> bool {
        let mut state = self.state.lock();
        let publishes = state.publisher.as_ref().is_some_and(|holder| holder.number == number);
        if publishes && state.attached.is_some() && !data.is_empty() {
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
struct Knocking<'a>(&'a Inlet);

impl<'a> Knocking<'a> {
    /// With the number of this knock.
    fn at(door: &'a Inlet) -> (Self, u64) {
        {
            let mut state = door.state.lock();
            state.knocking += 1;
            state.most_at_a_knock = (state.waiting + MORE_BYTES_AT_A_KNOCK).min(MOST_BYTES_EVER);
        }
        door.room.notify_waiters();
        door.knock.send_modify(|last| *last += 1);
        // Or that of one who knocks at once as well: it comes with the same answer.
        let number = *door.knock.borrow();
        (Self(door), number)
    }
}

impl Drop for Knocking<'_> {
    fn drop(&mut self) {
        self.0.state.lock().knocking -= 1;
    }
}

#[cfg(test)]
mod tests;
