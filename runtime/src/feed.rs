//! What was sent to the session as picture, passed on live to the people who look at the feed page.
//!
//! Only live: nothing is kept for whoever comes later, but the header without which an IVF stream cannot be read. Who
//! does not keep up is dropped, alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

/// A message to a viewer is at most this long: what clients of the feed have always been given.
pub const LARGEST_PIECE: usize = 64 << 10;
/// What may wait for one viewer: a second of a very good picture.
const MOST_BYTES_WAITING: usize = 4 << 20;
/// Pieces may be as small as one TS packet; two seconds of those at 1 Mbit/s.
const MOST_PIECES_WAITING: usize = 2048;

/// The feed of one session; clones are the same feed.
#[derive(Clone, Debug, Default)]
pub struct Feed(Arc<Mutex<State>>);

/// What is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    MpegTs,
    Ivf {
        /// The 32 bytes that an IVF file begins with.
        header: Bytes,
    },
}

/// What a viewer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// What follows is in this format.
    Format(&'static str),
    Data(Bytes),
    /// What is fed from now on has nothing to do with what was: whoever looks begins anew.
    Reset,
}

/// The right to feed, until another begins. Dropped, the feed is of no format.
#[derive(Debug)]
pub struct Turn {
    feed: Feed,
    number: u64,
}

/// One viewer's side.
#[derive(Debug)]
pub struct Viewer {
    messages: mpsc::Receiver<Item>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    turn: u64,
    format: Option<Format>,
    queues: Vec<Queue>,
    /// How many ever came to look.
    joined: watch::Sender<u64>,
}

#[derive(Debug)]
struct Queue {
    messages: mpsc::Sender<Item>,
    waiting: Arc<AtomicUsize>,
}

impl Feed {
    /// Feeds from now on; whoever did before does not any more.
    pub fn begin(&self, format: Format) -> Turn {
        let mut state = self.0.lock();
        state.turn += 1;
        let opening = format.opening();
        state.format = Some(format);
        state.pass_on(&opening);
        Turn { feed: self.clone(), number: state.turn }
    }

    /// Everybody who looks is told so and sent away.
    pub fn reset(&self) {
        let mut state = self.0.lock();
        state.pass_on(&[Item::Reset]);
        state.queues.clear();
    }

    /// Whoever feeds does not any more, from this moment on.
    pub fn revoke(&self) {
        let mut state = self.0.lock();
        state.turn += 1;
        state.format = None;
    }

    /// What is fed at this moment.
    pub fn format(&self) -> Option<Format> {
        self.0.lock().format.clone()
    }

    /// How many ever came to look: whoever feeds pictures that build on others gives each newcomer a whole one.
    pub fn joined(&self) -> watch::Receiver<u64> {
        self.0.lock().joined.subscribe()
    }

    /// Everything from now on, after what it takes to read it.
    pub fn subscribe(&self) -> Viewer {
        let (sender, messages) = mpsc::channel(MOST_PIECES_WAITING);
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut state = self.0.lock();
        let queue = Queue { messages: sender, waiting: waiting.clone() };
        if state.format.iter().flat_map(Format::opening).all(|message| queue.push(&message)) {
            state.queues.push(queue);
            state.joined.send_modify(|joined| *joined += 1);
        }
        Viewer { messages, waiting }
    }
}

impl Turn {
    /// To everybody who looks, in pieces of at most [`LARGEST_PIECE`].
    pub fn send(&self, data: &Bytes) {
        let mut state = self.feed.0.lock();
        if state.turn == self.number && !state.queues.is_empty() {
            let pieces: Vec<_> = pieces(data).map(Item::Data).collect();
            state.pass_on(&pieces);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.feed.0.lock();
        if state.turn == self.number {
            state.format = None;
        }
    }
}

impl Viewer {
    /// The next message. None: this viewer did not keep up, or was sent away.
    pub async fn next(&mut self) -> Option<Item> {
        let message = self.messages.recv().await?;
        self.waiting.fetch_sub(message.bytes(), Ordering::AcqRel);
        Some(message)
    }
}

impl Format {
    pub const MPEG_TS: &str = "mpegts";
    pub const IVF: &str = "ivf";

    pub const fn name(&self) -> &'static str {
        match self {
            Self::MpegTs => Self::MPEG_TS,
            Self::Ivf { .. } => Self::IVF,
        }
    }

    fn opening(&self) -> Vec<Item> {
        let name = Item::Format(self.name());
        match self {
            Self::MpegTs => vec![name],
            Self::Ivf { header } => vec![name, Item::Data(header.clone())],
        }
    }
}

impl Item {
    const fn bytes(&self) -> usize {
        match self {
            Self::Format(_) | Self::Reset => 0,
            Self::Data(data) => data.len(),
        }
    }
}

