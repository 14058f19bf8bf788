//! How calls go.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use understudy_core::call::{Role, Why};

/// From a moment in which one host talks to itself to one in which nobody waits any more.
const SET_UP_SECONDS: [f64; 9] = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 10.0, 30.0];

#[derive(Clone, Debug)]
pub struct Metrics {
    going_on: Gauge,
    ringing: Gauge,
    begun: Family<Begun, Counter>,
    ended: Family<Ended, Counter>,
    set_up: Histogram,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Begun {
    role: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    reason: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            going_on: Gauge::default(),
            ringing: Gauge::default(),
            begun: Family::default(),
            ended: Family::default(),
            set_up: Histogram::new(SET_UP_SECONDS),
        }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("understudy_calls", "Calls that go on", self.going_on.clone());
        let calls = registry.sub_registry_with_prefix("understudy_calls");
        calls.register("ringing", "Calls that nobody has taken yet", self.ringing.clone());
        calls.register("begun", "Calls of ours (origin) and of others (target)", self.begun.clone());
        calls.register("ended", "Calls that are over, by why", self.ended.clone());
        let text = "From a call that is taken to media that flows";
        calls.register_with_unit("set_up", text, Unit::Seconds, self.set_up.clone());
    }

    pub(super) fn begins(&self, role: Role) {
        let role = if role.is_origin() { "origin" } else { "target" };
        self.begun.get_or_create_owned(&Begun { role }).inc();
    }

    pub(super) fn connects(&self, within: Duration) {
        self.set_up.observe(within.as_secs_f64());
    }

    pub(super) fn ends(&self, why: Why) {
        self.ended.get_or_create_owned(&Ended { reason: why.word() }).inc();
    }

    pub(super) fn count(&self, going_on: usize, ringing: usize) {
        self.going_on.set(going_on as i64);
        self.ringing.set(ringing as i64);
    }
}
