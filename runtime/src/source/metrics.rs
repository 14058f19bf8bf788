//! How inputs arrive, in numbers. Labels are words of closed sets: which source, which kind, which state.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;
use understudy_core::input::{Health, Plan};
use understudy_core::media::Kind;
use understudy_core::spec::Source;

/// From a frame's time to the camera: a frame interval, a jitter buffer, a broadcast's delay.
const TO_CAMERA_SECONDS: [f64; 11] = [0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

const STATES: [&str; 7] = ["starting", "waiting", "playing", "resting", "stalled", "ended", "failed"];

/// Registered once, cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    arrived: Family<KindLabel, Counter>,
    frames: Family<FrameLabel, Counter>,
    reconnects: Family<SourceLabel, Counter>,
    state: Family<StateLabel, Gauge>,
    /// Whose state is shown under a source and a kind: the last that began.
    owners: Arc<Mutex<HashMap<(&'static str, &'static str), u64>>>,
    to_camera: Family<SourceLabel, Histogram, fn() -> Histogram>,
    sound_lag: Family<SourceLabel, Seconds>,
}

type Seconds = Gauge<f64, AtomicU64>;

/// Where a branch's media comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    File,
    Stream,
    Socket,
    WebRtc,
}

/// What became of a frame, or of a piece of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Shown,
    /// Shown, but clearly after its time.
    Late,
    /// Left out: there were more than the camera takes, or no way to whoever listens.
    Dropped,
}

/// The counters of one branch.
#[derive(Clone, Debug)]
pub struct Meter {
    arrived: Counter,
    shown: Counter,
    late: Counter,
    dropped: Counter,
    to_camera: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FrameLabel {
    source: &'static str,
    kind: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    source: &'static str,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SourceLabel {
    source: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabel {
    source: &'static str,
    kind: &'static str,
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets: fn() -> Histogram = || Histogram::new(TO_CAMERA_SECONDS);
        Self {
            arrived: Family::default(),
            frames: Family::default(),
            reconnects: Family::default(),
            state: Family::default(),
            owners: Arc::default(),
            to_camera: Family::new_with_constructor(buckets),
            sound_lag: Family::default(),
        }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let input = registry.sub_registry_with_prefix("understudy_input");
        input.register(
            "arrived",
            "Frames and pieces of sound that arrived, decoded, before any is left out or repeated",
            self.arrived.clone(),
        );
        input.register(
            "frames",
            "Frames at the camera and pieces of sound that were played: shown in time, some of them repeated to keep the \
             camera's rate, shown late, or dropped because there were more than the camera takes or no way to whoever listens",
            self.frames.clone(),
        );
        input.register("reconnects", "Times that a source was opened again", self.reconnects.clone());
        input.register("state", "Whether a source is in this state", self.state.clone());
        input.register_with_unit(
            "to_camera",
            "From a frame's own time to the camera",
            Unit::Seconds,
            self.to_camera.clone(),
        );
        input.register_with_unit(
            "sound_lag",
            "How much later than its picture the sound of a source is sent, by its sender's reports; below zero: earlier",
            Unit::Seconds,
            self.sound_lag.clone(),
        );
    }

    /// How much later than its picture a source's sound is sent, for as long as somebody says it.
    pub(super) fn sound_lag(&self, origin: Origin) -> SoundLag {
        SoundLag { lags: self.sound_lag.clone(), label: SourceLabel { source: origin.word() } }
    }

    /// The counters of a branch of this kind.
    pub fn meter(&self, origin: Origin, kind: Kind) -> Meter {
        let (source, kind) = (origin.word(), kind.media());
        let count = |result| self.frames.get_or_create_owned(&FrameLabel { source, kind, result });
        Meter {
            arrived: self.arrived.get_or_create_owned(&KindLabel { source, kind }),
            shown: count("shown"),
            late: count("late"),
            dropped: count("dropped"),
            to_camera: self.to_camera.get_or_create_owned(&SourceLabel { source }),
        }
    }

    pub(super) fn reconnected(&self, plan: &Plan) {
        self.reconnects.get_or_create(&SourceLabel { source: Origin::of(plan).word() }).inc();
    }

    /// Shows how the source of `plan` fares, until it ends. From this call on the labels are its own: whoever had them
    /// before says nothing more.
    pub(super) fn follow(
        &self,
        plan: &Plan,
        mut health: watch::Receiver<Health>,
    ) -> impl Future<Output = ()> + use<> {
        let shown = self.take_over(plan);
        async move {
            loop {
                let now = state(&health.borrow_and_update());
                shown.set(Some(now));
                if health.changed().await.is_err() {
                    break;
                }
            }
            shown.set(None);
        }
    }

    fn take_over(&self, plan: &Plan) -> Shown {
        let source = Origin::of(plan).word();
        let mut owners = self.owners.lock();
        let turn = owners.values().max().map_or(0, |last| last + 1);
        for kind in plan.carries.kinds() {
            owners.insert((source, kind.media()), turn);
        }
        drop(owners);
        Shown { metrics: self.clone(), source, kinds: plan.carries.kinds(), turn }
    }
}

/// How much later than its picture one source's sound is sent. Dropped, nobody says it any more.
#[derive(Debug)]
pub(super) struct SoundLag {
    lags: Family<SourceLabel, Seconds>,
    label: SourceLabel,
}

impl SoundLag {
    /// None: it is not known.
    pub fn set(&self, seconds: Option<f64>) {
        if let Some(seconds) = seconds {
            self.lags.get_or_create(&self.label).set(seconds);
        } else {
            self.lags.remove(&self.label);
        }
    }
}

impl Drop for SoundLag {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// The state of one source, for as long as the labels are its own.
struct Shown {
    metrics: Metrics,
    source: &'static str,
    kinds: &'static [Kind],
    turn: u64,
}

impl Shown {
    fn set(&self, now: Option<&'static str>) {
        let owners = self.metrics.owners.lock();
        let own = |kind: &&Kind| owners.get(&(self.source, kind.media())) == Some(&self.turn);
        for kind in self.kinds.iter().filter(own) {
            for state in STATES {
                let label = StateLabel { source: self.source, kind: kind.media(), state };
                self.metrics.state.get_or_create(&label).set((now == Some(state)).into());
            }
        }
    }
}

impl Meter {
    pub fn count(&self, fate: Fate) {
        match fate {
            Fate::Shown => self.shown.inc(),
            Fate::Late => self.late.inc(),
            Fate::Dropped => self.dropped.inc(),
        };
    }