impl State {
    fn pass_on(&mut self, messages: &[Item]) {
        self.queues.retain(|queue| messages.iter().all(|message| queue.push(message)));
    }
}

impl Queue {
    /// Whether there was room. An empty queue has room for everything.
    fn push(&self, message: &Item) -> bool {
        let waiting = self.waiting.fetch_add(message.bytes(), Ordering::AcqRel);
        (waiting == 0 || waiting + message.bytes() <= MOST_BYTES_WAITING)
            && self.messages.try_send(message.clone()).is_ok()
    }
}

fn pieces(data: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    (0..data.len()).step_by(LARGEST_PIECE).map(|at| data.slice(at..data.len().min(at + LARGEST_PIECE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ivf(byte: u8) -> Format {
        Format::Ivf { header: vec![byte; 32].into() }
    }

    /// What waits for a viewer.
    fn waiting(viewer: &mut Viewer) -> Vec<Item> {
        std::iter::from_fn(|| viewer.messages.try_recv().ok()).collect()
    }

    fn data(length: usize) -> Bytes {
        (0..length).map(|n| n as u8).collect::<Vec<_>>().into()
    }

    #[test]
    fn a_message_that_is_not_too_long_arrives_as_it_is() {
        let feed = Feed::default();
        let turn = feed.begin(Format::MpegTs);
        let mut viewer = feed.subscribe();
        turn.send(&data(32 << 10));
        assert_eq!(waiting(&mut viewer), [Item::Format("mpegts"), Item::Data(data(32 << 10))]);
    }

    #[test]
    fn a_long_message_arrives_in_pieces() {
        let feed = Feed::default();
        let turn = feed.begin(Format::MpegTs);
        let mut viewer = feed.subscribe();
        turn.send(&data(LARGEST_PIECE * 2 + 1));
        let lengths: Vec<_> = waiting(&mut viewer).iter().skip(1).map(Item::bytes).collect();
        assert_eq!(lengths, [LARGEST_PIECE, LARGEST_PIECE, 1]);
    }

    #[test]
    fn who_comes_late_gets_the_last_header_and_nothing_that_was_before() {
        let feed = Feed::default();
        let first = feed.begin(ivf(1));
        first.send(&data(10));
        let second = feed.begin(ivf(2));
        let mut viewer = feed.subscribe();
        second.send(&data(20));
        let header = Item::Data(vec![2; 32].into());
        assert_eq!(waiting(&mut viewer), [Item::Format("ivf"), header, Item::Data(data(20))]);
    }

    #[test]
    fn who_looks_already_is_told_of_a_new_format() {
        let feed = Feed::default();
        let mut viewer = feed.subscribe();
        let _turn = feed.begin(ivf(1));
        assert_eq!(waiting(&mut viewer), [Item::Format("ivf"), Item::Data(vec![1; 32].into())]);
    }

    #[test]
    fn whoever_fed_before_feeds_and_ends_nothing_any_more() {
        let feed = Feed::default();
        let first = feed.begin(Format::MpegTs);
        let second = feed.begin(ivf(1));
        let mut viewer = feed.subscribe();
        first.send(&data(10));
        drop(first);
        assert_eq!(waiting(&mut viewer).len(), 2, "hint and header alone");
        assert_eq!(feed.format(), Some(ivf(1)));
        drop(second);
        assert_eq!(feed.format(), None);
    }

    #[test]
    fn a_reset_sends_everybody_away_after_what_they_were_given() {
        let feed = Feed::default();
        let turn = feed.begin(Format::MpegTs);
        let mut viewer = feed.subscribe();
        turn.send(&data(10));
        feed.reset();
        turn.send(&data(20));
        let expected = [Item::Format("mpegts"), Item::Data(data(10)), Item::Reset];
        assert_eq!(waiting(&mut viewer), expected);
        assert!(viewer.messages.is_closed());
    }

    #[test]
    fn who_does_not_read_is_dropped_alone() {
        let feed = Feed::default();
        let turn = feed.begin(Format::MpegTs);
        let (mut slow, mut quick) = (feed.subscribe(), feed.subscribe());
        for _ in 0..2 * MOST_BYTES_WAITING / LARGEST_PIECE {
            turn.send(&data(LARGEST_PIECE));
            while quick.messages.try_recv().is_ok_and(|message| {
                quick.waiting.fetch_sub(message.bytes(), Ordering::AcqRel);
                true
            }) {}
        }
        let kept: usize = waiting(&mut slow).iter().map(Item::bytes).sum();
        assert_eq!(kept, MOST_BYTES_WAITING);
        assert!(slow.messages.is_closed() && !quick.messages.is_closed());
    }
}
