//! The operator's figures. Labels are bounded: never a name, an id or a text.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Shared by all who count.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<Kind, Counter>,
    failures: Family<Kind, Counter>,
    /// 1 while this process leads.
    pub leader: Gauge,
    /// Sessions whose stream is there.
    pub linked: Gauge,
    registry: Arc<Registry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("understudy_operator");
        let (reconciles, failures) = (Family::default(), Family::default());
        let (leader, linked) = (Gauge::default(), Gauge::default());
        registry.register("reconciles", "Looks at objects", reconciles.clone());
        registry.register(
            "reconcile_failures",
            "Looks at objects that have to be repeated",
            failures.clone(),
        );
        registry.register("leader", "Whether this process leads", leader.clone());
        registry.register("linked_sessions", "Sessions whose control link is up", linked.clone());
        Self { reconciles, failures, leader, linked, registry: Arc::new(registry) }
    }
}

impl Metrics {
    /// An object of that kind was looked at.
    pub fn reconciled(&self, kind: &'static str) {
        self.reconciles.get_or_create(&Kind { kind }).inc();
    }

    /// That failed.
    pub fn reconcile_failed(&self, kind: &'static str) {
        self.failures.get_or_create(&Kind { kind }).inc();
    }

    /// In the OpenMetrics text form.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}
