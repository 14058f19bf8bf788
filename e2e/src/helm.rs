//! The chart's values as a platform team changes them: through helm.

use std::time::Duration;

use crate::{program, settings};

/// A rollout of the operator's two replicas.
const DEADLINE: Duration = Duration::from_secs(180);

const RELEASE: &str = "understudy";
const NAMESPACE: &str = "understudy-system";

/// Sets a value of the demo's release besides those that it has, as `path.to.value=json`.
pub async fn set(value: &str) {
    let chart = settings::repository().join("charts/understudy").display().to_string();
    run(&["upgrade", RELEASE, &chart, "--reuse-values", "--set-json", value]).await;
}

/// Takes the last change back.
pub async fn roll_back() {
    run(&["rollback", RELEASE]).await;
}

async fn run(args: &[&str]) {
    let mut command = program::command(program::of_cluster("helm").await);
    command.env("KUBECONFIG", settings::demo("KUBECONFIG"));
    if let Some(context) = settings::context() {
        command.args(["--kube-context", &context]);
    }
    command.args(args).args(["--namespace", NAMESPACE, "--wait", "--timeout", "120s"]);
    program::output(&mut command, DEADLINE).await.expect("the release must change");
}
