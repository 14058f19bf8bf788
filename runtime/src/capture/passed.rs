//! What comes encoded goes out as it came while it can; otherwise it is encoded.
//!
//! ```text
//!               a unit that begins, and fits
//!   encoded <────────────────────────────────> passed
//!            nothing comes, too much comes,
//!            or a keyframe is asked for that does not come by itself
//! ```
//!
//! What is passed goes on until the encoder has begun, with a keyframe: nobody sees the change.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};
use understudy_core::media::Unit;
use understudy_core::passage::{Groups, PATIENCE};

use super::encoded::Outlet;
use crate::broadcast::{KeyframeRequests, Passing};
use crate::gst::Error;

type Encoding<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// Who sends: what is passed, or an encoder from its first unit on. Clones are of the same encoder.
#[derive(Clone, Default)]
pub(super) struct Lead {
    leading: Arc<Mutex<Leading>>,
    encoder: u64,
}

#[derive(Default)]
struct Leading {
    /// The one that may.
    encoder: u64,
    encodes: bool,
}

impl Lead {
    /// That of another encoder; no one before it may send any more.
    fn next(&self) -> Self {
        let mut leading = self.leading.lock();
        leading.encoder += 1;
        Self { leading: Arc::clone(&self.leading), encoder: leading.encoder }
    }

    /// No encoder sends any more, whatever it still makes while it goes down.
    fn pass(&self) {
        let mut leading = self.leading.lock();
        *leading = Leading { encoder: leading.encoder + 1, encodes: false };
    }

    pub(super) fn encoded(&self, publish: impl FnOnce()) {
        let mut leading = self.leading.lock();
        if leading.encoder == self.encoder {
            leading.encodes = true;
            publish();
        }
    }

    /// False: an encoder sends.
    pub(super) fn passed(&self, publish: impl FnOnce()) -> bool {
        let leading = self.leading.lock();
        if !leading.encodes {
            publish();
        }
        !leading.encodes
    }
}

/// One rendition of what may come encoded.
pub(super) struct Passed<E> {
    pub(super) units: Passing,
    /// What may be passed.
    pub(super) groups: Groups,
    /// The encoder is needed once nothing has come for so long.
    pub(super) patience: Duration,
    pub(super) outlet: Outlet,
    /// Begins to encode.
    pub(super) encode: E,
}

/// What happens next.
enum Event {
    Unit(Unit),
    /// No more comes for now.
    Closed,
    Asked,
    Late,
    Ended(Result<(), Error>),
}

impl<'a, E: Fn(Outlet) -> Encoding<'a>> Passed<E> {
    /// Until the encoder ends while it is needed.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let mut requests = self.outlet.hub.keyframe_requests();
        let mut encoding = None;
        self.begin(&mut encoding);
        // When the last unit came, and when it is shown.
        let (mut passes, mut last, mut at) = (false, Instant::now(), Duration::ZERO);
        // Until when a keyframe that was asked for may come by itself.
        let mut wish: Option<Instant> = None;
        loop {
            let late = wish.into_iter().fold(last + self.patience, Instant::min);
            match next(&mut self.units, &mut encoding, &mut requests, passes, late).await {
                Event::Ended(ended) => return ended,
                Event::Unit(unit) => {
                    (last, at) = (Instant::now(), unit.pts);
                    wish = wish.filter(|_| !unit.key);
                    let fits = self.groups.add(unit.pts, unit.key, unit.payload.len());
                    // There is one whenever nothing is passed.
                    if unit.key && fits && encoding.is_some() {
                        encoding = None;
                        self.outlet.lead.pass();
                        passes = true;
                    } else if !fits && encoding.is_none() {
                        tracing::info!("what comes takes more than was asked for, and is encoded");
                        self.begin(&mut encoding);
                    }
                    passes = passes && self.outlet.pass(unit);
                }
                Event::Closed => {
                    passes = false;
                    self.begin(&mut encoding);
                }
                Event::Asked if self.groups.next_is_near(at + last.elapsed()) => {
                    wish = Some(Instant::now() + PATIENCE * 2);
                }
                Event::Asked | Event::Late => {
                    wish = None;
                    self.begin(&mut encoding);
                }
            }
        }
    }

    fn begin(&self, encoding: &mut Option<Encoding<'a>>) {
        if encoding.is_none() {
            let lead = self.outlet.lead.next();
            *encoding = Some((self.encode)(Outlet { lead, ..self.outlet.clone() }));
        }
    }
}

