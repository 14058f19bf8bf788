//! Operator and runtime as processes of this machine, each with a clock of its own: both were built with these tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{ports, program};

/// Both tell their last spans in it, and a runtime leaves its stage.
const END: Duration = Duration::from_secs(20);
const TEST_PICTURE: Duration = Duration::from_secs(60);
/// In seconds.
const OF_TEST_PICTURE: &str = "4";

/// It runs; dropped, it is killed.
pub struct Process {
    child: Child,
    _folder: TempDir,
}

/// How far a process' clock is ahead of this machine's, in seconds. What measures spans of time is right in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead(pub i64);

/// Where a runtime finds its operator, and who it is there.
pub struct Link<'a> {
    /// HOST:PORT.
    pub operator: String,
    /// The root that it believes, as PEM.
    pub root: &'a str,
    pub token: &'a str,
    pub namespace: &'a str,
    pub pod: &'a str,
    pub uid: &'a str,
}

impl Process {
    /// An operator of the API server that the kubeconfig leads to, with further arguments.
    pub fn operator(kubeconfig: &Path, clock: Ahead, arguments: &[String]) -> Self {
        let mut command = built("understudy-operator", clock);
        command.env("KUBECONFIG", kubeconfig).args(["--log-format", "text"]).args(arguments);
        Self::start(command, tempfile::tempdir().expect("a folder"))
    }

    /// A session of that operator, with further arguments. It has the test picture.
    pub async fn runtime(link: &Link<'_>, clock: Ahead, arguments: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("share/media")).expect("a folder must be made");
        let mut media = built("understudy-runtime", Ahead(0));
        media.arg("test-picture").arg(path("share/media/test-picture.mkv"));
        let made = program::output(media.args(["--seconds", OF_TEST_PICTURE]), TEST_PICTURE).await;
        made.expect("the test picture must be written; scripts/packages install build image");
        for (name, text) in [("token", link.token), ("ca.crt", link.root)] {
            std::fs::write(path(name), text).expect("it must be written");
        }
        let mut command = built("understudy-runtime", clock);
        command.args(["run", "--control-link", "--operator-address", &link.operator]);
        command.args(["--pod-namespace", link.namespace, "--pod-name", link.pod, "--pod-uid", link.uid]);
        for (flag, name) in [
            ("--token-file", "token"),
            ("--ca-file", "ca.crt"),
            ("--share-dir", "share"),
            ("--media-dir", ""),
            ("--output-dir", ""),
        ] {
            command.arg(flag).arg(path(name));
        }
        for flag in ["--port", "--admin-port", "--devtools-port", "--participant-socket-port"] {
            command.args([flag, &ports::free_tcp().to_string()]);
        }
        for flag in ["--rtmp-listen-addr", "--rtmps-listen-addr"] {
            command.args([flag, &format!(":{}", ports::free_tcp())]);
        }
        command.args(["--media-port", &ports::free_udp().to_string()]).args(arguments);
        Self::start(command, folder)
    }

    fn start(mut command: Command, folder: TempDir) -> Self {
        command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
        Self { child: command.spawn().expect("it must start"), _folder: folder }
    }

    /// As a kubelet does.
    pub async fn end(mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).expect("it must run");
        kill(Pid::from_raw(id), Signal::SIGTERM).expect("it must be there");
        let ended = tokio::time::timeout(END, self.child.wait()).await.expect("it must end in time");
        assert!(ended.is_ok_and(|status| status.success()), "it must end well");
    }
}

/// A program of this workspace, by that clock. The program faketime would be its parent, and no signal would get through.
fn built(name: &str, clock: Ahead) -> Command {
    let mut command = program::command(program::built(name));
    if clock != Ahead(0) {
        command.env("LD_PRELOAD", faketime()).env("FAKETIME", format!("{:+}s", clock.0));
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    command
}

/// The library lies in the folder of this machine's kind.
fn faketime() -> PathBuf {
    let kinds = std::fs::read_dir("/usr/lib").expect("it must be there").flatten();
    let mut libraries = kinds.map(|kind| kind.path().join("faketime/libfaketimeMT.so.1"));
    let found = libraries.find(|library| library.exists());
    found.expect("libfaketime is missing; install it with: scripts/packages install test")
}