    /// One came, whatever becomes of it.
    pub fn arrived(&self) {
        self.arrived.inc();
    }

    /// So many were left out at once.
    pub fn dropped(&self, count: u64) {
        self.dropped.inc_by(count);
    }

    /// From a frame's own time to the camera.
    pub fn to_camera(&self, age: Duration) {
        self.to_camera.observe(age.as_secs_f64());
    }
}

impl Origin {
    pub(super) fn of(plan: &Plan) -> Self {
        match plan.source {
            Source::File(_) => Self::File,
            Source::Stream(_) => Self::Stream,
            Source::Socket => Self::Socket,
            Source::WebRtc => Self::WebRtc,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Stream => "stream",
            Self::Socket => "socket",
            Self::WebRtc => "webrtc",
        }
    }
}

const fn state(health: &Health) -> &'static str {
    match health {
        Health::Starting => STATES[0],
        Health::Waiting => STATES[1],
        Health::Playing => STATES[2],
        Health::Resting => STATES[3],
        Health::Stalled | Health::Partial(_) => STATES[4],
        Health::Ended => STATES[5],
        Health::Failed(_) => STATES[6],
    }
}

#[cfg(test)]
mod tests {
    use understudy_core::input::Carries;
    use understudy_core::spec::{Destination, Shape};

    use super::*;

    #[tokio::test]
    async fn a_source_that_ends_leaves_the_state_of_the_one_that_replaced_it() {
        let metrics = Metrics::default();
        let (destination, shape) = (Destination::default(), Shape::default());
        let plan = Plan { source: Source::Socket, carries: Carries::Both, shape, destination };
        let label = StateLabel { source: "socket", kind: "audio", state: "waiting" };
        let shown = || metrics.state.get_or_create(&label).get();
        let (old, health) = watch::channel(Health::Playing);
        let ending = metrics.follow(&plan, health);
        drop(old);
        let replaced = metrics.take_over(&Plan { carries: Carries::Audio, ..plan.clone() });
        replaced.set(Some("waiting"));
        ending.await;
        assert_eq!(shown(), 1);
        let other = StateLabel { kind: "video", ..label.clone() };
        assert_eq!(metrics.state.get_or_create(&other).get(), 0, "and nothing of its own");
        replaced.set(None);
        assert_eq!(shown(), 0);
    }
}
