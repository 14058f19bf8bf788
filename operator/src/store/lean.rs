//! What is kept of a pod: who it is, whose it is, and how it is. Its template is kept by whoever made it, and there are thousands.

use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus};

/// Takes away what nothing here looks at.
pub(crate) fn pod(pod: &mut Pod) {
    pod.metadata.annotations = None;
    pod.spec = pod.spec.take().map(|spec| PodSpec { node_name: spec.node_name, ..PodSpec::default() });
    pod.status = pod.status.take().map(|status| PodStatus {
        conditions: status.conditions,
        container_statuses: status.container_statuses,
        message: status.message,
        phase: status.phase,
        pod_ip: status.pod_ip,
        pod_ips: status.pod_ips,
        reason: status.reason,
        ..PodStatus::default()
    });
}
