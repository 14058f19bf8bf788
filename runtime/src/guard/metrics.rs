//! What was asked of the guard, in numbers.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Registered once, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    requests: Family<Label, Counter>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub enum Audience {
    /// The participant's page.
    Browser,
    /// Sources and outputs.
    Media,
}

/// How a request was answered.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Outcome {
    Passed,
    /// Its host is not public.
    Refused,
    Unresolvable,
    Unreachable,
    TimedOut,
    /// Not HTTP, or of another scheme.
    Malformed,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    audience: Audience,
    outcome: Outcome,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let guard = registry.sub_registry_with_prefix("understudy_guard");
        guard.register("requests", "Requests for users' URLs, by outcome", self.requests.clone());
    }

    pub(super) fn count(&self, audience: Audience, outcome: Outcome) {
        self.requests.get_or_create(&Label { audience, outcome }).inc();
    }
}
