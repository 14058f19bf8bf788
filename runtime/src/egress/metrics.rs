//! What left over connections, each of which has its own pace.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// Shared by all ways out: a stream's name is no label.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    readers: Family<Label, Gauge>,
    sent: Family<Label, Counter>,
    chunks: Family<Label, Counter>,
    dropped: Family<Label, Counter>,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Transport {
    WebSocket,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    transport: Transport,
}

/// One reader. Dropped, it is one no more.
pub(super) struct Reader {
    readers: Gauge,
    sent: Counter,
    chunks: Counter,
    dropped: Counter,
    /// Of which so many were counted.
    lost: u64,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let egress = registry.sub_registry_with_prefix("understudy_egress");
        egress.register("readers", "Connections that are sent a programme", self.readers.clone());
        egress.register_with_unit("sent", "What they took", Unit::Bytes, self.sent.clone());
        egress.register("chunks", "Pieces of a programme that they took", self.chunks.clone());
        egress.register(
            "dropped_chunks",
            "Pieces dropped for connections that were behind",
            self.dropped.clone(),
        );
    }

    pub(super) fn reader(&self, transport: Transport) -> Reader {
        let label = Label { transport };
        let readers = self.readers.get_or_create_owned(&label);
        readers.inc();
        Reader {
            readers,
            sent: self.sent.get_or_create_owned(&label),
            chunks: self.chunks.get_or_create_owned(&label),
            dropped: self.dropped.get_or_create_owned(&label),
            lost: 0,
        }
    }
}

impl Reader {
    pub(super) fn took(&self, bytes: usize) {
        self.sent.inc_by(bytes as u64);
        self.chunks.inc();
    }

    /// All that were dropped for it.
    pub(super) fn lost_so_far(&mut self, chunks: u64) {
        self.dropped.inc_by(chunks.saturating_sub(self.lost));
        self.lost = self.lost.max(chunks);
    }

    #[cfg(test)]
    pub(super) fn readers(&self) -> i64 {
        self.readers.get()
    }

    #[cfg(test)]
    pub(super) fn sent(&self) -> u64 {
        self.sent.get()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.readers.dec();
    }
}