async fn next(
    units: &mut Passing,
    encoding: &mut Option<Encoding<'_>>,
    requests: &mut KeyframeRequests,
    passes: bool,
    late: Instant,
) -> Event {
    let encodes = encoding.is_some();
    let ended = async {
        match encoding {
            Some(encoding) => encoding.await,
            None => std::future::pending().await,
        }
    };
    let unit = async {
        match passes {
            true => units.next().await.map_or(Event::Closed, Event::Unit),
            false => Event::Unit(units.first().await),
        }
    };
    tokio::select! {
        ended = ended => Event::Ended(ended),
        unit = unit => unit,
        _ = requests.next(), if !encodes => Event::Asked,
        _ = timeout_at(late, std::future::pending::<()>()), if !encodes => Event::Late,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::FutureExt;
    use tokio::sync::watch;
    use tokio::task::JoinHandle;
    use understudy_core::media::{Kind, Track};
    use understudy_core::spec::Encoding as Asked;

    use super::*;
    use crate::broadcast::{Hub, Metrics, Pass, Passage, Subscriber};

    const INTERVAL: Duration = Duration::from_millis(33);
    const LATE: Duration = Duration::from_secs(1);
    const ENCODED: &[u8] = b"encoded";
    const PASSED: &[u8] = b"passed";

    fn unit(number: u32, key: bool, payload: Bytes) -> Unit {
        let at = INTERVAL * number;
        Unit { track: Track::h264(1280, 720, 30), pts: at, dts: at, duration: INTERVAL, key, payload }
    }

    /// An encoder that begins with a keyframe, after a while.
    fn encode(outlet: Outlet) -> Encoding<'static> {
        Box::pin(async move {
            for number in 0.. {
                tokio::time::sleep(INTERVAL).await;
                outlet.publish(unit(number, number == 0, Bytes::from_static(ENCODED)));
            }
            Ok(())
        })
    }

    struct Rendition {
        hub: Hub,
        pass: Pass,
        reader: Subscriber,
        running: JoinHandle<Result<(), Error>>,
        number: u32,
    }

    impl Rendition {
        fn begin() -> Self {
            let (passage, hub) = (Passage::new(Kind::Video), Hub::new(Kind::Video, Metrics::default()));
            let reader = hub.subscribe();
            let passed = Passed {
                units: passage.take(),
                groups: Groups::within(Asked::default().video, None),
                patience: LATE,
                outlet: Outlet::new(hub.clone(), watch::channel(()).0),
                encode,
            };
            let pass = passage.turn(passage.right()).expect("nobody else has it");
            let running = tokio::spawn(passed.run());
            Self { hub, pass, reader, running, number: 0 }
        }

        fn give(&mut self, key: bool, bytes: &'static [u8]) {
            self.pass.give(unit(self.number, key, Bytes::from_static(bytes)));
            self.number += 1;
        }

        async fn next(&mut self) -> (bool, Bytes) {
            let unit = tokio::time::timeout(LATE * 2, self.reader.next()).await.expect("something must come");
            (unit.key, unit.payload)
        }

        /// The first that is another one.
        async fn other_than(&mut self, payload: &'static [u8]) -> (bool, Bytes) {
            loop {
                let next = self.next().await;
                if next.1 != payload {
                    return next;
                }
            }
        }
    }

    impl Drop for Rendition {
        fn drop(&mut self) {
            self.running.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_encoder_sends_until_what_comes_can_begin_and_again_when_no_more_comes() {
        let mut rendition = Rendition::begin();
        assert_eq!(rendition.next().await, (true, Bytes::from_static(ENCODED)));
        rendition.give(true, PASSED);
        assert_eq!(rendition.other_than(ENCODED).await, (true, Bytes::from_static(PASSED)));
        rendition.give(false, PASSED);
        assert_eq!(rendition.next().await, (false, Bytes::from_static(PASSED)));
        let began = Instant::now();
        assert_eq!(rendition.next().await, (true, Bytes::from_static(ENCODED)), "nothing comes");
        assert_eq!(began.elapsed().as_millis(), (LATE + INTERVAL).as_millis());
        rendition.give(true, PASSED);
        rendition.other_than(ENCODED).await;
        let began = Instant::now();
        rendition.pass.pause();
        assert_eq!(rendition.next().await.1, ENCODED, "it is over");
        assert!(began.elapsed() < LATE);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_needs_a_keyframe_is_given_an_encoders_and_nothing_that_builds_on_another() {
        let mut rendition = Rendition::begin();
        rendition.give(true, PASSED);
        assert_eq!(rendition.next().await.1, PASSED);
        let _joins = rendition.hub.subscribe();
        tokio::task::yield_now().await;
        rendition.give(false, PASSED);
        assert_eq!(rendition.next().await, (false, Bytes::from_static(PASSED)), "it has not begun");
        assert_eq!(rendition.next().await, (true, Bytes::from_static(ENCODED)));
        rendition.give(false, PASSED);
        assert_eq!(rendition.next().await, (false, Bytes::from_static(ENCODED)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_more_than_was_asked_for_is_encoded() {
        static MUCH: [u8; 60_000] = [7; 60_000];
        let (mut rendition, mut encoded) = (Rendition::begin(), false);
        for number in 0..91 {
            rendition.give(number % 30 == 0, &MUCH);
            tokio::time::sleep(INTERVAL).await;
            while let Some(unit) = rendition.reader.next().now_or_never() {
                encoded |= unit.payload == ENCODED;
            }
            assert!(!encoded || number > 30, "{number}");
        }
        assert!(encoded);
        rendition.give(true, &MUCH);
        assert_eq!(rendition.next().await.1, ENCODED, "that fits no more than what was before");
    }
}
