//! What came to be done at the display, and what was not.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use understudy_core::steering::Input;
use understudy_core::steering::line::Errand;

#[derive(Clone, Debug, Default)]
pub struct Metrics {
    inputs: Family<KindLabel, Counter>,
    dropped: Family<ReasonLabel, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Kind {
    Key,
    Text,
    Pointer,
    Wheel,
    Touch,
    Clipboard,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: Reason,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Reason {
    /// Too many were waiting.
    Full,
    /// There is no display.
    Display,
    /// All keys that could write it are held.
    Key,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let steering = registry.sub_registry_with_prefix("understudy_steering");
        steering.register("inputs", "What people did at the display", self.inputs.clone());
        steering.register("dropped_inputs", "What was not done, by reason", self.dropped.clone());
    }

    pub(super) fn came(&self, errand: &Errand) {
        let kind = match errand {
            Errand::Input(_, Input::Key { .. }) => Kind::Key,
            Errand::Input(_, Input::Text(_)) => Kind::Text,
            Errand::Input(_, Input::Move { .. } | Input::Point(_) | Input::Button { .. }) => Kind::Pointer,
            Errand::Input(_, Input::Scroll(_)) => Kind::Wheel,
            Errand::Input(_, Input::Touch { .. }) => Kind::Touch,
            Errand::Copy(_) => Kind::Clipboard,
            Errand::Leave(_) => return,
        };
        self.inputs.get_or_create_owned(&KindLabel { kind }).inc();
    }

    pub(super) fn dropped(&self, reason: Reason) {
        self.dropped.get_or_create_owned(&ReasonLabel { reason }).inc();
    }
}
