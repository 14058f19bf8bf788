//! What recordings write, and why they end.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use understudy_core::recording::End;

/// Shared by all recordings: an id is no label.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    running: Gauge,
    written: Counter,
    lost: Counter,
    ended: Family<Label, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    reason: Reason,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Reason {
    Stopped,
    Duration,
    Size,
    DiskFull,
    DiskSlow,
    Failed,
}

/// One that runs. Dropped, it does no more.
pub(super) struct Running(Metrics);

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let recordings = registry.sub_registry_with_prefix("understudy_recordings");
        recordings.register("running", "Recordings that go on", self.running.clone());
        recordings.register_with_unit("written", "What files took", Unit::Bytes, self.written.clone());
        recordings.register("lost_units", "Units that nobody took in time", self.lost.clone());
        recordings.register("ended", "Recordings that ended, by the reason", self.ended.clone());
    }

    pub(super) fn running(&self) -> Running {
        self.running.inc();
        Running(self.clone())
    }

    pub(super) fn bytes(&self) -> Counter {
        self.written.clone()
    }
}

impl Running {
    pub(super) fn ended(self, why: &End, lost: u64) {
        let reason = match why {
            End::Stopped => Reason::Stopped,
            End::Duration => Reason::Duration,
            End::Size => Reason::Size,
            End::DiskFull => Reason::DiskFull,
            End::DiskSlow => Reason::DiskSlow,
            End::Failed(_) => Reason::Failed,
        };
        self.0.ended.get_or_create(&Label { reason }).inc();
        self.0.lost.inc_by(lost);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.dec();
    }
}
