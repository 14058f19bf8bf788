//! What a pod says about itself, reduced to what is decided on.

use crate::names;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use kube::ResourceExt;
use std::time::Duration;

/// One pod of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFacts {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Which pod of its owner it is.
    pub attempt: i32,
    /// The revision of the profile that it was built from.
    pub profile_revision: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Where it runs.
    pub node: Option<String>,
    /// How it is reached.
    pub ip: Option<String>,
    /// How far its life has come.
    pub life: Life,
    /// Why no node was found for it.
    pub unschedulable: Option<Trouble>,
    /// Why its container does not run.
    pub trouble: Option<Trouble>,
    /// The kubelet says that no process of it runs now. It may start one at any time.
    pub halted: bool,
}

/// How far the life of a pod has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs, or will.
    Alive,
    /// It was asked to end, and may still run.
    Ending {
        /// When it was asked.
        since: Timestamp,
        /// When it should have ended.
        until: Timestamp,
    },
    /// Nothing of it runs any more.
    Ended,
}

/// What Kubernetes says about something that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// CamelCase.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// On the condition DisruptionTarget: the pod's node is gone from the cluster, or was declared to be out of service. A node that
/// only does not answer (`DeletionByTaintManager`, `NodeLost`) may go on running the pod.
const NODE_IS_GONE: &str = "DeletionByPodGC";
/// Of a container that waits: those that are no trouble.
const ORDINARY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

impl PodFacts {
    /// What this pod says.
    pub fn of(pod: &Pod) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let scheduled =
            status.conditions.iter().flatten().find(|condition| condition.type_ == "PodScheduled");
        Self {
            name: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            attempt: pod.labels().get(names::ATTEMPT_LABEL).and_then(|text| text.parse().ok()).unwrap_or(1),
            profile_revision: pod.labels().get(names::PROFILE_REVISION_LABEL).cloned(),
            created: pod.creation_timestamp().map_or(Timestamp::UNIX_EPOCH, |time| time.0),
            node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
            ip: status.pod_ip.clone(),
            life: life(pod, &status),
            unschedulable: scheduled.filter(|condition| condition.status == "False").map(|condition| {
                Trouble {
                    reason: condition.reason.clone().unwrap_or_else(|| "Unschedulable".into()),
                    message: condition.message.clone().unwrap_or_default(),
                }
            }),
            trouble: status.container_statuses.iter().flatten().find_map(trouble),
            halted: is_halted(&status),
        }
    }

    /// How long a pod that ends has left.
    pub fn overstays(&self, now: Timestamp) -> Option<Duration> {
        let Life::Ending { until, .. } = self.life else { return None };
        Duration::try_from(until.duration_since(now)).ok().filter(|rest| !rest.is_zero())
    }
}

/// A pod that is asked to end is held to run on until there is evidence that nothing of it does.
fn life(pod: &Pod, status: &PodStatus) -> Life {
    let over = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let Some(deletion) = &pod.metadata.deletion_timestamp else {
        return if over { Life::Ended } else { Life::Alive };
    };
    if over || is_off_its_node(status) || is_node_gone(status) {
        return Life::Ended;
    }
    let grace = SignedDuration::from_secs(pod.metadata.deletion_grace_period_seconds.unwrap_or_default());
    Life::Ending { since: deletion.0.checked_sub(grace).unwrap_or(deletion.0), until: deletion.0 }
}

/// The kubelet says that each container has ended.
fn is_off_its_node(status: &PodStatus) -> bool {
    let mut containers = status.container_statuses.iter().flatten().peekable();
    let ended = |container: &ContainerStatus| {
        container.state.as_ref().is_some_and(|state| state.terminated.is_some())
    };
    containers.peek().is_some() && containers.all(ended)
}

/// The same, or that each waits to be started again.
fn is_halted(status: &PodStatus) -> bool {
    let mut containers = status.container_statuses.iter().flatten().peekable();
    let halted = |container: &ContainerStatus| {
        container.state.as_ref().is_some_and(|state| state.terminated.is_some() || state.waiting.is_some())
    };
    containers.peek().is_some() && containers.all(halted)
}

fn is_node_gone(status: &PodStatus) -> bool {
    status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "DisruptionTarget"
            && condition.status == "True"
            && condition.reason.as_deref() == Some(NODE_IS_GONE)
    })
}

