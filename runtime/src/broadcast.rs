//! The hub: one rendition of a picture or of sound, as encoded frames, for any number of readers.
//!
//! A reader can lose frames. It can never slow the hub or another reader: publishing takes short locks and waits for
//! nobody. What is kept for whom is decided in `understudy_core::fanout`.

mod keyframes;
mod metrics;
mod passage;
mod renditions;
mod subscriber;

pub use keyframes::KeyframeRequests;
pub use metrics::Metrics;
pub use passage::{Pass, Passage, Passing, Right};
pub use renditions::Renditions;
pub use subscriber::Subscriber;

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use understudy_core::fanout::backlog::{Patience, Pushed};
use understudy_core::fanout::group::Group;
use understudy_core::fanout::history::Reach;
use understudy_core::fanout::keyframe::Need;
use understudy_core::media::{Kind, Unit};

use keyframes::Wishes;
use subscriber::Reader;

/// A handle on one broadcast; clones are the same broadcast.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

struct Shared {
    kind: Kind,
    reach: Reach,
    readers: Mutex<Readers>,
    wishes: Wishes,
    demand: watch::Sender<usize>,
    keyframes: watch::Sender<u64>,
    metrics: Metrics,
}

/// Who reads, and what they begin with.
#[derive(Default)]
struct Readers {
    all: Vec<Arc<Reader>>,
    group: Group,
}

impl Hub {
    /// Of frames of this kind.
    pub fn new(kind: Kind, metrics: Metrics) -> Self {
        Self::reaching(Reach::Near, kind, metrics)
    }

    /// Of pictures that somebody else encodes, who takes no wishes: whoever comes begins with what came since the last keyframe.
    pub fn of_others(metrics: Metrics) -> Self {
        Self::reaching(Reach::Keyframe, Kind::Video, metrics)
    }

