//! What the chart renders under the settings that platforms choose: taken by a real API server, as it would be stored.

use crate::support::{NAMESPACE, RELEASE, SYSTEM, World, kubectl_apply, rendered};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_operator::app::Config;
use understudy_operator::args::Verify;
use understudy_operator::store::Scope;
use understudy_operator::verify::verify;

/// Each a name, and what is set.
const SETTINGS: [(&str, &[&str]); 10] = [
    ("nothing", &[]),
    (
        "images by digest",
        &[
            "operator.image.digest=\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
            "runtime.image.digest=\"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
        ],
    ),
    ("two namespaces", &["watchNamespaces=[\"stage\",\"rehearsal\"]"]),
    ("a cluster that assigns users", &["operator.runAsUser=null", "operator.runAsGroup=null"]),
    (
        "users of one's own",
        &[
            "operator.runAsUser=1000650000",
            "runtimeProfiles.default.runAsUser=1000650000",
            "runtimeProfiles.default.fsGroup=1000650000",
        ],
    ),
    (
        "one family of addresses",
        &[
            "operator.extraEnv=[{\"name\":\"UNDERSTUDY_LINK_LISTEN\",\"value\":\"[::1]:8443\"}]",
            "sessions.networkPolicy.except.ipv4=[]",
        ],
    ),
    (
        "policies for sessions",
        &[
            "sessions.networkPolicy.namespaces=[\"stage\"]",
            "sessions.networkPolicy.viewers=[{\"ipBlock\":{\"cidr\":\"192.0.2.0/24\"}}]",
        ],
    ),
    (
        "a stage and callers of the control API",
        &[
            "api.callers=[{\"podSelector\":{\"matchLabels\":{\"app\":\"backend\"}}}]",
            "api.stage.whip={\"url\":\"https://stage.example/whip\",\"tokenSecretName\":\"stage\"}",
        ],
    ),
    ("traces", &[COLLECTOR]),
    (
        "everything of a profile",
        &[
            "operator.imagePullSecrets=[{\"name\":\"registry\"}]",
            "runtimeProfiles.default.imagePullSecrets=[{\"name\":\"registry\"}]",
            "runtimeProfiles.large={\"labels\":{\"team\":\"stage\"},\"annotations\":{\"example.com/a\":\"b\"},\
         \"tolerations\":[{\"operator\":\"Exists\"}],\"affinity\":{\"podAntiAffinity\":{}},\
         \"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\",\"whenUnsatisfiable\":\"ScheduleAnyway\"}],\
         \"priorityClassName\":\"media\",\"runtimeClassName\":\"gvisor\",\"serviceAccountName\":\"session\",\
         \"mediaVolume\":{\"persistentVolumeClaim\":{\"claimName\":\"clips\"}},\"extraEnv\":[{\"name\":\"A\",\"value\":\"1\"}],\
         \"seccomp\":{\"type\":\"Localhost\",\"localhostProfile\":\"x.json\"},\"allowPrivateUrls\":[\"10.0.0.0/8\"]}",
        ],
    ),
];

const COLLECTOR: &str = "tracing.otlpEndpoint=\"http://collector:4317\"";

/// With what `helm test` makes.
fn with(settings: &[&str]) -> String {
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set-json", setting]).collect();
    rendered(RELEASE, "understudy", &arguments)
}

/// All objects of one kind.
fn all(manifests: &str, kind: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(manifests)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .filter(|object: &Value| object["kind"] == kind)
        .collect()
}

async fn namespaces(client: &Client, names: &[&str]) {
    let api: Api<Namespace> = Api::all(client.clone());
    for name in names {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        api.patch(name, &PatchParams::apply("test"), &Patch::Apply(&namespace)).await.unwrap();
        account(client, name, "default").await; // no controller manager makes it here
    }
}

async fn account(client: &Client, namespace: &str, name: &str) {
    let api: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&account)).await.unwrap();
}

