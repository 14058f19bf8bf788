//! The renditions of one side of a program, each encoded once for all who ask for it.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::broadcast::Hub;

/// From the last reader leaving to the encoder stopping: longer than a page takes to be loaded again.
const WARM: Duration = Duration::from_secs(10);

/// The same of what is made from encoders that stay warm themselves: who reads nothing any more shall not keep them running twice as
/// long.
const BRIEFLY_WARM: Duration = Duration::from_secs(1);

/// Between the breakdown of an encoder and the next: a defect that shows at once shall not spin.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until it is dropped, or what it encodes has ended.
type Encoding = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Dropped, all its encoders end.
pub struct Ladder<K>(Arc<Inner<K>>);

struct Inner<K> {
    rungs: Mutex<HashMap<K, Rung>>,
    make: Make<K>,
    warm: Duration,
}

enum Make<K> {
    Encode {
        hub: Box<dyn Fn() -> Hub + Send + Sync>,
        encode: Box<dyn Fn(K, Hub) -> Encoding + Send + Sync>,
        own: Option<Own<K>>,
    },
    Fixed(Hub),
}

/// What somebody else fills.
struct Own<K> {
    hub: Hub,
    is: fn(&K) -> bool,
}

struct Rung {
    hub: Hub,
    tender: AbortHandle,
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static> Ladder<K> {
    /// `encode` fills a rendition's hub for as long as its future lives: from when somebody reads it until nobody has for a
    /// while.
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        hub: impl Fn() -> Hub + Send + Sync + 'static,
        encode: impl Fn(K, Hub) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::staying(WARM, hub, encode)
    }

    /// The same for what is made of renditions of other ladders.
    pub fn derived<F: Future<Output = ()> + Send + 'static>(
        hub: impl Fn() -> Hub + Send + Sync + 'static,
        encode: impl Fn(K, Hub) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::staying(BRIEFLY_WARM, hub, encode)
    }

    fn staying<F: Future<Output = ()> + Send + 'static>(
        warm: Duration,
        hub: impl Fn() -> Hub + Send + Sync + 'static,
        encode: impl Fn(K, Hub) -> F + Send + Sync + 'static,
    ) -> Self {
        let encode = move |key, hub| -> Encoding { Box::pin(encode(key, hub)) };
        let make = Make::Encode { hub: Box::new(hub), encode: Box::new(encode), own: None };
        Self(Arc::new(Inner { rungs: Mutex::default(), make, warm }))
    }

    /// One hub that somebody else fills for all that `is` says it is, and beside it what is made of that.
    pub fn beside<F: Future<Output = ()> + Send + 'static>(
        (own, is): (Hub, fn(&K) -> bool),
        hub: impl Fn() -> Hub + Send + Sync + 'static,
        encode: impl Fn(K, Hub) -> F + Send + Sync + 'static,
    ) -> Self {
        let encode = move |key, hub| -> Encoding { Box::pin(encode(key, hub)) };
        let own = Some(Own { hub: own, is });
        let make = Make::Encode { hub: Box::new(hub), encode: Box::new(encode), own };
        Self(Arc::new(Inner { rungs: Mutex::default(), make, warm: BRIEFLY_WARM }))
    }

    /// One hub, whatever is asked for.
    pub fn fixed(hub: Hub) -> Self {
        Self(Arc::new(Inner { rungs: Mutex::default(), make: Make::Fixed(hub), warm: WARM }))
    }

    /// Whether it has steps: what somebody else fills has none.
    pub fn has_rungs(&self) -> bool {
        matches!(self.0.make, Make::Encode { own: None, .. })
    }

    /// Whether there is one hub, whatever is asked for.
    pub fn is_fixed(&self) -> bool {
        matches!(self.0.make, Make::Fixed(_))
    }

    /// Of all its hubs.
    pub fn readers(&self) -> usize {
        let of = |hub: &Hub| *hub.demand().borrow();
        match &self.0.make {
            Make::Fixed(hub) => of(hub),
            Make::Encode { own, .. } => {
                let made: usize = self.0.rungs.lock().values().map(|rung| of(&rung.hub)).sum();
                made + own.as_ref().map_or(0, |own| of(&own.hub))
            }
        }
    }

    pub fn hub(&self, key: K) -> Hub {
        let new = match &self.0.make {
            Make::Fixed(hub) => return hub.clone(),
            Make::Encode { own: Some(own), .. } if (own.is)(&key) => return own.hub.clone(),
            Make::Encode { hub, .. } => hub,
        };
        let mut rungs = self.0.rungs.lock();
        let rung = rungs.entry(key).or_insert_with(|| {
            let hub = new();
            let (ladder, warm) = (Arc::downgrade(&self.0), self.0.warm);
            let tended = Tended { ladder, key, hub: hub.clone(), warm };
            let tender = tokio::spawn(tend(tended)).abort_handle();
            Rung { hub, tender }
        });
        rung.hub.clone()
    }
}

