//! A real etcd and kube-apiserver for one test program: started by the first test that needs them, ended with the program.

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

static CONTROL_PLANE: OnceLock<ControlPlane> = OnceLock::new();

/// Ends when its standard input closes, which it does when this process ends, in whatever way.
struct ControlPlane {
    kubeconfig: PathBuf,
    _program: Child,
}

/// A client with all rights.
pub async fn client() -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig()).unwrap();
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// The path of the administrator's kubeconfig.
pub fn kubeconfig() -> &'static Path {
    &CONTROL_PLANE.get_or_init(start).kubeconfig
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// What the control plane is missing it says on standard error, with the command that installs it.
#[allow(clippy::disallowed_methods, reason = "the control plane is a program")]
fn start() -> ControlPlane {
    let folder = std::env::temp_dir().join(format!("understudy-control-plane-{}", std::process::id()));
    let mut program = Command::new(repository("e2e/cluster/cluster"))
        .arg("control-plane-run")
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("e2e/cluster/cluster must be there");
    let lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let kubeconfig =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("KUBECONFIG=").map(PathBuf::from));
    let kubeconfig = kubeconfig.expect("the control plane must start; what it lacks stands above");
    ControlPlane { kubeconfig, _program: program }
}
