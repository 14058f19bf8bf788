//! A world for the operator: a real API server with the chart applied, operators with the rights that the chart gives
//! them, and the parts that a node would play (scheduler, kubelet, runtime).

mod audit;
mod caller;
mod chart;
#[path = "../../../crds/tests/support/mod.rs"]
mod control_plane;
mod program;
mod quota;
mod recorder;
mod runtime;
mod silent;
mod spoken;

pub use audit::{Audit, Call};
pub use caller::Caller;
pub use chart::{kubectl_apply, rendered};
pub use program::Program;
pub use recorder::Recorder;
pub use runtime::{Runtime, refused, said, well};
pub use silent::Silent;
pub use spoken::Spoken;

pub use control_plane::kubeconfig;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ResourceQuota, Secret, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use understudy_crds::v1alpha1::{Livestream, ParticipantPhase, RuntimeProfile, VirtualParticipant};
use understudy_operator::app::{self, Config};
use understudy_operator::authority::Times;
use understudy_operator::lease::Timing;
use understudy_operator::owner::Owner;
use understudy_operator::store::Scope;
use understudy_operator::telemetry::Tracing;
use understudy_operator::{deadline, names, recheck};

pub const NAMESPACE: &str = "demo";
/// The release that is there from the start.
pub const RELEASE: &str = "understudy";
pub const SYSTEM: &str = "understudy-system";
/// Far longer than anything takes; a busy machine must not fail a test.
const PATIENCE: Duration = Duration::from_secs(30);
/// Quick, so that a hand-over is not waited for.
const TIMING: Timing = Timing {
    duration: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry: Duration::from_millis(200),
};
/// Operators look at all namespaces: one test at a time has the API server for itself.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());
static CHART: OnceLock<()> = OnceLock::new();

pub struct World {
    pub client: Client,
    pub port: u16,
    /// Of the control API.
    pub api_port: u16,
    _alone: MutexGuard<'static, ()>,
}

pub struct Operator {
    end: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
}