impl<K> Drop for Inner<K> {
    fn drop(&mut self) {
        for rung in self.rungs.get_mut().values() {
            rung.tender.abort();
        }
    }
}

impl<K: Copy + Eq + Hash> Inner<K> {
    fn encode(&self, key: K, hub: &Hub) -> Option<Encoding> {
        match &self.make {
            Make::Encode { encode, .. } => Some(encode(key, hub.clone())),
            Make::Fixed(_) => None,
        }
    }

    /// False: somebody has the hub in hand, or came meanwhile.
    fn forget(&self, key: K, hub: &Hub) -> bool {
        let mut rungs = self.rungs.lock();
        // The rung's, and the one of whoever asks.
        let unused = hub.handles() <= 2;
        if unused {
            rungs.remove(&key);
        }
        unused
    }
}

/// What a task tends; it goes with the task, whatever ended that, so that whoever asks gets one that is tended.
struct Tended<K: Copy + Eq + Hash> {
    ladder: Weak<Inner<K>>,
    key: K,
    hub: Hub,
    warm: Duration,
}

impl<K: Copy + Eq + Hash> Drop for Tended<K> {
    fn drop(&mut self) {
        let Some(ladder) = self.ladder.upgrade() else { return };
        let mut rungs = ladder.rungs.lock();
        if rungs.get(&self.key).is_some_and(|rung| rung.hub.is(&self.hub)) {
            rungs.remove(&self.key);
        }
    }
}

