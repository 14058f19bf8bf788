//! How the session's parts fare, in numbers.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use understudy_core::part::{Part, Parts};

/// Registered once, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    up: Family<Label, Gauge>,
    lost: Family<Label, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Label {
    part: Name,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Name {
    Display,
    Sound,
    Bus,
    Pipewire,
    Camera,
    Browser,
    Page,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let session = registry.sub_registry_with_prefix("understudy_session");
        session.register("part_up", "Whether a part of the session runs", self.up.clone());
        session.register("part_lost", "Times that a part did not start or went away", self.lost.clone());
    }

    pub(super) fn lost(&self, part: Part) {
        self.lost.get_or_create(&label(part)).inc();
    }

    pub(super) fn observe(&self, parts: &Parts) {
        for part in parts.all() {
            self.up.get_or_create(&label(part)).set(parts.is_up(part).into());
        }
    }
}

fn label(part: Part) -> Label {
    let part = match part {
        Part::Display => Name::Display,
        Part::Sound => Name::Sound,
        Part::Bus => Name::Bus,
        Part::Pipewire => Name::Pipewire,
        Part::Camera => Name::Camera,
        Part::Browser => Name::Browser,
        Part::Page => Name::Page,
    };
    Label { part }
}