    fn reaching(reach: Reach, kind: Kind, metrics: Metrics) -> Self {
        let shared = Shared {
            kind,
            reach,
            readers: Mutex::default(),
            wishes: Wishes::default(),
            demand: watch::Sender::new(0),
            keyframes: watch::Sender::new(0),
            metrics,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Hands a frame to every reader. Never waits.
    pub fn publish(&self, frame: Unit) {
        if frame.starts_picture() {
            self.shared.wishes.produced();
            self.shared.keyframes.send_modify(|count| *count += 1);
        }
        self.shared.metrics.published(frame.kind(), frame.payload.len());
        let mut readers = self.shared.readers.lock();
        if self.shared.reach == Reach::Keyframe {
            readers.group.keep(&frame);
        }
        let Some((last, others)) = readers.all.split_last() else { return };
        for reader in others {
            self.shared.account(reader.offer(frame.clone()));
        }
        self.shared.account(last.offer(frame));
    }

    /// The same of one that was not encoded here.
    pub fn pass(&self, frame: Unit) {
        self.shared.metrics.passed(frame.kind());
        self.publish(frame);
    }

    /// A new reader. Of a picture it begins with a keyframe, which is asked for here.
    pub fn subscribe(&self) -> Subscriber {
        let (subscriber, _) = self.enter(Patience::Live);
        self.request_keyframe(Need::Join);
        subscriber
    }

    /// The same for who keeps what it is given: it may be behind by seconds and loses nothing.
    pub fn subscribe_to_keep(&self) -> Subscriber {
        let (subscriber, _) = self.enter(Patience::Kept);
        self.request_keyframe(Need::Join);
        subscriber
    }

    /// For whom a keyframe may be of no use yet: one is asked for only if nobody else would be given it as well. Whoever finds that
    /// it needs one asks.
    pub fn subscribe_ahead(&self) -> Subscriber {
        let (subscriber, readers) = self.enter(Patience::Live);
        if readers == 1 {
            self.request_keyframe(Need::Join);
        }
        subscriber
    }

    /// A new reader, and how many there are then.
    fn enter(&self, patience: Patience) -> (Subscriber, usize) {
        let reader = Arc::new(Reader::new(patience));
        let readers = self.shared.change(|readers| {
            reader.give(readers.group.squeezed());
            readers.all.push(Arc::clone(&reader));
        });
        self.shared.metrics.readers.inc();
        (Subscriber::new(self.clone(), reader), readers)
    }

    /// Wishes for a keyframe; wishes are merged and spaced. Sound needs none.
    pub fn request_keyframe(&self, need: Need) {
        if self.shared.kind == Kind::Audio {
            return;
        }
        self.shared.metrics.requested(need);
        self.shared.wishes.add(need);
    }

    /// What the encoder listens to. Meant for one listener: each wish is told once.
    pub fn keyframe_requests(&self) -> KeyframeRequests {
        KeyframeRequests::new(self.clone())
    }

    /// How many readers there are: nothing needs to be encoded while there are none.
    pub fn demand(&self) -> watch::Receiver<usize> {
        self.shared.demand.subscribe()
    }

    /// How many keyframes were published. More than none means that there is a picture.
    pub fn keyframes(&self) -> watch::Receiver<u64> {
        self.shared.keyframes.subscribe()
    }

    /// What came before is of the past: who comes waits for the next keyframe.
    pub fn forget(&self) {
        self.shared.readers.lock().group = Group::default();
    }

    /// How far back who comes may begin.
    pub fn reach(&self) -> Reach {
        self.shared.reach
    }

    /// Whether both are handles on the same broadcast.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// How many handles there are on this broadcast.
    pub fn handles(&self) -> usize {
        Arc::strong_count(&self.shared)
    }

    fn leave(&self, reader: &Arc<Reader>) {
        self.shared.change(|readers| readers.all.retain(|other| !Arc::ptr_eq(other, reader)));
        self.shared.metrics.readers.dec();
    }
}

impl Shared {
    /// How many there are then is told under the lock: told after it, an earlier number could be the last.
    fn change(&self, change: impl FnOnce(&mut Readers)) -> usize {
        let mut readers = self.readers.lock();
        change(&mut readers);
        self.demand.send_replace(readers.all.len());
        readers.all.len()
    }

    fn account(&self, pushed: Pushed) {
        match pushed {
            Pushed::Queued | Pushed::Skipped => {}
            Pushed::Jumped { dropped } => self.metrics.dropped(dropped),
            Pushed::Lagged { dropped } if self.kind == Kind::Audio => self.metrics.dropped(dropped),
            Pushed::Lagged { dropped } => {
                self.metrics.dropped(dropped);
                self.metrics.lagged.inc();
                self.metrics.requested(Need::Repair);
                self.wishes.add(Need::Repair);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use understudy_core::media::Track;

    fn video(milliseconds: u64, keyframe: bool) -> Unit {
        Unit {
            track: Track::h264(1280, 720, 30),
            pts: Duration::from_millis(milliseconds),
            dts: Duration::from_millis(milliseconds),
            duration: Duration::from_millis(33),
            key: keyframe,
            payload: Bytes::from_static(b"frame"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_loses_frames_and_another_loses_none() {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let mut healthy = hub.subscribe();
        let _stopped = hub.subscribe();
        for n in 0..100 {
            hub.publish(video(n * 33, n == 0));
            let got = healthy.next().await;
            assert_eq!(got.pts, Duration::from_millis(n * 33));
        }
        assert_eq!(hub.shared.metrics.lagged.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn demand_follows_readers_up_and_down() {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let demand = hub.demand();
        let first = hub.subscribe();
        let second = hub.subscribe();
        assert_eq!(*demand.borrow(), 2);
        drop(first);
        drop(second);
        assert_eq!(*demand.borrow(), 0);
    }

    #[test]
    fn demand_is_the_number_of_readers_however_many_come_and_go_at_once() {
        const ROUNDS: usize = 20_000;
        const SPINS: u32 = 1_000;
        let hub = Hub::new(Kind::Audio, Metrics::default());
        let (demand, arrived) = (hub.demand(), AtomicUsize::new(0));
        // Not a barrier that sleeps: the two are to be as close as they can.
        let meet = |nth: usize| {
            arrived.fetch_add(1, Ordering::SeqCst);
            let mut spins = 0_u32;
            while arrived.load(Ordering::SeqCst) < 2 * nth {
                spins += 1;
                if spins.is_multiple_of(SPINS) {
                    std::thread::yield_now(); // there may be one core
                }
                std::hint::spin_loop();
            }
        };
        let come_and_go = |comes: usize| {
            let mut wrong = 0;
            for round in 0..ROUNDS {
                let there = (comes == 0).then(|| hub.subscribe());
                meet(3 * round + 1);
                // One comes as the other goes.
                let reader = (comes == 1).then(|| hub.subscribe());
                drop(there);
                meet(3 * round + 2);
                wrong += usize::from(*demand.borrow() != 1);
                meet(3 * round + 3);
                drop(reader);
            }
            wrong
        };
        let wrong = std::thread::scope(|scope| {
            let other = scope.spawn(|| come_and_go(1));
            come_and_go(0) + other.join().unwrap()
        });
        assert_eq!(wrong, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn joiners_share_one_keyframe_and_a_later_repair_waits_its_turn() {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let mut requests = hub.keyframe_requests();
        let _readers: Vec<Subscriber> = (0..50).map(|_| hub.subscribe()).collect();
        let start = tokio::time::Instant::now();
        requests.next().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        hub.publish(video(0, true));
        hub.request_keyframe(Need::Repair);
        requests.next().await;
        assert_eq!(start.elapsed(), understudy_core::fanout::keyframe::REPAIR_GAP);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_ahead_of_a_need_asks_only_for_what_nobody_else_is_given() {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let mut requests = hub.keyframe_requests();
        let _alone = hub.subscribe_ahead();
        requests.next().await;
        hub.publish(video(0, true));
        let _beside = hub.subscribe_ahead();
        assert!(tokio::time::timeout(Duration::from_secs(60), requests.next()).await.is_err());
        hub.request_keyframe(Need::Join);
        requests.next().await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_between_the_keyframes_of_others_begins_with_the_last() {
        let hub = Hub::of_others(Metrics::default());
        let mut first = hub.subscribe();
        for number in 0..60 {
            hub.publish(video(number * 33, number % 30 == 0));
            assert_eq!(first.next().await.pts, Duration::from_millis(number * 33));
        }
        let mut second = hub.subscribe();
        hub.publish(video(60 * 33, false));
        let begins = second.next().await;
        assert!(begins.key && begins.pts == Duration::from_millis(59 * 33 - 29), "{begins:?}");
        for _ in 0..29 {
            assert!(!second.next().await.key);
        }
        assert_eq!(second.next().await.pts, Duration::from_millis(60 * 33), "it is where all are");
    }

    #[tokio::test(start_paused = true)]
    async fn a_keyframe_can_be_waited_for() {
        let hub = Hub::new(Kind::Video, Metrics::default());
        let mut keyframes = hub.keyframes();
        hub.publish(video(0, false));
        assert_eq!(*keyframes.borrow(), 0);
        hub.publish(video(33, true));
        assert!(keyframes.wait_for(|count| *count > 0).await.is_ok());
    }
}
