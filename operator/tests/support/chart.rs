//! The charts, as Helm renders them and kubectl applies them.

use std::io::Write;
use std::process::{Command, Stdio};

use super::control_plane::{kubeconfig, repository};
use super::{NAMESPACE, RELEASE, SYSTEM};

/// Everything of the chart, into a namespace that enforces the restricted level, as the participants' one does.
#[allow(clippy::disallowed_methods, reason = "tests run Helm and kubectl")]
pub fn apply() {
    let restricted = "pod-security.kubernetes.io/enforce: restricted";
    let namespaces = [NAMESPACE, SYSTEM].map(|name| {
        format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels: {{{restricted}}}\n"
        )
    });
    given(&(namespaces.concat() + &rendered(RELEASE, "understudy-crds", &[])));
    let established = Command::new(program("kubectl"))
        .args(["wait", "--for", "condition=Established", "crd", "--all", "--kubeconfig"])
        .arg(kubeconfig())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(established.success(), "the definitions must be served");
    given(&rendered(RELEASE, "understudy", &["--skip-tests"]));
}

/// A chart as helm renders it, with these arguments beside.
#[allow(clippy::disallowed_methods, reason = "tests run Helm")]
pub fn rendered(release: &str, chart: &str, arguments: &[&str]) -> String {
    let rendered = Command::new(program("helm"))
        .args(["template", release])
        .arg(repository("charts").join(chart))
        .args(["--namespace", SYSTEM])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(rendered.status.success(), "helm must render the chart {chart} with {arguments:?}");
    String::from_utf8(rendered.stdout).unwrap()
}

fn given(manifests: &str) {
    let (applied, told) = kubectl_apply(manifests, &[]);
    assert!(applied, "the API server must take the chart: {told}");
}

/// Whether the API server took them, and what it said.
#[allow(clippy::disallowed_methods, reason = "tests run kubectl")]
pub fn kubectl_apply(manifests: &str, arguments: &[&str]) -> (bool, String) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(manifests.as_bytes()).unwrap();
    let applied = Command::new(program("kubectl"))
        .args(["apply", "--server-side", "--kubeconfig"])
        .arg(kubeconfig())
        .args(arguments)
        .arg("--filename")
        .arg(file.path())
        .output()
        .unwrap();
    let told = [applied.stdout, applied.stderr].concat();
    (applied.status.success(), String::from_utf8(told).unwrap())
}

/// Built from its Go module if it is not there; says on standard error what it lacks for that.
#[allow(clippy::disallowed_methods, reason = "tests run Helm and kubectl")]
fn program(name: &str) -> String {
    let found =
        Command::new(repository("e2e/cluster/binaries")).arg(name).stderr(Stdio::inherit()).output().unwrap();
    assert!(found.status.success(), "{name} is missing: run e2e/cluster/binaries {name}");
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}
