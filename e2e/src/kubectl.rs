//! The cluster as a person uses it: through kubectl.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::task::JoinSet;

use crate::{program, settings};

/// One command against a local cluster; deletions that wait for a pod take longest.
const DEADLINE: Duration = Duration::from_secs(60);

/// kubectl with the demo's cluster and one namespace.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: String,
    namespace: String,
}

impl Kubectl {
    pub async fn demo(namespace: &str) -> Self {
        Self {
            program: program::of_cluster("kubectl").await,
            kubeconfig: settings::demo("KUBECONFIG"),
            namespace: namespace.to_owned(),
        }
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Runs it; what it wrote, or what it complained about.
    pub async fn run(&self, args: &[&str]) -> Result<String, String> {
        program::output(self.command().args(args), DEADLINE).await
    }

    /// Starts it, for what goes on; it ends when its handle is dropped.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command().args(args).spawn().expect("kubectl must start")
    }

    /// The same cluster, seen from another namespace, which is made if it is not there.
    pub async fn in_namespace(&self, namespace: &str) -> Self {
        let labels = "pod-security.kubernetes.io/enforce: restricted";
        let manifest = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {namespace}, labels: {{{labels}}}}}\n"
        );
        self.apply(&manifest).await.expect("the namespace must be there");
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// Waits as a person's script would: until one of these is so (as `kubectl wait --for` takes them), and which that was.
    pub async fn wait_for_first(
        &self,
        what: &str,
        wishes: &[&str],
        deadline: Duration,
    ) -> Result<usize, String> {
        let timeout = format!("--timeout={}s", deadline.as_secs());
        let mut waiting = JoinSet::new();
        for (number, wish) in wishes.iter().enumerate() {
            let mut command = self.command();
            command.args(["wait", &format!("--for={wish}"), &timeout]).args(what.split(' '));
            waiting.spawn(async move {
                program::output(&mut command, deadline + DEADLINE).await.map(|_said| number)
            });
        }
        let mut complaint = String::from("nothing was waited for");
        while let Some(ended) = waiting.join_next().await {
            match ended.expect("a wait must not panic") {
                Ok(number) => return Ok(number),
                Err(why) => complaint = why,
            }
        }
        Err(complaint)
    }

    /// One object, or a list of them.
    pub async fn get(&self, what: &str) -> Result<Value, String> {
        let mut args = vec!["get", "--output=json"];
        args.extend(what.split(' '));
        let text = self.run(&args).await?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Applies a manifest.
    pub async fn apply(&self, manifest: &str) -> Result<String, String> {
        let mut command = self.command();
        command.args(["apply", "--filename=-"]).stdin(std::process::Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let mut input = child.stdin.take().expect("its input must be a pipe");
        input.write_all(manifest.as_bytes()).await.map_err(|error| error.to_string())?;
        drop(input);
        let done = child.wait_with_output().await.map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Runs a command in a pod.
    pub async fn exec(&self, pod: &str, args: &[&str]) -> Result<String, String> {
        let mut all = vec!["exec", pod, "--"];
        all.extend(args);
        self.run(&all).await
    }

    /// The pod in which a participant's session runs.
    pub async fn pod_of(&self, participant: &str) -> String {
        let object = self.get(&format!("vp {participant}")).await.expect("the participant must be there");
        object["status"]["pod"]["name"].as_str().expect("a participant must name its pod").to_owned()
    }

    /// Where a pod is.
    pub async fn address_of(&self, pod: &str) -> IpAddr {
        let pod = self.get(&format!("pod {pod}")).await.expect("the pod must be there");
        pod["status"]["podIP"]
            .as_str()
            .and_then(|ip| ip.parse().ok())
            .expect("a pod that runs has an address")
    }

    /// Whether an object's condition Ready is true; its status if not.
    pub async fn ready(&self, what: &str) -> Result<(), String> {
        let object = self.get(what).await?;
        if condition(&object, "Ready").0 == "True" { Ok(()) } else { Err(object["status"].to_string()) }
    }

    /// Whether a condition of an object has this reason; its status if not.
    pub async fn says(&self, what: &str, kind: &str, reason: &str) -> Result<(), String> {
        let object = self.get(what).await?;
        if condition(&object, kind).1 == reason { Ok(()) } else { Err(object["status"].to_string()) }
    }

    fn command(&self) -> tokio::process::Command {
        let mut command = program::command(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).args(["--namespace", &self.namespace]);
        if let Some(context) = settings::context() {
            command.args(["--context", &context]);
        }
        command
    }
}

/// A condition of an object: its status, reason and message.
pub fn condition<'a>(object: &'a Value, kind: &str) -> (&'a str, &'a str, &'a str) {
    let mut all = object["status"]["conditions"].as_array().into_iter().flatten();
    let found = all.find(|condition| condition["type"] == kind).unwrap_or(&Value::Null);
    let text = |field: &str| found[field].as_str().unwrap_or_default();
    (text("status"), text("reason"), text("message"))
}
