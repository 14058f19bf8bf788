//! A backend: a ServiceAccount with the rights that its platform team gives it, over either face of the control API.

use super::{NAMESPACE, World};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use understudy_e2e::caller::{Told, list_and_watch};
use understudy_operator::names;
use understudy_proto::participants::v1::participants_client::ParticipantsClient;

pub type Participants = ParticipantsClient<InterceptedService<Channel, Bearer>>;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Caller {
    token: String,
    root: tempfile::NamedTempFile,
    port: u16,
}

#[derive(Clone)]
pub struct Bearer(AsciiMetadataValue);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Caller {
    /// One that may do this with participants. There has to be one: the root is told where participants are.
    pub async fn new(world: &World, name: &str, verbs: &[&str]) -> Self {
        Self::of_audience(world, name, verbs, names::API_AUDIENCE).await
    }

    pub async fn of_audience(world: &World, name: &str, verbs: &[&str], audience: &str) -> Self {
        let params = PatchParams::apply("platform").force();
        let account: ServiceAccount = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        let _ = world.api::<ServiceAccount>().create(&PostParams::default(), &account).await;
        let rules = [
            json!({"apiGroups": ["understudy.dev"], "resources": ["virtualparticipants"], "verbs": verbs}),
            json!({"apiGroups": [""], "resources": ["pods"], "verbs": verbs}),
        ];
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules
        });
        world.api::<Role>().patch(name, &params, &Patch::Apply(&role)).await.unwrap();
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
        });
        world.api::<RoleBinding>().patch(name, &params, &Patch::Apply(&binding)).await.unwrap();
        let request = TokenRequest {
            spec: TokenRequestSpec { audiences: vec![audience.into()], ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let accounts = world.api::<ServiceAccount>();
        let issued = accounts.create_token_request(name, &PostParams::default(), &request).await.unwrap();
        let known: ConfigMap = world.until(names::CA_CONFIG_MAP, "there", |_map: &ConfigMap| true).await;
        let root = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(root.path(), &known.data.unwrap()[names::CA_KEY]).unwrap();
        let caller = Self { token: issued.status.unwrap().token, root, port: world.api_port };
        drop(caller.participants().await); // a leader may not listen yet
        caller
    }

    /// Over gRPC, with a client's defaults.
    pub async fn participants(&self) -> Participants {
        let root = Certificate::from_pem(std::fs::read(self.root.path()).unwrap());
        let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{}", self.port)).unwrap();
        let endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(root)).unwrap();
        let bearer = Bearer(format!("Bearer {}", self.token).parse().unwrap());
        let channel = async {
            loop {
                match endpoint.connect().await {
                    Ok(channel) => return channel,
                    Err(_not_yet) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        let channel = tokio::time::timeout(PATIENCE, channel).await.expect("a leader must serve the API");
        ParticipantsClient::with_interceptor(channel, bearer)
    }

    /// By grpcio with its defaults: all participants of the namespace.
    pub async fn list_and_watch(&self) -> Told {
        let address = format!("127.0.0.1:{}", self.port);
        list_and_watch(&address, self.root.path(), &self.token, NAMESPACE).await.unwrap()
    }

    /// Over HTTP/1.1, as most programs speak it: the code and the body.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let bearer = format!("Authorization: Bearer {}", self.token);
        #[allow(clippy::disallowed_methods, reason = "tests run curl")]
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--http1.1", "--max-time", "20", "--cacert"])
            .arg(self.root.path());
        curl.args(["--request", method, "--header", &bearer, "--write-out", "\n%{http_code}", &url]);
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
        }
        let answered = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
        let said = String::from_utf8(answered.stdout).unwrap();
        let (body, code) = said.rsplit_once('\n').unwrap();
        assert!(answered.status.success(), "{path}: {}", String::from_utf8_lossy(&answered.stderr));
        (code.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }
}
