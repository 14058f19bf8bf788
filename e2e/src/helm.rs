//! The chart's values as a platform team changes them: through helm.

use std::time::Duration;

use tokio::process::Command;

use crate::{program, settings};

/// A rollout of the operator's two replicas.
const DEADLINE: Duration = Duration::from_secs(180);

const RELEASE: &str = "understudy";
const NAMESPACE: &str = "understudy-system";

/// Sets a value of the demo's release besides those that it has, as `path.to.value=json`.
pub async fn set(value: &str) {
    let chart = settings::repository().join("charts/understudy").display().to_string();
    run(&["upgrade", RELEASE, &chart, "--reuse-values", "--set-json", value, "--wait"]).await;
}

/// What `helm test` finds; the release is to be well.
pub async fn verify() {
    run(&["test", RELEASE]).await;
}

/// Takes the last change back.
pub async fn roll_back() {
    run(&["rollback", RELEASE, "--wait"]).await;
}

/// Installs a chart of one manifest into a namespace and waits as `helm install --wait` does; what it complained about.
pub async fn install(
    release: &str,
    namespace: &str,
    manifest: &str,
    deadline: Duration,
) -> Result<(), String> {
    let chart = tempfile::tempdir().expect("a folder must be made");
    let templates = chart.path().join("templates");
    std::fs::create_dir(&templates).expect("a folder must be made");
    let about = format!("apiVersion: v2\nname: {release}\nversion: 1.0.0\n");
    std::fs::write(chart.path().join("Chart.yaml"), about).expect("the chart must be written");
    std::fs::write(templates.join("all.yaml"), manifest).expect("the chart must be written");
    let (path, timeout) = (chart.path().display().to_string(), format!("{}s", deadline.as_secs()));
    let args = ["install", release, &path, "--namespace", namespace, "--wait", "--timeout", &timeout];
    let mut command = command().await;
    program::output(command.args(args), deadline + DEADLINE).await.map(|_said| ())
}

/// Removes what [`install`] installed.
pub async fn uninstall(release: &str, namespace: &str) {
    let mut command = command().await;
    let removed =
        program::output(command.args(["uninstall", release, "--namespace", namespace]), DEADLINE).await;
    removed.expect("the release must go");
}

async fn run(args: &[&str]) {
    let mut command = command().await;
    command.args(args).args(["--namespace", NAMESPACE, "--timeout", "120s"]);
    program::output(&mut command, DEADLINE).await.expect("the release must change");
}

/// Helm with the demo's cluster.
async fn command() -> Command {
    let mut command = program::command(program::of_cluster("helm").await);
    command.env("KUBECONFIG", settings::demo("KUBECONFIG"));
    if let Some(context) = settings::context() {
        command.args(["--kube-context", &context]);
    }
    command
}