impl World {
    /// Empty, but for the chart.
    pub async fn new() -> Self {
        let alone = ONE_AT_A_TIME.lock().await;
        let _ = tracing_subscriber::fmt()
            .with_test_writer()
            .with_env_filter("warn,understudy_operator=debug")
            .try_init();
        let client = control_plane::client().await;
        CHART.get_or_init(chart::apply);
        let world = Self { client, port: free_port(), api_port: free_port(), _alone: alone };
        world.clear().await;
        let accounts = world.api::<ServiceAccount>();
        let account: ServiceAccount =
            serde_json::from_value(json!({"metadata": {"name": "default"}})).unwrap();
        let _ = accounts.create(&PostParams::default(), &account).await; // there since the first test
        world
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    /// One more replica, with no right but those that the chart gives.
    pub async fn operator(&self, name: &str) -> Operator {
        self.operator_as(self.config(name)).await
    }

    /// A replica that is told this, with the rights of the release that it says it is of.
    pub async fn operator_as(&self, config: Config) -> Operator {
        let account = as_operator(kubeconfig(), &config.lease).await;
        let client = deadline::client(account, deadline::CALL_TIMEOUT).unwrap();
        let end = CancellationToken::new();
        Operator { running: tokio::spawn(app::run(config, client, end.clone())), end }
    }

    /// What a replica is told.
    pub fn config(&self, name: &str) -> Config {
        self.config_of(RELEASE, name)
    }

    /// The same of another release of the chart.
    pub fn config_of(&self, release: &str, name: &str) -> Config {
        config(release, name, [self.port, self.api_port])
    }

    /// What the platform does.
    pub async fn profile(&self, name: &str, spec: Value) -> RuntimeProfile {
        let profile = json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "RuntimeProfile", "metadata": {"name": name}, "spec": spec
        });
        let api: Api<RuntimeProfile> = Api::all(self.client.clone());
        api.patch(name, &PatchParams::apply("platform").force(), &Patch::Apply(&profile)).await.unwrap()
    }

    /// What the platform does as well.
    pub async fn remove_profile(&self, name: &str) {
        let api: Api<RuntimeProfile> = Api::all(self.client.clone());
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    pub async fn apply(&self, name: &str, spec: Value) -> VirtualParticipant {
        let participant: VirtualParticipant = serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec
        }))
        .unwrap();
        let params = PatchParams::apply("test").force();
        self.api().patch(name, &params, &Patch::Apply(&participant)).await.unwrap()
    }

    pub async fn livestream(&self, name: &str, participant: &str) -> Livestream {
        self.livestream_by(name, participant, json!({"webRTC": {}})).await
    }

    /// One that goes this way.
    pub async fn livestream_by(&self, name: &str, participant: &str, output: Value) -> Livestream {
        self.livestream_as(name, json!({"participantRef": {"name": participant}, "output": output})).await
    }

    /// One with this source.
    pub async fn livestream_from(&self, name: &str, source: Value) -> Livestream {
        self.livestream_as(name, json!({"source": source, "output": {"webRTC": {}}})).await
    }

    async fn livestream_as(&self, name: &str, spec: Value) -> Livestream {
        let livestream: Livestream = serde_json::from_value(json!({
            "apiVersion": "understudy.dev/v1alpha1", "kind": "Livestream",
            "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec
        }))
        .unwrap();
        self.api().create(&PostParams::default(), &livestream).await.unwrap()
    }

    /// Waits until the object is so, and fails with what it is instead.
    pub async fn until<K>(&self, name: &str, what: &str, is: impl Fn(&K) -> bool + Send + Sync) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        self.until_in(NAMESPACE, name, what, is).await
    }

    /// The same in another namespace.
    pub async fn until_in<K>(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        is: impl Fn(&K) -> bool + Send + Sync,
    ) -> K
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client.clone(), namespace);
        let condition = move |object: Option<&K>| object.is_some_and(&is);
        match tokio::time::timeout(PATIENCE, await_condition(api.clone(), name, condition)).await {
            Ok(found) => found.unwrap().unwrap(),
            Err(_elapsed) => panic!("{name} never came to be {what}: {:#?}", api.get_opt(name).await),
        }
    }

    /// The pod that serves the participant, once there is one of that attempt.
    pub async fn pod(&self, participant: &VirtualParticipant, attempt: i32) -> Pod {
        let name = names::pod(&participant.name_any(), &participant.uid().unwrap(), attempt);
        self.until(&name, "there", |_pod: &Pod| true).await
    }

    /// The pod that fetches what the livestream takes, once there is one of that attempt.
    pub async fn pod_of(&self, livestream: &Livestream, attempt: i32) -> Pod {
        let name = Owner::origin(livestream).unwrap().pod(attempt);
        self.until(&name, "there", |_pod: &Pod| true).await
    }

    /// What scheduler and kubelet do.
    pub async fn run_pod(&self, pod: &Pod) -> Pod {
        let name = pod.name_any();
        let binding = json!({
            "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": NAMESPACE},
            "target": {"apiVersion": "v1", "kind": "Node", "name": "node-1"}
        });
        let _: Value = self
            .api::<Pod>()
            .create_subresource("binding", &name, &PostParams::default(), &binding)
            .await
            .unwrap();
        self.pod_status(
            &name,
            json!({"phase": "Running", "podIP": "10.244.0.9", "podIPs": [{"ip": "10.244.0.9"}]}),
        )
        .await
    }

    pub async fn pod_status(&self, name: &str, status: Value) -> Pod {
        let patch = Patch::Merge(json!({"status": status}));
        self.api::<Pod>().patch_status(name, &PatchParams::default(), &patch).await.unwrap()
    }

    /// What the kubelet puts into the pod.
    pub async fn token(&self, pod: &Pod, audience: &str) -> String {
        let request = TokenRequest {
            spec: TokenRequestSpec {
                audiences: vec![audience.into()],
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".into()),
                    kind: Some("Pod".into()),
                    name: Some(pod.name_any()),
                    uid: pod.uid(),
                }),
                expiration_seconds: Some(600),
            },
            ..TokenRequest::default()
        };
        let api = self.api::<ServiceAccount>();
        let issued = api.create_token_request("default", &PostParams::default(), &request).await.unwrap();
        issued.status.unwrap().token
    }

    /// A connection of the control link, to an operator that has told its root.
    pub async fn channel(&self) -> Channel {
        let authority: ConfigMap = self.api().get(names::CA_CONFIG_MAP).await.unwrap();
        let root = Certificate::from_pem(&authority.data.unwrap()[names::CA_KEY]);
        let link = Endpoint::from_shared(format!("https://127.0.0.1:{}", self.port)).unwrap();
        link.tls_config(ClientTlsConfig::new().ca_certificate(root)).unwrap().connect().await.unwrap()
    }

    /// The phases of participants' statuses, by each write after that version and until now.
    pub async fn statuses_since(&self, version: &str) -> Vec<Option<ParticipantPhase>> {
        let number = |version: &str| version.parse::<u64>().expect("etcd counts its versions");
        let api = self.api::<VirtualParticipant>();
        let all = api.list(&ListParams::default()).await.unwrap();
        let versions = all.iter().map(|participant| number(&participant.resource_version().unwrap()));
        let newest = versions.max().expect("there must be a participant");
        let (mut phases, mut seen) = (Vec::new(), number(version));
        let changes = api.watch(&WatchParams::default(), version).await.unwrap();
        let mut changes = std::pin::pin!(changes);
        while seen < newest {
            let change =
                tokio::time::timeout(PATIENCE, changes.next()).await.expect("what was written must be seen");
            if let WatchEvent::Modified(object) = change.expect("it must not end").unwrap() {
                seen = number(&object.resource_version().unwrap());
                phases.push(object.status.unwrap().phase);
            }
        }
        phases
    }

    /// All that was told of the object.
    pub async fn events(&self, object: &impl Resource) -> Vec<Event> {
        let all = self.api::<Event>().list(&ListParams::default()).await.unwrap().items;
        let uid = object.meta().uid.clone();
        let of_it = |event: &Event| event.regarding.as_ref().is_some_and(|object| object.uid == uid);
        all.into_iter().filter(of_it).collect()
    }

    /// All that was told of the object, once that is among it.
    pub async fn until_told(&self, object: &impl Resource, is: impl Fn(&Event) -> bool) -> Vec<Event> {
        let told = async {
            loop {
                let events = self.events(object).await;
                if events.iter().any(&is) {
                    return events;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, told).await {
            Ok(events) => events,
            Err(_elapsed) => panic!("never told: {:#?}", self.events(object).await),
        }
    }

    /// Waits until there is no object of that name.
    pub async fn gone<K>(&self, name: &str)
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let gone = await_condition(self.api(), name, |object: Option<&K>| object.is_none());
        tokio::time::timeout(PATIENCE, gone).await.expect("it must go").unwrap();
    }

    /// As if its root had been made long ago.
    pub async fn age_authority(&self) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), SYSTEM);
        let aged = Patch::Merge(json!({"stringData": {"ca.made": "2020-01-01T00:00:00Z"}}));
        secrets.patch("understudy-operator-authority", &PatchParams::default(), &aged).await.unwrap();
    }

    /// No controller manager collects garbage here.
    async fn clear(&self) {
        let (now, all) = (DeleteParams::default().grace_period(0), ListParams::default());
        self.api::<Livestream>().delete_collection(&now, &all).await.unwrap();
        self.api::<VirtualParticipant>().delete_collection(&now, &all).await.unwrap();
        self.api::<Pod>().delete_collection(&now, &all).await.unwrap();
        self.api::<Secret>().delete_collection(&now, &all).await.unwrap();
        self.api::<ResourceQuota>().delete_collection(&now, &all).await.unwrap();
        let _ = self.api::<ConfigMap>().delete("understudy-stages", &now).await; // if there is one
        let profiles = Api::<RuntimeProfile>::all(self.client.clone());
        for profile in profiles.list(&all).await.unwrap() {
            profiles.delete(&profile.name_any(), &now).await.unwrap();
        }
        self.profile("default", json!({"image": "docker.io/understudy/runtime:dev"})).await;
    }
}

