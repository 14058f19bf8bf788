//! What came to the ports of this runtime's processes.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Shared by all processes: a process is no label.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) strangers: Counter,
    pub(super) lost: Counter,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let leg = registry.sub_registry_with_prefix("understudy_process_leg");
        leg.register(
            "foreign_datagrams",
            "Datagrams to a process's port that its own child did not send, and that were not taken",
            self.strangers.clone(),
        );
        leg.register(
            "lost_packets",
            "Packets of pictures that a child sent and that did not arrive",
            self.lost.clone(),
        );
    }
}
