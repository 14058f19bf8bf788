//! How streamers fare, in numbers.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use understudy_core::streamer::life::Status;

/// Registered once, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    streamers: Family<ByStatus, Gauge>,
    peers: Gauge,
    live: Gauge,
    inputs: Family<ByFate, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByStatus {
    status: StatusLabel,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum StatusLabel {
    Starting,
    Active,
    Failed,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByFate {
    fate: Fate,
}

/// What became of a message that asks for something on the display.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Fate {
    Taken,
    /// Whoever sent it may not steer, or not now.
    Refused,
    /// More than one peer may ask for.
    TooMany,
    Malformed,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let streamers = registry.sub_registry_with_prefix("understudy_streamer");
        streamers.register("count", "Streamers, by how they stand", self.streamers.clone());
        streamers.register("peers", "Sockets of those who watch a streamer", self.peers.clone());
        streamers.register("live_peers", "Those of them who are connected over WebRTC", self.live.clone());
        let inputs = "Messages that asked for something on the display, by what became of them";
        streamers.register("inputs", inputs, self.inputs.clone());
    }

    pub(super) fn counted<'a>(&self, all: impl Iterator<Item = Status<'a>>) {
        let mut counts = [0; 3];
        for status in all {
            counts[StatusLabel::of(status) as usize] += 1;
        }
        for (status, count) in
            [StatusLabel::Starting, StatusLabel::Active, StatusLabel::Failed].into_iter().zip(counts)
        {
            self.streamers.get_or_create(&ByStatus { status }).set(count);
        }
    }

    /// How many watch, and how many of them are connected.
    pub(super) fn watched(&self, peers: usize, live: usize) {
        self.peers.set(i64::try_from(peers).unwrap_or(i64::MAX));
        self.live.set(i64::try_from(live).unwrap_or(i64::MAX));
    }

    pub(super) fn input(&self, fate: Fate) {
        self.inputs.get_or_create(&ByFate { fate }).inc();
    }
}

impl StatusLabel {
    const fn of(status: Status<'_>) -> Self {
        match status {
            Status::Starting => Self::Starting,
            Status::Active => Self::Active,
            Status::Failed { .. } => Self::Failed,
        }
    }
}