#[test]
fn operator_and_session_pods_are_told_of_a_collector_and_of_none_unless_there_is_one() {
    let told = |settings: &[&str]| {
        let manifests = with(settings);
        let operator =
            all(&manifests, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["env"].clone();
        let profile = all(&manifests, "RuntimeProfile")[0]["spec"]["extraEnv"].clone();
        [operator, profile].map(|variables| {
            let variables = variables.as_array().unwrap().clone();
            let collectors =
                variables.iter().filter(|variable| variable["name"] == "OTEL_EXPORTER_OTLP_ENDPOINT");
            collectors.map(|variable| variable["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        })
    };
    assert_eq!(told(&[]), [vec![], Vec::<String>::new()]);
    let everywhere = "http://collector:4317".to_owned();
    assert_eq!(told(&[COLLECTOR]), [vec![everywhere.clone()], vec![everywhere.clone()]]);
    let own = "runtimeProfiles.default.extraEnv=[{\"name\":\"OTEL_EXPORTER_OTLP_ENDPOINT\",\"value\":\"http://own:4317\"}]";
    assert_eq!(told(&[COLLECTOR, own]), [vec![everywhere], vec!["http://own:4317".to_owned()]]);
}

#[tokio::test]
async fn the_api_server_takes_the_chart_under_all_settings() {
    let world = World::new().await;
    namespaces(&world.client, &["stage", "rehearsal"]).await;
    // A pod is refused without it, and a dry run makes none.
    account(&world.client, SYSTEM, "understudy-operator-verify").await;
    for (name, settings) in SETTINGS {
        let (taken, told) = kubectl_apply(&with(settings), &["--dry-run=server", "--force-conflicts"]);
        assert!(taken, "{name}: {told}");
        assert!(!told.to_lowercase().contains("warning"), "{name}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_some_namespaces_does_with_the_rights_that_it_has_there() {
    let world = World::new().await;
    namespaces(&world.client, &["stage", "elsewhere"]).await;
    let settings = ["watchNamespaces=[\"demo\",\"stage\"]", "runtimeProfiles.default=null"];
    let settings = settings.iter().flat_map(|setting| ["--set-json", setting]);
    let arguments: Vec<&str> = settings.chain(["--skip-tests"]).collect();
    let (taken, told) = kubectl_apply(&rendered("scoped", "understudy", &arguments), &[]);
    assert!(taken, "{told}");
    let scope = Scope::of(vec![NAMESPACE.into(), "stage".into()]);
    let operator = world.operator_as(Config { scope, ..world.config_of("scoped", "one") }).await;
    participant(&world.client, "elsewhere", "eve").await;
    for namespace in [NAMESPACE, "stage"] {
        let ada = participant(&world.client, namespace, "ada").await;
        let name = understudy_operator::names::pod("ada", &ada.uid().unwrap(), 1);
        world.until_in(namespace, &name, "there", |_pod: &Pod| true).await;
        let told = |ada: &VirtualParticipant| ada.status.as_ref().is_some_and(|status| status.pod.is_some());
        world.until_in(namespace, "ada", "told its pod", told).await;
    }
    let elsewhere: Api<Pod> = Api::namespaced(world.client.clone(), "elsewhere");
    assert!(elsewhere.list(&ListParams::default()).await.unwrap().items.is_empty());
    operator.end().await;
    for namespace in ["stage", "elsewhere"] {
        let now = DeleteParams::default().grace_period(0);
        let all: Api<VirtualParticipant> = Api::namespaced(world.client.clone(), namespace);
        all.delete_collection(&now, &ListParams::default()).await.unwrap();
        let all: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
        all.delete_collection(&now, &ListParams::default()).await.unwrap();
    }
}

async fn participant(client: &Client, namespace: &str, name: &str) -> VirtualParticipant {
    let api: Api<VirtualParticipant> = Api::namespaced(client.clone(), namespace);
    let participant = json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "VirtualParticipant", "metadata": {"name": name}, "spec": {}
    });
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(&participant)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_works_is_verified() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let link_address = format!("127.0.0.1:{}", world.port);
    let settings = Verify { namespace: NAMESPACE.into(), link_address };
    verify(world.client.clone(), &settings).await.unwrap();
    let there = Api::<VirtualParticipant>::namespaced(world.client.clone(), NAMESPACE);
    assert!(there.list(&ListParams::default()).await.unwrap().items.is_empty(), "nothing is left of it");
    operator.end().await;
}

#[test]
fn a_digest_says_what_is_pulled() {
    let manifests = with(SETTINGS[1].1);
    let image =
        all(&manifests, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert!(image.as_str().unwrap().contains("operator@sha256:0123"), "{image}");
    let image = all(&manifests, "RuntimeProfile")[0]["spec"]["image"].clone();
    assert!(image.as_str().unwrap().contains("runtime@sha256:0123"), "{image}");
}

/// What all roles of that kind are about, each once.
fn resources(manifests: &str, kind: &str) -> BTreeSet<String> {
    let of = |rule: &Value| rule["resources"].as_array().unwrap().clone();
    let names = rules(manifests, kind).iter().flat_map(of).collect::<Vec<_>>();
    names.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn rules(manifests: &str, kind: &str) -> Vec<Value> {
    all(manifests, kind).iter().flat_map(|role| role["rules"].as_array().unwrap().clone()).collect()
}

#[test]
fn with_namespaces_nothing_but_profiles_and_reviews_is_a_right_in_the_whole_cluster() {
    let manifests = with(SETTINGS[2].1);
    let expected = ["runtimeprofiles", "subjectaccessreviews", "tokenreviews"].map(String::from);
    assert_eq!(resources(&manifests, "ClusterRole"), expected.into());
    for kind in ["Role", "RoleBinding"] {
        let there = all(&manifests, kind);
        let there: BTreeSet<&str> =
            there.iter().map(|role| role["metadata"]["namespace"].as_str().unwrap()).collect();
        assert_eq!(there, ["rehearsal", "stage", "understudy-system"].into(), "{kind}");
    }
    assert!(resources(&with(&[]), "ClusterRole").contains("pods"));
}

#[test]
fn of_config_maps_only_the_authority_s_and_the_stages_may_be_changed() {
    let rules = ["ClusterRole", "Role"].map(|kind| rules(&with(SETTINGS[2].1), kind)).concat();
    let of_config_maps = rules.iter().filter(|rule| rule["resources"] == json!(["configmaps"]));
    for rule in of_config_maps.filter(|rule| rule["verbs"] != json!(["create"])) {
        let names = &rule["resourceNames"];
        assert!(*names == json!(["understudy-ca"]) || *names == json!(["understudy-stages"]), "{rule}");
    }
}

#[test]
fn what_clouds_tell_their_nodes_is_out_of_reach_for_sessions() {
    let policies = all(&with(SETTINGS[6].1), "NetworkPolicy");
    let policy = policies.iter().find(|policy| policy["metadata"]["namespace"] == "stage").unwrap();
    let blocks = policy["spec"]["egress"][2]["to"].as_array().unwrap();
    let excepted = blocks.iter().flat_map(|block| block["ipBlock"]["except"].as_array().unwrap());
    let excepted: Vec<IpNet> = excepted.map(|network| network.as_str().unwrap().parse().unwrap()).collect();
    for (address, whose) in [
        ("169.254.169.254", "metadata of nearly all"),
        ("fd00:ec2::254", "the same of AWS"),
        ("fd20:ce::254", "the same of Google Cloud"),
        ("169.254.170.2", "credentials of AWS tasks"),
        ("169.254.170.23", "credentials of EKS pods"),
        ("fd00:ec2::23", "the same"),
        ("168.63.129.16", "Azure's agent of machines"),
        ("100.100.100.200", "metadata of Alibaba Cloud"),
    ] {
        let address: IpAddr = address.parse().unwrap();
        assert!(excepted.iter().any(|network| network.contains(&address)), "{address}: {whose}");
    }
}

#[test]
fn media_comes_in_by_udp_by_tcp_and_by_rtmp_unless_that_is_not_wanted() {
    let ports = |extra: &[&str]| {
        let policies = all(&with(&[SETTINGS[6].1, extra].concat()), "NetworkPolicy");
        let policy = policies.iter().find(|policy| policy["metadata"]["namespace"] == "stage").unwrap();
        policy["spec"]["ingress"][0]["ports"].clone()
    };
    let port = |name, protocol| json!({"port": name, "protocol": protocol});
    let (http, udp, tcp) = (port("http", "TCP"), port("media", "UDP"), port("media-tcp", "TCP"));
    let (rtmp, rtmps) = (port("rtmp", "TCP"), port("rtmps", "TCP"));
    assert_eq!(ports(&[]), json!([http, udp, rtmp, rtmps, tcp]));
    assert_eq!(ports(&["sessions.networkPolicy.mediaOverTcp=false"]), json!([http, udp, rtmp, rtmps]));
    assert_eq!(ports(&["sessions.networkPolicy.rtmp=false"]), json!([http, udp, tcp]));
}

#[test]
fn the_operator_s_limit_has_room_for_ten_thousand_sessions() {
    const CONSTANT_MIB: u64 = 100;
    const SESSION_KIB: u64 = 40;
    let manifests = with(&[]);
    let limits =
        &all(&manifests, "Deployment")[0]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"];
    let mebibytes: u64 = limits["memory"].as_str().unwrap().trim_end_matches("Mi").parse().unwrap();
    assert!(mebibytes >= CONSTANT_MIB + 10_000 * SESSION_KIB / 1024, "{limits}");
}

#[test]
fn a_number_of_ten_digits_is_written_out() {
    let manifests = with(SETTINGS[4].1);
    assert_eq!(all(&manifests, "RuntimeProfile")[0]["spec"]["runAsUser"], 1_000_650_000);
    assert!(!manifests.contains("e+09"), "the API server takes no such number for a whole one");
}
