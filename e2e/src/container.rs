//! The runtime's image by itself, as `docker run` starts it, in the network of the local cluster's node.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::Value;

use crate::{program, settings, wait};

const IMAGE: &str = "docker.io/understudy/runtime:dev";

/// One command of containerd's.
const DEADLINE: Duration = Duration::from_secs(30);

/// What `docker stop` waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A container that runs; [`Container::stop`] ends it.
#[derive(Debug)]
pub struct Container {
    name: &'static str,
    /// The address of the node, whose network it has.
    address: IpAddr,
}

impl Container {
    /// Starts the image with these variables and nothing else said, besides the room that Chromium needs in /dev/shm.
    pub async fn start(name: &'static str, node: &Value, environment: &[(&str, &str)]) -> Self {
        let addresses = node["items"][0]["status"]["addresses"].as_array().into_iter().flatten();
        let internal = addresses.into_iter().find(|address| address["type"] == "InternalIP");
        let internal = internal.and_then(|address| address["address"].as_str()?.parse().ok());
        let address: IpAddr = internal.expect("a node has an address");
        remove(name).await; // what a test that was stopped has left
        let mut command = ctr();
        command.args(["run", "--detach", "--null-io", "--net-host"]);
        command.args(["--mount", "type=tmpfs,src=tmpfs,dst=/dev/shm,options=size=512m"]);
        command.args(["--env", &format!("UNDERSTUDY_ANNOUNCE={address}")]);
        for (key, value) in environment {
            command.args(["--env", &format!("{key}={value}")]);
        }
        program::output(command.args([IMAGE, name]), DEADLINE).await.expect("the image must start");
        Self { name, address }
    }

    /// Where one of its ports is, as a URL has it.
    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// Ends it as `docker stop` does, which kills what has not ended by itself in time.
    pub async fn stop(self) {
        program::output(ctr().args(["task", "kill", "--signal", "SIGTERM", self.name]), DEADLINE)
            .await
            .expect("it must run");
        wait::until(PATIENCE, || async {
            let tasks = program::output(ctr().args(["task", "list"]), DEADLINE).await?;
            let runs = tasks.lines().any(|line| line.starts_with(self.name) && line.contains("RUNNING"));
            if runs { Err("it still runs".to_owned()) } else { Ok(()) }
        })
        .await;
        remove(self.name).await;
    }
}

async fn remove(name: &str) {
    // Where there is none, there is nothing to be removed.
    let _ = program::output(ctr().args(["task", "delete", "--force", name]), DEADLINE).await;
    let _ = program::output(ctr().args(["container", "delete", name]), DEADLINE).await;
}

fn ctr() -> tokio::process::Command {
    let mut command = program::command(settings::repository().join("e2e/cluster/cluster"));
    command.arg("ctr");
    command
}
