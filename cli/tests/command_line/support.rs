//! A namespace of the API server, and the program as people run it there.

use crate::control_plane::{kubeconfig, repository};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::wait::{await_condition, conditions as waited};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Far longer than anything takes; a busy machine must not fail a test.
const PATIENCE: Duration = Duration::from_secs(30);
static UNDEFINED: OnceCell<Said> = OnceCell::const_new();

/// A namespace of its own.
pub struct Stage {
    client: Client,
    namespace: String,
    kubeconfig: PathBuf,
    _own: Option<NamedTempFile>,
}

/// What the program said.
#[derive(Clone, Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// The program while it runs.
pub struct Running {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
    said: Said,
}

/// What it said before anybody had defined participants: the first who asks defines them.
pub async fn before_the_definitions() -> &'static Said {
    UNDEFINED
        .get_or_init(|| async {
            let said = Running::start(kubeconfig(), &["list", "-n", "default"]).ended().await;
            let client = crate::control_plane::client().await;
            let api: Api<CustomResourceDefinition> = Api::all(client.clone());
            for (_file, definition) in understudy_crds::definitions() {
                let name = definition.name_any();
                let params = PatchParams::apply("test").force();
                api.patch(&name, &params, &Patch::Apply(&definition)).await.unwrap();
                let established = await_condition(api.clone(), &name, waited::is_crd_established());
                tokio::time::timeout(PATIENCE, established).await.unwrap().unwrap();
            }
            // They may be served by another handler for a moment.
            let participants: Api<VirtualParticipant> = Api::all(client);
            let served = async {
                while participants.list(&kube::api::ListParams::default()).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            tokio::time::timeout(PATIENCE, served).await.unwrap();
            said
        })
        .await
}

impl Stage {
    pub async fn new(namespace: &str) -> Self {
        before_the_definitions().await;
        let client = crate::control_plane::client().await;
        let api: Api<Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
        api.create(&PostParams::default(), &object).await.unwrap();
        Self { client, namespace: namespace.to_owned(), kubeconfig: kubeconfig().to_owned(), _own: None }
    }

    /// The same, as somebody else.
    pub fn impersonating(&self, user: &str) -> Self {
        self.with(|config| config["users"][0]["user"]["as"] = user.into())
    }

    /// The same, whose API server is reached through that.
    pub fn through(&self, relay: &Relay) -> Self {
        self.with(|config| {
            config["clusters"][0]["cluster"]["server"] = format!("https://{}", relay.address).into();
        })
    }

    fn with(&self, change: impl FnOnce(&mut serde_yaml_ng::Value)) -> Self {
        let mut config =
            serde_yaml_ng::from_str(&std::fs::read_to_string(&self.kubeconfig).unwrap()).unwrap();
        change(&mut config);
        let own = NamedTempFile::new().unwrap();
        std::fs::write(own.path(), serde_yaml_ng::to_string(&config).unwrap()).unwrap();
        let (client, namespace) = (self.client.clone(), self.namespace.clone());
        Self { client, namespace, kubeconfig: own.path().to_owned(), _own: Some(own) }
    }

    pub fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn participants(&self) -> Api<VirtualParticipant> {
        self.api()
    }

    pub async fn get(&self, name: &str) -> VirtualParticipant {
        self.participants().get(name).await.unwrap()
    }

    /// A new one.
    pub async fn participant(&self, name: &str, labels: &Value, status: &Value) -> VirtualParticipant {
        let object = json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
            "metadata": {"name": name, "labels": labels}, "spec": {}
        });
        let object = serde_json::from_value(object).unwrap();
        let made = self.participants().create(&PostParams::default(), &object).await.unwrap();
        if status.as_object().is_some_and(|status| !status.is_empty()) {
            self.status(name, status).await;
        }
        made
    }

    /// As an operator would write it.
    pub async fn status(&self, name: &str, status: &Value) {
        let patch = Patch::Merge(json!({"status": status}));
        self.participants().patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }

    pub async fn until(&self, name: &str, is: impl Fn(&VirtualParticipant) -> bool + Send + Sync) {
        let is = |participant: Option<&VirtualParticipant>| participant.is_some_and(&is);
        let is = tokio::time::timeout(PATIENCE, await_condition(self.participants(), name, is)).await;
        is.unwrap().unwrap();
    }

    pub async fn secret(&self, name: &str, values: &Value) {
        let secret =
            serde_json::from_value(json!({"metadata": {"name": name}, "stringData": values})).unwrap();
        self.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
    }

    /// Gives somebody a right, and waits until it holds.
    pub async fn allow(&self, user: &str, resource: &str, verbs: &[&str]) {
        let rule = json!({"apiGroups": ["understudy.dev"], "resources": [resource], "verbs": verbs});
        let role: Role =
            serde_json::from_value(json!({"metadata": {"name": user}, "rules": [rule]})).unwrap();
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
        }))
        .unwrap();
        self.api().create(&PostParams::default(), &role).await.unwrap();
        self.api().create(&PostParams::default(), &binding).await.unwrap();
        let as_user = self.impersonating(user);
        let holds = async {
            while as_user.run(&["kick", "ada"]).await.code != Some(0) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::time::timeout(PATIENCE, holds).await.unwrap();
    }

    /// Runs the program to its end.
    pub async fn run(&self, arguments: &[&str]) -> Said {
        self.start(arguments).ended().await
    }

    /// The same, with this on its standard input.
    pub async fn run_with(&self, arguments: &[&str], input: &str) -> Said {
        let mut running = self.start(arguments);
        running.child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        running.ended().await
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(&self.kubeconfig, &[arguments, &["-n", &self.namespace]].concat())
    }
}

