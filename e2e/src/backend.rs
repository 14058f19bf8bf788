//! A backend, as its team gives it rights and it finds the control API: over HTTP, with a token and the root of its namespace.

use std::time::Duration;

use serde_json::Value;
use tempfile::NamedTempFile;

use crate::kubectl::Kubectl;
use crate::{program, wait};

const SERVICE: &str = "understudy-operator-link";
const SYSTEM: &str = "understudy-system";
const PORT: u16 = 8444;
const RIGHTS: &str = "--verb=get,list,watch,patch";
/// A new leader is found by then.
const REACHED: Duration = Duration::from_secs(30);

const ANSWERED: Duration = Duration::from_secs(20);

/// One ServiceAccount's.
pub struct Backend {
    token: String,
    root: NamedTempFile,
    /// Where the leader is: there is no name service outside of the cluster.
    leader: String,
    namespace: String,
}

impl Backend {
    /// Makes the account, with the rights to participants of its namespace.
    pub async fn new(kubectl: &Kubectl, name: &str) -> Self {
        kubectl.run(&["create", "serviceaccount", name]).await.unwrap();
        kubectl
            .run(&["create", "role", name, RIGHTS, "--resource=virtualparticipants.understudy.dev"])
            .await
            .unwrap();
        let (role, account) =
            (format!("--role={name}"), format!("--serviceaccount={}:{name}", kubectl.namespace()));
        kubectl.run(&["create", "rolebinding", name, &role, &account]).await.unwrap();
        let token = kubectl.run(&["create", "token", name, "--audience=understudy-api"]).await.unwrap();
        let root = NamedTempFile::new().unwrap();
        let map = kubectl.get("configmap understudy-ca").await.unwrap();
        std::fs::write(root.path(), map["data"]["ca.crt"].as_str().unwrap()).unwrap();
        let (leader, _) = wait::until(REACHED, || async {
            let (within, of) =
                (format!("--namespace={SYSTEM}"), format!("--selector=kubernetes.io/service-name={SERVICE}"));
            let found = kubectl.run(&["get", "endpointslices", &within, &of, "--output=json"]).await?;
            let found: Value = serde_json::from_str(&found).map_err(|error| error.to_string())?;
            let address = found["items"][0]["endpoints"][0]["addresses"][0].as_str().map(str::to_owned);
            address.ok_or_else(|| "nobody leads".to_owned())
        })
        .await;
        let leader = if leader.contains(':') { format!("[{leader}]") } else { leader };
        Self { token: token.trim().to_owned(), root, leader, namespace: kubectl.namespace().to_owned() }
    }

    /// What is answered with 200.
    pub async fn post(&self, verb: &str, body: &Value) -> Value {
        let name = format!("{SERVICE}.{SYSTEM}.svc:{PORT}");
        let (bearer, body) = (format!("Authorization: Bearer {}", self.token), body.to_string());
        let (to, url) = (
            format!("{name}:{}:{PORT}", self.leader),
            format!("https://{name}/v1/namespaces/{}/{verb}", self.namespace),
        );
        let mut curl = program::command("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--cacert"]).arg(self.root.path());
        curl.args(["--connect-to", &to, "--header", &bearer, "--data", &body, &url]);
        let said = program::output(&mut curl, ANSWERED).await.unwrap();
        serde_json::from_str(&said).unwrap()
    }
}
