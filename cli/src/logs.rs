//! `logs`: what the runtime of a participant has written.

use crate::args::Logs;
use crate::cluster::{Cluster, asked};
use crate::failure::Failure;
use crate::standing::phase;
use crate::tell;
use futures::AsyncReadExt;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, LogParams};
use understudy_crds::v1alpha1::VirtualParticipant;

/// The container of a session's pod.
const CONTAINER: &str = "runtime";
/// Label of a session's pod: whose it is.
const PARTICIPANT_LABEL: &str = "understudy.dev/participant";
/// Label of a session's pod: which pod of the participant it is, counted from 1.
const ATTEMPT_LABEL: &str = "understudy.dev/attempt";
/// Bytes that are read at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// Prints the log, and goes on if that is asked for.
pub async fn run(cluster: &Cluster, args: &Logs) -> Result<(), Failure> {
    let participant = cluster.participant(&args.name).await?;
    let pods = pods(cluster, &args.name).await?;
    let log = chosen(&participant, &pods, args).map_err(Failure::Ended)?;
    let parameters = LogParams {
        container: Some(CONTAINER.to_owned()),
        follow: args.follow,
        previous: log.is_of_container_before,
        since_seconds: args.since.map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX).max(1)),
        tail_lines: args.tail.map(i64::from),
        ..LogParams::default()
    };
    let mut lines = std::pin::pin!(asked(cluster.api::<Pod>().log_stream(&log.pod, &parameters)).await?);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match lines.read(&mut piece).await {
            Ok(0) => return Ok(()),
            Ok(length) => tell::bytes(&piece[..length])?,
            Err(error) => return Err(Failure::Unreachable(error.to_string())),
        }
    }
}

/// The pods of a participant that there are, the newest first.
async fn pods(cluster: &Cluster, name: &str) -> Result<Vec<Pod>, Failure> {
    let of_it = ListParams::default().labels(&format!("{PARTICIPANT_LABEL}={name}"));
    let mut pods = asked(cluster.api::<Pod>().list(&of_it)).await?.items;
    pods.sort_by_key(|pod| std::cmp::Reverse(attempt(pod)));
    Ok(pods)
}

/// One log.
#[derive(Debug, PartialEq, Eq)]
struct Log {
    pod: String,
    is_of_container_before: bool,
}

/// Which log is meant, or why there is none.
fn chosen(participant: &VirtualParticipant, pods: &[Pod], args: &Logs) -> Result<Log, String> {
    let named = participant.status.as_ref().and_then(|status| status.pod.as_ref());
    let current =
        named.and_then(|named| pods.iter().find(|pod| pod.name_any() == named.name)).or(pods.first());
    let Some(current) = current else {
        return Err(format!("{} has no pod: it is {}", args.name, phase(participant)));
    };
    if !args.previous {
        return Ok(Log { pod: current.name_any(), is_of_container_before: false });
    }
    if has_restarted(current) {
        return Ok(Log { pod: current.name_any(), is_of_container_before: true });
    }
    let before = pods.iter().find(|pod| attempt(pod) < attempt(current));
    let before = before.map(|pod| Log { pod: pod.name_any(), is_of_container_before: false });
    before.ok_or_else(|| {
        format!(
            "{} has no log of before: its container was never restarted, and no pod before it is there",
            current.name_any()
        )
    })
}

fn has_restarted(pod: &Pod) -> bool {
    let containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    containers.into_iter().any(|container| container.name == CONTAINER && container.restart_count > 0)
}

fn attempt(pod: &Pod) -> i32 {
    pod.labels().get(ATTEMPT_LABEL).and_then(|attempt| attempt.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::ada;
    use serde_json::json;

    fn pod(attempt: i32, restarts: i32) -> Pod {
        let container = json!({
            "name": "runtime", "image": "", "imageID": "", "ready": true, "restartCount": restarts
        });
        serde_json::from_value(json!({
            "metadata": {"name": format!("ada-{attempt}"), "labels": {ATTEMPT_LABEL: attempt.to_string()}},
            "status": {"containerStatuses": [container]}
        }))
        .unwrap()
    }

    fn meant(pods: &[Pod], previous: bool) -> Result<Log, String> {
        let args = Logs { name: "ada".into(), follow: false, previous, since: None, tail: None };
        chosen(&ada(&json!({}), &json!({"pod": {"name": "ada-2", "attempt": 2}})), pods, &args)
    }

    #[test]
    fn the_log_is_that_of_the_pod_that_the_status_names() {
        let log = |pod: &str, is_of_container_before| Log { pod: pod.into(), is_of_container_before };
        let both = [pod(3, 0), pod(2, 0), pod(1, 0)];
        assert_eq!(meant(&both, false), Ok(log("ada-2", false)));
        assert_eq!(meant(&both, true), Ok(log("ada-1", false)));
        assert_eq!(meant(&[pod(2, 1), pod(1, 0)], true), Ok(log("ada-2", true)));
        assert_eq!(meant(&[pod(4, 0)], false), Ok(log("ada-4", false)), "the status is behind");
        assert!(meant(&[pod(2, 0)], true).unwrap_err().contains("no log of before"));
        assert!(meant(&[], false).unwrap_err().contains("ada has no pod"));
    }
}