impl Said {
    /// What it was asked for; it must have succeeded.
    pub fn done(&self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out.clone()
    }

    /// Why it failed; it must have.
    pub fn failed(&self) -> &str {
        assert_eq!(self.code, Some(1), "{self:?}");
        &self.err
    }
}

impl Running {
    #[allow(clippy::disallowed_methods, reason = "tests run the program")]
    fn start(kubeconfig: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_understudy"))
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            .env("PATH", path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err, said: Said { code: None, out: String::new(), err: String::new() } }
    }

    /// Waits until it tells that as progress.
    pub async fn told(&mut self, part: &str) {
        until(&mut self.err, &mut self.said.err, part).await;
    }

    /// Waits until it says that.
    pub async fn answered(&mut self, part: &str) {
        until(&mut self.out, &mut self.said.out, part).await;
    }

    pub async fn ended(mut self) -> Said {
        drop(self.child.stdin.take());
        let (out, err) = (rest(&mut self.out, &mut self.said.out), rest(&mut self.err, &mut self.said.err));
        let all = async { tokio::join!(out, err, self.child.wait()).2.unwrap() };
        self.said.code = tokio::time::timeout(PATIENCE, all).await.expect("it must end").code();
        self.said.out = self.said.out.trim_end().to_owned();
        self.said.err = self.said.err.trim_end().to_owned();
        self.said
    }
}

async fn until(lines: &mut Lines<impl AsyncBufRead + Unpin>, said: &mut String, part: &str) {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            *said += &format!("{line}\n");
            if line.contains(part) {
                return true;
            }
        }
        false
    };
    let found = tokio::time::timeout(PATIENCE, found).await;
    assert!(found.unwrap_or(false), "{part:?} was never said, but:\n{said}");
}

async fn rest(lines: &mut Lines<impl AsyncBufRead + Unpin>, said: &mut String) {
    while let Some(line) = lines.next_line().await.unwrap() {
        *said += &format!("{line}\n");
    }
}

/// With the cluster's own kubectl. It says on standard error what it lacks for that.
#[allow(clippy::disallowed_methods, reason = "tests run kubectl, and find other programs as they are found")]
fn path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let found = std::process::Command::new(repository("e2e/cluster/binaries"))
            .arg("kubectl")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(found.status.success(), "kubectl is missing: run e2e/cluster/binaries kubectl");
        let kubectl = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
        format!("{}:{}", kubectl.parent().unwrap().display(), std::env::var("PATH").unwrap())
    })
}

/// What an operator says of a participant that carries out the invitation of that id; conditions as for `conditions`.
pub fn session(id: &str, phase: &str, said: &Value, failing: &[&str]) -> Value {
    let said: Vec<(String, String, String)> = serde_json::from_value(said.clone()).unwrap();
    let said: Vec<(&str, &str, &str)> = said
        .iter()
        .map(|(type_, status, reason)| (type_.as_str(), status.as_str(), reason.as_str()))
        .collect();
    json!({
        "phase": phase, "conditions": conditions(&said), "failing": failing,
        "session": {"invitationId": id, "invitedAt": "2026-01-01T00:00:00Z"}
    })
}

/// Each as its type, status and reason.
pub fn conditions(all: &[(&str, &str, &str)]) -> Value {
    let conditions = all.iter().map(|(type_, status, reason)| {
        json!({
            "type": type_, "status": status, "reason": reason, "message": format!("in words of {reason}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z"
        })
    });
    conditions.collect()
}

/// A way to the API server that can be cut.
pub struct Relay {
    pub address: SocketAddr,
    server: String,
    serving: JoinHandle<()>,
}

impl Relay {
    pub async fn start() -> Self {
        let config: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&std::fs::read_to_string(kubeconfig()).unwrap()).unwrap();
        let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
        let server = server.strip_prefix("https://").unwrap().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, serving: tokio::spawn(serve(listener, server.clone())), server }
    }

    /// Cuts all connections, and takes none.
    pub async fn end(&mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
    }

    pub async fn again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = tokio::spawn(serve(listener, self.server.clone()));
    }
}

async fn serve(listener: TcpListener, server: String) {
    let mut connections = tokio::task::JoinSet::new(); // they end with this
    while let Ok((mut near, _)) = listener.accept().await {
        let server = server.clone();
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(server).await {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
