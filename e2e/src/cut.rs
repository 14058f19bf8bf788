//! The control link of one pod, cut by the firewall of the local cluster's node; what else the pod says and hears goes on.

use std::net::IpAddr;
use std::time::Duration;

use crate::{program, settings};

/// One rule.
const DEADLINE: Duration = Duration::from_secs(20);
/// Where operators listen, behind their Service.
const LINK: &str = "8443";

/// Nothing passes, and nobody is told, until it is mended.
#[must_use = "the rules stay until it is mended, or the cluster ends"]
pub struct Cut(IpAddr);

impl Cut {
    /// At the pod with that address.
    pub async fn of(pod: IpAddr) -> Self {
        rules("--insert", pod).await;
        Self(pod)
    }

    pub async fn mend(self) {
        rules("--delete", self.0).await;
    }
}

async fn rules(change: &str, pod: IpAddr) {
    let (firewall, pod) = (if pod.is_ipv4() { "iptables" } else { "ip6tables" }, pod.to_string());
    for (end, port) in [("--source", "--destination-port"), ("--destination", "--source-port")] {
        let mut command = program::command(settings::repository().join("e2e/cluster/cluster"));
        command.args(["network", firewall, "--wait", change, "FORWARD", "--protocol", "tcp"]);
        command.args([end, &pod, port, LINK, "--jump", "DROP"]);
        program::output(&mut command, DEADLINE).await.expect("the node must have a firewall");
    }
}
