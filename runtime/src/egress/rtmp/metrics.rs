//! What RTMP did.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use understudy_rtmp::command::Code;

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    players: Gauge,
    publishers: Gauge,
    sent: Counter,
    writes: Counter,
    dropped: Counter,
    pub(super) stalled: Counter,
    refused: Family<RefusedLabel, Counter>,
}

/// Somebody who is there, until it is dropped.
pub(super) struct Presence(Gauge);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RefusedLabel {
    reason: Reason,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Reason {
    Denied,
    NotFound,
    BadName,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let rtmp = registry.sub_registry_with_prefix("understudy_rtmp");
        rtmp.register("players", "Players of RTMP and RTMPS", self.players.clone());
        rtmp.register("publishers", "Publishers of RTMP and RTMPS", self.publishers.clone());
        rtmp.register_with_unit("sent", "Written to connections", Unit::Bytes, self.sent.clone());
        rtmp.register("writes", "Calls that wrote them", self.writes.clone());
        rtmp.register(
            "dropped_messages",
            "Messages dropped for players that were behind",
            self.dropped.clone(),
        );
        rtmp.register("stalled", "Connections ended because they took nothing", self.stalled.clone());
        rtmp.register("refused", "Plays and publishes refused", self.refused.clone());
    }

    /// How many play now.
    pub fn players(&self) -> i64 {
        self.players.get()
    }

    pub(super) fn player(&self) -> Presence {
        Presence::new(&self.players)
    }

    pub(super) fn publisher(&self) -> Presence {
        Presence::new(&self.publishers)
    }

    pub(super) fn wrote(&self, bytes: usize) {
        if bytes > 0 {
            self.sent.inc_by(bytes as u64);
            self.writes.inc();
        }
    }

    pub(super) fn dropped(&self, messages: u64) {
        self.dropped.inc_by(messages);
    }

    pub(super) fn refused(&self, code: Code) {
        let reason = match code {
            Code::PlayNotFound => Reason::NotFound,
            Code::PublishBadName => Reason::BadName,
            Code::ConnectRejected | Code::PlayFailed | Code::PublishDenied => Reason::Denied,
        };
        self.refused.get_or_create(&RefusedLabel { reason }).inc();
    }
}

impl Presence {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.dec();
    }
}
