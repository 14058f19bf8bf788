//! How processes fare, in numbers.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use understudy_core::process::machine::{Cause, Ended, Exec};

use crate::child::confined::Enforced;

/// Registered once, cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    now: Family<ByExec, Gauge>,
    starts: Counter,
    restarts: Counter,
    exits: Family<ByReason, Counter>,
    confined: Family<ByBound, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByExec {
    exec: ExecLabel,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum ExecLabel {
    Finished,
    Starting,
    Running,
    Finishing,
    Failed,
    Killed,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByReason {
    reason: Reason,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ByBound {
    what: Bound,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Bound {
    Files,
    Ports,
    Signals,
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
enum Reason {
    /// By itself, in good order.
    Finished,
    /// By itself, with an error.
    Failed,
    /// By a signal that was none of ours.
    Killed,
    /// It could not be started.
    Unspawned,
    Stopped,
    Restarted,
    Stale,
    Limits,
    Legs,
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        let processes = registry.sub_registry_with_prefix("understudy_process");
        processes.register("count", "Processes, by what they are doing", self.now.clone());
        processes.register("starts", "Times that a process was started", self.starts.clone());
        processes.register("restarts", "Those of them that were not its first", self.restarts.clone());
        processes.register("exits", "Times that a run of a process was over, by why", self.exits.clone());
        let confined = "Whether the kernel keeps from processes what is none of theirs (Landlock), by what";
        processes.register("confined", confined, self.confined.clone());
    }

    pub(super) fn confined(&self, Enforced { files, ports, signals }: Enforced) {
        for (what, is_so) in [(Bound::Files, files), (Bound::Ports, ports), (Bound::Signals, signals)] {
            self.confined.get_or_create(&ByBound { what }).set(is_so.into());
        }
    }

    /// A process was this and is that; none: it was not there, or is no more.
    pub(super) fn became(&self, was: Option<Exec>, is: Option<Exec>) {
        for (exec, by) in [(was, -1), (is, 1)] {
            if let Some(exec) = exec {
                self.now.get_or_create(&ByExec { exec: exec.into() }).inc_by(by);
            }
        }
    }

    pub(super) fn started(&self, is_first: First) {
        self.starts.inc();
        if is_first == First::No {
            self.restarts.inc();
        }
    }

    pub(super) fn ended(&self, ended: &Ended) {
        self.exits.get_or_create(&ByReason { reason: Reason::of(ended) }).inc();
    }
}

/// Whether a process had been started before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    Yes,
    No,
}

impl From<Exec> for ExecLabel {
    fn from(exec: Exec) -> Self {
        match exec {
            Exec::Finished => Self::Finished,
            Exec::Starting => Self::Starting,
            Exec::Running => Self::Running,
            Exec::Finishing => Self::Finishing,
            Exec::Failed => Self::Failed,
            Exec::Killed => Self::Killed,
        }
    }
}

impl Reason {
    fn of(ended: &Ended) -> Self {
        match (ended.asked, &ended.unspawned, ended.exec) {
            (_, Some(_), _) => Self::Unspawned,
            (Some(Cause::Stopped), ..) => Self::Stopped,
            (Some(Cause::Restarted), ..) => Self::Restarted,
            (Some(Cause::Stale), ..) => Self::Stale,
            (Some(Cause::Limits), ..) => Self::Limits,
            (Some(Cause::Legs), ..) => Self::Legs,
            (None, None, Exec::Failed) => Self::Failed,
            (None, None, Exec::Killed) => Self::Killed,
            (None, None, _) => Self::Finished,
        }
    }
}
