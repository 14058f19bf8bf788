//! What the media transport did.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Default)]
pub struct Metrics {
    pub(super) viewers: Gauge,
    pub(super) joined: Counter,
    pub(super) left: Family<LeftLabel, Counter>,
    pub(super) sent_datagrams: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) unsent_datagrams: Counter,
    pub(super) strangers: Counter,
    pub(super) pictures_lost: Counter,
    pub(super) asked_again: Counter,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(super) struct LeftLabel {
    pub why: Why,
}

/// How a viewer's session ended.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Why {
    /// It said so over HTTP.
    Left,
    /// It closed DTLS.
    Closed,
    /// It fell silent.
    Silent,
    /// It never connected.
    NeverCame,
    /// What it sent broke the stack's handling of it.
    Broken,
    /// We stopped.
    Shutdown,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let rtc = registry.sub_registry_with_prefix("understudy_rtc");
        rtc.register("viewers", "Viewers admitted and not gone", self.viewers.clone());
        rtc.register("viewers_joined", "Viewers admitted", self.joined.clone());
        rtc.register("viewers_left", "Viewers gone, by reason", self.left.clone());
        rtc.register("sent_datagrams", "Datagrams sent", self.sent_datagrams.clone());
        rtc.register_with_unit("sent", "Bytes sent", Unit::Bytes, self.sent_bytes.clone());
        rtc.register("unsent_datagrams", "Datagrams the socket did not take", self.unsent_datagrams.clone());
        rtc.register("stranger_datagrams", "Datagrams of nobody known", self.strangers.clone());
        rtc.register("pictures_lost", "Reports of a lost picture", self.pictures_lost.clone());
        rtc.register("packets_asked_again", "Packets viewers asked for again", self.asked_again.clone());
    }

    pub(super) fn gone(&self, why: Why) {
        self.viewers.dec();
        self.left.get_or_create(&LeftLabel { why }).inc();
    }
}
