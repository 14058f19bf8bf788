//! What the hubs of this process did.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use understudy_core::fanout::keyframe::Need;
use understudy_core::media;

/// Shared by all hubs: a hub's name is no label.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) readers: Gauge,
    pub(super) lagged: Counter,
    pub(super) issued: Counter,
    frames: Family<KindLabel, Counter>,
    passed: Family<KindLabel, Counter>,
    payload: Family<KindLabel, Counter>,
    dropped: Counter,
    requests: Family<NeedLabel, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: Kind,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Kind {
    Video,
    Audio,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct NeedLabel {
    need: NeedValue,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum NeedValue {
    Join,
    Repair,
}

impl KindLabel {
    const fn of(kind: media::Kind) -> Self {
        let kind = match kind {
            media::Kind::Video => Kind::Video,
            media::Kind::Audio => Kind::Audio,
        };
        Self { kind }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let hub = registry.sub_registry_with_prefix("understudy_hub");
        hub.register("readers", "Readers of all hubs", self.readers.clone());
        hub.register("frames", "Encoded frames published", self.frames.clone());
        hub.register(
            "passed_frames",
            "Of these, frames that went out as they came, without being decoded and encoded",
            self.passed.clone(),
        );
        hub.register_with_unit("payload", "Encoded media published", Unit::Bytes, self.payload.clone());
        hub.register(
            "reader_dropped_frames",
            "Frames dropped for readers that were behind",
            self.dropped.clone(),
        );
        hub.register("reader_lags", "Times a reader was left without a picture", self.lagged.clone());
        hub.register("keyframe_requests", "Wishes for a keyframe", self.requests.clone());
        hub.register("keyframes_asked", "Wishes passed on to the encoder", self.issued.clone());
    }

    pub(super) fn published(&self, kind: media::Kind, bytes: usize) {
        let label = KindLabel::of(kind);
        self.frames.get_or_create(&label).inc();
        self.payload.get_or_create(&label).inc_by(bytes as u64);
    }

    pub(super) fn passed(&self, kind: media::Kind) {
        self.passed.get_or_create(&KindLabel::of(kind)).inc();
    }

    pub(super) fn dropped(&self, frames: usize) {
        self.dropped.inc_by(frames as u64);
    }

    pub(super) fn requested(&self, need: Need) {
        let need = match need {
            Need::Join => NeedValue::Join,
            Need::Repair => NeedValue::Repair,
        };
        self.requests.get_or_create(&NeedLabel { need }).inc();
    }
}