fn trouble(container: &ContainerStatus) -> Option<Trouble> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.clone().filter(|reason| !ORDINARY.contains(&reason.as_str()))?;
    // Why it ended before says more than that it is tried again, and does not change with every attempt.
    let last = container.last_state.as_ref().and_then(|state| state.terminated.as_ref()).map(|last| {
        let (reason, message) =
            (last.reason.as_deref().unwrap_or("Error"), last.message.as_deref().unwrap_or_default());
        format!("{reason}, exit code {}: {message}", last.exit_code)
    });
    Some(Trouble { reason, message: last.or_else(|| waiting.message.clone()).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::lean;
    use serde_json::json;

    fn facts(status: &serde_json::Value) -> PodFacts {
        let pod =
            json!({"metadata": {"name": "ada-1", "labels": {names::ATTEMPT_LABEL: "3"}}, "status": status});
        PodFacts::of(&serde_json::from_value(pod).unwrap())
    }

    #[test]
    fn a_container_that_is_being_created_is_no_trouble() {
        let waiting = |reason: &str| {
            json!({"containerStatuses": [{"name": "runtime", "image": "", "imageID": "", "ready": false,
                "restartCount": 0, "state": {"waiting": {"reason": reason, "message": "m"}}}]})
        };
        assert_eq!(facts(&waiting("ContainerCreating")).trouble, None);
        assert_eq!(facts(&waiting("ImagePullBackOff")).trouble.unwrap().reason, "ImagePullBackOff");
    }

    #[test]
    fn a_container_that_ends_again_and_again_says_what_ended_it() {
        let status = json!({"containerStatuses": [{"name": "runtime", "image": "", "imageID": "", "ready": false,
            "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
            "lastState": {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}}}]});
        let trouble = facts(&status).trouble.unwrap();
        assert_eq!(trouble.reason, "CrashLoopBackOff");
        assert_eq!(trouble.message, "StartError, exit code 128: no such file");
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let status = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available"}]});
        assert_eq!(facts(&status).unschedulable.unwrap().message, "0/1 nodes are available");
    }

    #[test]
    fn a_failed_pod_has_ended() {
        assert_eq!(facts(&json!({"phase": "Failed"})).life, Life::Ended);
        assert_eq!(facts(&json!({"phase": "Running"})).life, Life::Alive);
        assert_eq!(facts(&json!({})).attempt, 3);
    }

    fn deleted(status: &serde_json::Value) -> Life {
        let pod = json!({"metadata": {"name": "ada-1", "deletionTimestamp": "2026-01-01T00:00:30Z",
            "deletionGracePeriodSeconds": 30}, "status": status});
        PodFacts::of(&serde_json::from_value(pod).unwrap()).life
    }

    #[test]
    fn a_pod_that_is_asked_to_end_says_since_when_and_until_when() {
        let (since, until) =
            ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:30Z".parse().unwrap());
        assert_eq!(deleted(&json!({"phase": "Running"})), Life::Ending { since, until });
    }

    #[test]
    fn only_evidence_that_nothing_runs_makes_a_pod_that_ends_one_that_has_ended() {
        let container = |state: serde_json::Value| {
            json!({"phase": "Running", "containerStatuses": [{"name": "runtime", "image": "", "imageID": "",
                "ready": false, "restartCount": 0, "state": state}]})
        };
        let disrupted = |reason: &str| {
            json!({"phase": "Running", "reason": "NodeLost", "conditions": [
                {"type": "DisruptionTarget", "status": "True", "reason": reason}]})
        };
        assert_eq!(deleted(&container(json!({"terminated": {"exitCode": 0}}))), Life::Ended);
        assert_eq!(deleted(&disrupted("DeletionByPodGC")), Life::Ended);
        assert_eq!(deleted(&json!({"phase": "Failed"})), Life::Ended);
        for status in [container(json!({"running": {}})), disrupted("DeletionByTaintManager")] {
            assert!(matches!(deleted(&status), Life::Ending { .. }), "{status}");
        }
        let restarting = facts(&container(json!({"terminated": {"exitCode": 1}})));
        assert_eq!(restarting.life, Life::Alive, "the kubelet starts it again");
        let waits = facts(&container(json!({"waiting": {"reason": "CrashLoopBackOff"}})));
        assert!(restarting.halted && waits.halted && !facts(&container(json!({"running": {}}))).halted);
        assert!(!facts(&json!({"phase": "Pending"})).halted, "nobody says anything of it");
    }

    #[test]
    fn what_is_decided_on_is_the_same_of_what_is_kept() {
        let whole: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": "ada-1", "uid": "5", "creationTimestamp": "2026-01-01T00:00:00Z",
                "deletionTimestamp": "2026-01-01T00:01:00Z", "deletionGracePeriodSeconds": 30,
                "annotations": {"example.com/note": "long"},
                "labels": {"understudy.dev/attempt": "3", "understudy.dev/runtime-profile-revision": "abc"},
            },
            "spec": {"nodeName": "node-1", "containers": [{"name": "runtime", "image": "runtime:1"}]},
            "status": {
                "phase": "Running", "podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}], "reason": "NodeLost",
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"},
                    {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC"},
                ],
                "containerStatuses": [{
                    "name": "runtime", "image": "runtime:1", "imageID": "1", "ready": false, "restartCount": 0,
                    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
                }],
            },
        }))
        .unwrap();
        let mut lean = whole.clone();
        lean::pod(&mut lean);
        assert_eq!(PodFacts::of(&lean), PodFacts::of(&whole));
        let length = |pod: &Pod| serde_json::to_string(pod).unwrap().len();
        assert!(lean.metadata.annotations.is_none() && length(&lean) < length(&whole));
    }
}
