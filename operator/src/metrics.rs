//! The operator's figures. Labels are bounded: their values are those of enums, never a name, an id or a text.

use crate::owner::Kind;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// A look without a write takes microseconds, one with a few requests tens of milliseconds, and the longest is cut off at 30 s.
const LOOK_SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 30.0];

/// Shared by all who count.
#[derive(Clone, Debug)]
pub struct Metrics {
    failures: Family<Of, Counter>,
    panics: Family<Of, Counter>,
    seconds: Family<Of, Histogram>,
    waiting: Family<Of, Gauge>,
    unread: Family<Of, Gauge>,
    links: Family<Link, Gauge>,
    calls: Family<Call, Counter>,
    /// Streams of the control link that were closed because their session read nothing.
    pub stalled: Counter,
    /// Objects that wait because the API server refused what they need.
    pub refused: Gauge,
    /// 1 while this process leads.
    pub leader: Gauge,
    /// The term in which it leads; 0: it does not.
    pub term: Gauge,
    registry: Arc<Registry>,
}

/// Sessions by the state of their stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// The stream is there.
    Up,
    /// It was, to this leader.
    Down,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Link {
    state: LinkState,
}

/// A method of the control API, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    outcome: &'static str,
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(self.as_str())
    }
}

impl EncodeLabelValue for LinkState {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        encoder.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("understudy_operator");
        let metrics = Self {
            failures: Family::default(),
            panics: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(LOOK_SECONDS)),
            waiting: Family::default(),
            unread: Family::default(),
            links: Family::default(),
            calls: Family::default(),
            stalled: Counter::default(),
            refused: Gauge::default(),
            leader: Gauge::default(),
            term: Gauge::default(),
            registry: Arc::default(),
        };
        let help = "Time that looks at objects took";
        registry.register_with_unit("reconcile", help, Unit::Seconds, metrics.seconds.clone());
        let help = "Looks at objects that have to be repeated";
        registry.register("reconcile_failures", help, metrics.failures.clone());
        let help = "Looks at objects that ended in a panic, which are failures as well";
        registry.register("reconcile_panics", help, metrics.panics.clone());
        registry.register("queue_length", "Objects that wait to be looked at", metrics.waiting.clone());
        let help = "Objects that this version of the operator cannot read, and leaves out";
        registry.register("unread_objects", help, metrics.unread.clone());
        let help = "Participants that wait because the API server refused what they need";
        registry.register("refused_participants", help, metrics.refused.clone());
        registry.register("sessions", "Sessions by the state of their control link", metrics.links.clone());
        let help = "Calls of the control API, by how they ended";
        registry.register("api_calls", help, metrics.calls.clone());
        let help = "Streams of the control link that were closed because their session read nothing";
        registry.register("stalled_streams", help, metrics.stalled.clone());
        registry.register("leader", "Whether this process leads", metrics.leader.clone());
        registry.register("leader_term", "The term in which this process leads", metrics.term.clone());
        Self { registry: Arc::new(registry), ..metrics }
    }
}

impl Metrics {
    /// An object of that kind was looked at, and it took that long.
    pub fn looked(&self, kind: Kind, took: Duration) {
        self.seconds.get_or_create(&Of { kind }).observe(took.as_secs_f64());
    }

    /// That failed.
    pub fn look_failed(&self, kind: Kind) {
        self.failures.get_or_create(&Of { kind }).inc();
    }

    /// It panicked.
    pub fn look_panicked(&self, kind: Kind) {
        self.panics.get_or_create(&Of { kind }).inc();
    }

    /// How many objects of that kind wait to be looked at.
    pub fn wait(&self, kind: Kind, count: usize) {
        self.waiting.get_or_create(&Of { kind }).set(gauge(count));
    }

    /// How many objects of that kind cannot be read.
    pub fn leave_out(&self, kind: Kind, count: usize) {
        self.unread.get_or_create(&Of { kind }).set(gauge(count));
    }

    /// How many sessions' streams are so.
    pub fn link(&self, state: LinkState, count: usize) {
        self.links.get_or_create(&Link { state }).set(gauge(count));
    }

    /// A call of the control API has ended so, or a stream of it has begun.
    pub fn called(&self, method: &'static str, outcome: &'static str) {
        self.calls.get_or_create(&Call { method, outcome }).inc();
    }

    /// This process leads in that term.
    pub fn leads(&self, term: u64) {
        self.leader.set(1);
        self.term.set(i64::try_from(term).unwrap_or(i64::MAX));
    }

    /// Another leads, or nobody: what only a leader counts is not counted here.
    pub fn follows(&self) {
        for gauge in [&self.leader, &self.term, &self.refused] {
            gauge.set(0);
        }
        self.waiting.clear();
        self.unread.clear();
        self.links.clear();
    }

    /// In the OpenMetrics text form.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// A count as a gauge has it.
pub fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_tells_nothing_of_what_it_led() {
        let metrics = Metrics::default();
        metrics.leads(7);
        metrics.link(LinkState::Up, 3);
        metrics.wait(Kind::Livestream, 2);
        assert!(metrics.encode().contains("understudy_operator_sessions{state=\"up\"} 3"));
        assert!(metrics.encode().contains("understudy_operator_leader_term 7"));
        metrics.follows();
        let text = metrics.encode();
        assert!(text.contains("understudy_operator_leader 0") && !text.contains("sessions{"), "{text}");
    }
}