impl Operator {
    /// Why it ends by itself.
    pub async fn error(self) -> anyhow::Error {
        tokio::time::timeout(PATIENCE, self.running).await.expect("it must end").unwrap().unwrap_err()
    }

    /// As SIGTERM does.
    pub async fn end(self) {
        self.end.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap();
    }
}

/// What an operator of that name is told.
fn config(release: &str, name: &str, [port, api_port]: [u16; 2]) -> Config {
    Config {
        namespace: SYSTEM.into(),
        pod_name: name.into(),
        pod_ip: IpAddr::from(Ipv4Addr::new(10, 99, 0, 7)),
        link_service: format!("{release}-operator-link"),
        link_address: format!("127.0.0.1:{port}"),
        link_listen: SocketAddr::from(([127, 0, 0, 1], port)),
        api_listen: SocketAddr::from(([127, 0, 0, 1], api_port)),
        preset: None,
        admin_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        scope: Scope::default(),
        lease: format!("{release}-operator"),
        timing: TIMING,
        authority_secret: format!("{release}-operator-authority"),
        rotation: Times::default(),
        recheck: recheck::EACH,
        concurrency: 4,
        tracing: Tracing::default(),
    }
}

/// Is an operator until SIGTERM comes, in a process of its own.
#[allow(dead_code, reason = "measurements use it")]
pub async fn lead(name: &str, port: u16, kubeconfig: &str) {
    let config =
        Config { timing: Timing::default(), concurrency: 16, ..config(RELEASE, name, [port, free_port()]) };
    let account = as_operator(Path::new(kubeconfig), &config.lease).await;
    let client = deadline::client(account, deadline::CALL_TIMEOUT).unwrap();
    let end = CancellationToken::new();
    let running = tokio::spawn(app::run(config, client, end.clone()));
    signal(SignalKind::terminate()).unwrap().recv().await;
    end.cancel();
    running.await.unwrap().unwrap();
}

/// The ServiceAccount of the chart.
async fn as_operator(kubeconfig: &Path, account: &str) -> kube::Config {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.auth_info.impersonate = Some(format!("system:serviceaccount:{SYSTEM}:{account}"));
    config.auth_info.impersonate_groups =
        Some(vec!["system:serviceaccounts".into(), "system:authenticated".into()]);
    config
}

/// Below those that the kernel gives to whoever connects: operators come back to it, and it must not be somebody's by then.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| rand::random_range(12_000..30_000u16)).take(100);
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).unwrap()
}
