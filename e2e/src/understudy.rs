//! The command line, as people run it: `understudy`, which was built with these tests.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{program, settings};

/// One command against a local cluster.
const DEADLINE: Duration = Duration::from_secs(60);

/// It, with the demo's cluster and one namespace.
#[derive(Clone, Debug)]
pub struct Understudy {
    program: PathBuf,
    kubectl: PathBuf,
    kubeconfig: String,
    namespace: String,
}

/// It, while it goes on. What is not ended leaves its own children behind.
pub struct Running {
    child: Child,
    /// The first line that it has said.
    pub first: String,
}

impl Understudy {
    pub async fn demo(namespace: &str) -> Self {
        Self {
            program: program::built("understudy"),
            kubectl: program::of_cluster("kubectl").await,
            kubeconfig: settings::demo("KUBECONFIG"),
            namespace: namespace.to_owned(),
        }
    }

    /// Runs it; what it was asked for, or what it complained about.
    pub async fn run(&self, arguments: &[&str]) -> Result<String, String> {
        program::output(self.command().args(arguments), DEADLINE).await
    }

    /// Starts it, for what goes on, and waits for its first line.
    pub async fn start(&self, arguments: &[&str]) -> Running {
        let mut child =
            self.command().args(arguments).stderr(Stdio::inherit()).spawn().expect("it must start");
        let mut lines = BufReader::new(child.stdout.take().expect("its output must be a pipe")).lines();
        let first = tokio::time::timeout(DEADLINE, lines.next_line()).await.expect("it must say something");
        let first = first.expect("its output must be text").expect("it must go on");
        Running { child, first }
    }

    /// With the cluster's kubectl.
    fn command(&self) -> Command {
        let mut command = program::command(&self.program);
        let kubectl = self.kubectl.parent().unwrap_or(&self.kubectl).display();
        command.env("PATH", format!("{kubectl}:/usr/local/bin:/usr/bin:/bin"));
        command.env("KUBECONFIG", &self.kubeconfig).args(["--namespace", &self.namespace]);
        if let Some(context) = settings::context() {
            command.args(["--context", &context]);
        }
        command
    }
}

impl Running {
    /// As Ctrl-C does.
    pub async fn end(mut self) {
        let id =
            self.child.id().and_then(|id| i32::try_from(id).ok()).expect("it must run until it is ended");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("it must be there");
        let ended = tokio::time::timeout(DEADLINE, self.child.wait()).await.expect("it must end");
        assert!(ended.is_ok_and(|status| status.success()), "whoever ends it has no reason to complain");
    }
}