/// Encodes while there are readers. A rendition that nobody has in hand any more is forgotten.
async fn tend<K: Copy + Eq + Hash>(tended: Tended<K>) {
    let Tended { ladder, key, hub, warm } = &tended;
    let mut demand = hub.demand();
    loop {
        let wanted = demand.wait_for(|readers| *readers > 0);
        match tokio::time::timeout(*warm, wanted).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return,
            Err(_) if ladder.upgrade().is_none_or(|ladder| ladder.forget(*key, hub)) => return,
            Err(_) => continue,
        }
        let Some(encoding) = ladder.upgrade().and_then(|ladder| ladder.encode(*key, hub)) else { return };
        tokio::select! {
            ended = AssertUnwindSafe(encoding).catch_unwind() => match ended {
                Ok(()) => return,
                // Those who read it have this hub and no other.
                Err(_told_by_its_hook) => {
                    tracing::error!("an encoder broke down and is started again");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            () = idle(&mut demand, *warm) => tracing::info!("an encoder rests: nobody watches"),
        }
    }
}

/// Resolves when there has been no reader for a while.
async fn idle(demand: &mut watch::Receiver<usize>, warm: Duration) {
    loop {
        if demand.wait_for(|readers| *readers == 0).await.is_err() {
            return;
        }
        let back = demand.wait_for(|readers| *readers > 0);
        if tokio::time::timeout(warm, back).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::Metrics;
    use std::sync::atomic::{AtomicI32, Ordering};
    use understudy_core::media::Kind;

    /// How many run, by key.
    #[derive(Clone, Default)]
    struct Running(Arc<[AtomicI32; 2]>);

    struct Runs(Running, usize);

    impl Drop for Runs {
        fn drop(&mut self) {
            self.0.0[self.1].fetch_sub(1, Ordering::Relaxed);
        }
    }

    impl Running {
        fn ladder(&self) -> Ladder<usize> {
            let running = self.clone();
            Ladder::new(
                || Hub::new(Kind::Video, Metrics::default()),
                move |key: usize, _| {
                    let running = running.clone();
                    async move {
                        running.0[key].fetch_add(1, Ordering::Relaxed);
                        let _runs = Runs(running, key);
                        std::future::pending::<()>().await;
                    }
                },
            )
        }

        fn now(&self) -> [i32; 2] {
            [0, 1].map(|key| self.0[key].load(Ordering::Relaxed))
        }
    }

    const SOON: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn each_rendition_is_encoded_once_while_it_is_read_and_a_little_longer() {
        let running = Running::default();
        let ladder = running.ladder();
        let readers = [ladder.hub(0).subscribe(), ladder.hub(0).subscribe(), ladder.hub(1).subscribe()];
        tokio::time::sleep(SOON).await;
        assert_eq!(running.now(), [1, 1]);
        let [first, second, third] = readers;
        drop((first, third));
        tokio::time::sleep(WARM + SOON).await;
        assert_eq!(running.now(), [1, 0]);
        drop(second);
        tokio::time::sleep(WARM / 2).await;
        assert_eq!(running.now(), [1, 0], "it stays warm");
        tokio::time::sleep(WARM).await;
        assert_eq!(running.now(), [0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_has_in_hand_is_forgotten_and_what_somebody_has_is_encoded_again() {
        let running = Running::default();
        let ladder = running.ladder();
        let hub = ladder.hub(0);
        drop(ladder.hub(1));
        drop(hub.subscribe());
        tokio::time::sleep(WARM * 4).await;
        assert_eq!(ladder.0.rungs.lock().keys().copied().collect::<Vec<_>>(), [0]);
        let _reader = hub.subscribe();
        tokio::time::sleep(SOON).await;
        assert_eq!(running.now(), [1, 0]);
        assert!(ladder.hub(0).is(&hub));
    }

    #[tokio::test(start_paused = true)]
    async fn an_encoder_that_panics_is_started_again_for_the_same_readers() {
        let began = Arc::new(AtomicI32::new(0));
        let count = Arc::clone(&began);
        #[allow(clippy::panic, reason = "it is what is tested")]
        let ladder = Ladder::new(
            || Hub::new(Kind::Video, Metrics::default()),
            move |_: usize, _| {
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    if first {
                        panic!("a defect");
                    }
                    std::future::pending::<()>().await;
                }
            },
        );
        let hub = ladder.hub(0);
        let _reader = hub.subscribe();
        tokio::time::sleep(PAUSE * 2).await;
        assert_eq!(began.load(Ordering::Relaxed), 2);
        assert!(ladder.hub(0).is(&hub));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rendition_whose_encoding_has_ended_is_made_anew_for_who_comes() {
        let ladder = Ladder::new(|| Hub::new(Kind::Video, Metrics::default()), |_: usize, _| async {});
        let hub = ladder.hub(0);
        let _reader = hub.subscribe();
        tokio::time::sleep(SOON).await;
        assert!(!ladder.hub(0).is(&hub), "nobody tends that one any more");
    }

    #[tokio::test(start_paused = true)]
    async fn with_the_ladder_all_encoders_end() {
        let running = Running::default();
        let ladder = running.ladder();
        let _reader = ladder.hub(0).subscribe();
        tokio::time::sleep(SOON).await;
        assert_eq!(running.now(), [1, 0]);
        drop(ladder);
        tokio::time::sleep(SOON).await;
        assert_eq!(running.now(), [0, 0]);
    }
}
