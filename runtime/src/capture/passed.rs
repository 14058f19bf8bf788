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
use understudy_core::passage::Groups;

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
        let (mut passes, mut last) = (false, Instant::now());
        loop {
            match next(&mut self.units, &mut encoding, &mut requests, passes, last + self.patience).await {
                Event::Ended(ended) => return ended,
                Event::Unit(unit) => {
                    last = Instant::now();
                    let fits = self.groups.add(unit.pts, unit.key, unit.payload.len());
                    if unit.key && fits && (!passes || encoding.is_some()) {
                        encoding = None;
                        self.outlet.lead.pass();
                        passes = true;
                    } else if !fits && passes && encoding.is_none() {
                        tracing::info!("what comes takes more than was asked for, and is encoded");
                        self.begin(&mut encoding);
                    }
                    passes = passes && self.outlet.pass(unit);
                }
                Event::Closed => {
                    passes = false;
                    self.begin(&mut encoding);
                }
                Event::Asked if self.groups.next_is_near(crate::gst::now()) => {}
                Event::Asked | Event::Late => self.begin(&mut encoding),
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
