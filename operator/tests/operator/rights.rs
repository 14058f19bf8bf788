//! What the operator asks of the API server, by the API server's own audit log: how often it writes, and that its rights are those
//! that it uses.

use crate::invitations::stage::{TOKEN, UP, good_secret, invited, left, on};
use crate::support::{
    Audit, Call, Caller, NAMESPACE, Operator, RELEASE, Runtime, SYSTEM, World, rendered, said, well,
};
use crate::{A_WHILE, available, phase, reason};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::DeleteParams;
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_operator::app::Config;
use understudy_operator::authority::Times;
use understudy_operator::names;
use understudy_proto::v1::Desired;

/// Long enough for whatever is periodic and no look at everything.
const QUIET: Duration = Duration::from_secs(10);

/// Where, the API group, the resource, and the verb.
type Right = (&'static str, String, String, String);

#[tokio::test(flavor = "multi_thread")]
async fn a_life_up_to_its_stage_costs_at_most_four_writes_of_status_and_pod_and_none_after_that() {
    let world = World::new().await;
    good_secret(&world).await;
    let operator = world.operator("one").await;
    let (_other, _pod, other) = available(&world, "other").await; // the namespace has its root
    let audit = Audit::from_now();
    let ada = world.apply("ada", invited("a")).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| desired.invitation.is_some()).await;
    for up in [&[][..], &UP[..1], &UP] {
        runtime.say(on(&desired, "a", up));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let published = |ada: &VirtualParticipant| phase(ada) == Some(ParticipantPhase::Published);
    world.until("ada", "published", published).await;
    let twice = |call: &Call| call.resource == "secrets" && call.code == 409;
    assert_eq!(audit.calls().into_iter().find(twice), None, "its Secret is made once");
    let mut writes = audit.writes();
    writes.retain(|call| call.name.starts_with("ada") && call.resource != "secrets");
    assert!((3..=4).contains(&writes.len()), "{writes:#?}");
    tokio::time::sleep(A_WHILE).await; // the other one was made a moment ago
    let audit = Audit::from_now();
    tokio::time::sleep(QUIET).await;
    assert_eq!(audit.writes(), []);
    runtime.end().await;
    other.end().await;
    operator.end().await;
}

async fn delete<K>(api: Api<K>, name: &str)
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let _ = api.delete(name, &DeleteParams::default().grace_period(0)).await; // if there is one
}

/// Everything that an operator makes for itself is to be made again.
async fn forget(world: &World) {
    let client = &world.client;
    delete(Api::<Lease>::namespaced(client.clone(), SYSTEM), "understudy-operator").await;
    delete(Api::<Secret>::namespaced(client.clone(), SYSTEM), "understudy-operator-authority").await;
    delete(Api::<EndpointSlice>::namespaced(client.clone(), SYSTEM), "understudy-operator-link-ipv4").await;
    delete(world.api::<ConfigMap>(), names::CA_CONFIG_MAP).await;
}

async fn until_page(world: &World, expected: &str) -> VirtualParticipant {
    let so = |ada: &VirtualParticipant| phase(ada).is_some() && reason(ada, "PageReady") == expected;
    world.until("ada", expected, so).await
}

/// The page fails, and is repaired.
async fn fails(world: &World, runtime: &Runtime, desired: &Desired) {
    let mut report = well(desired);
    report.conditions[1] = said("PageReady", "False", "PageCrashed", "it crashed");
    runtime.say(report);
    let ada = until_page(world, "PageCrashed").await;
    world.until_told(&ada, |event| event.reason.as_deref() == Some("PageCrashed")).await;
    runtime.say(well(desired));
    until_page(world, "Up").await;
    tokio::time::sleep(A_WHILE).await; // what comes and goes is told later
}

/// Invited and kicked by a backend, to a stage of its own and to one that was made before.
async fn called(world: &World, caller: &Caller, runtime: &mut Runtime) {
    let stage = json!({"whip": {"url": "https://stage.example.org/whip", "token": TOKEN}});
    let invite = json!({"name": "ada", "invitation": {"id": "a", "stage": stage}});
    let (code, told) = caller.ask("POST", "/v1/namespaces/demo/invite", Some(&invite)).await;
    assert_eq!(code, 200, "{told}");
    let (code, _ada) = caller.ask("GET", "/v1/namespaces/demo/participants/ada", None).await;
    assert_eq!(code, 200);
    let desired = runtime.told_that(|desired| desired.invitation.is_some()).await;
    runtime.say(on(&desired, "a", &UP));
    world.until("ada", "published", |ada| phase(ada) == Some(ParticipantPhase::Published)).await;
    caller.ask("POST", "/v1/namespaces/demo/kick", Some(&json!({"name": "ada"}))).await;
    let desired = runtime.told_that(|desired| desired.invitation.is_none()).await;
    runtime.say(left(&desired, "a", "Kicked"));
    world.until("ada", "available", |ada| phase(ada) == Some(ParticipantPhase::Available)).await;
    let whip = json!({"whip": {"url": "https://stage.example.org/whip", "token": TOKEN}});
    for _made_and_added_to in 0..2 {
        let (code, told) = caller.ask("POST", "/stage/create?namespace=demo", Some(&whip)).await;
        assert_eq!(code, 200, "{told}");
    }
}

/// One pod for two, the second of which comes once it is there.
async fn taken_by_two(world: &World) {
    let source = json!({"url": "rtsp://camera.example/1"});
    let one = world.livestream_from("one", source.clone()).await;
    let pod = world.pod_of(&one, 1).await;
    world.livestream_from("two", source).await;
    let both = |pod: &Pod| pod.owner_references().len() == 2;
    world.until(&pod.name_any(), "held by both", both).await;
}

/// A pod that is gone by force, and one that has failed.
async fn replaced(world: &World, ada: &VirtualParticipant, pod: &Pod) {
    delete(world.api::<Pod>(), &pod.name_any()).await;
    let next = world.pod(ada, 2).await;
    world.pod_status(&next.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    world.pod(ada, 3).await;
}

async fn rotated(world: &World, operator: Operator) {
    operator.end().await;
    world.age_authority().await;
    let overlap = Duration::from_millis(500);
    let rotation =
        Times { publish_for: overlap, keep_for: overlap, check_every: overlap / 2, ..Times::default() };
    let operator = world.operator_as(Config { rotation, ..world.config("three") }).await;
    tokio::time::sleep(4 * overlap).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_gives_the_rights_that_are_used_and_no_other() {
    let world = World::new().await;
    forget(&world).await;
    let audit = Audit::from_now();
    let operator = world.operator("one").await;
    let (ada, pod, mut runtime) = available(&world, "ada").await;
    world.livestream("ada-live", "ada").await;
    let desired = runtime.told_that(|desired| !desired.livestreams.is_empty()).await;
    fails(&world, &runtime, &desired).await;
    taken_by_two(&world).await;
    world.profile("other", json!({"image": "docker.io/understudy/runtime:dev"})).await;
    operator.end().await;

    let operator = world.operator("two").await;
    let desired = runtime.told().await;
    fails(&world, &runtime, &desired).await;
    let caller = Caller::new(&world, "backend", &["get", "list", "watch", "patch", "delete"]).await;
    called(&world, &caller, &mut runtime).await;
    runtime.end().await;
    replaced(&world, &ada, &pod).await;
    rotated(&world, operator).await;

    let calls = audit.calls();
    let refused: Vec<&Call> = calls.iter().filter(|call| call.code == 403).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let (used, given) = (used(&calls), given());
    let unused: Vec<_> = given.difference(&used).collect();
    let missing: Vec<_> = used.difference(&given).collect();
    assert!(
        unused.is_empty() && missing.is_empty(),
        "given and unused: {unused:#?}, used and not given: {missing:#?}"
    );
}

/// What was needed for these.
fn used(calls: &[Call]) -> BTreeSet<Right> {
    let needed = calls.iter().flat_map(|call| {
        // What is applied and was not there takes the right to create it, too.
        let creates = call.verb == "patch" && call.code == 201;
        [Some(call.verb.as_str()), creates.then_some("create")].map(|verb| Some((call, verb?)))
    });
    let right = |(call, verb): (&Call, &str)| {
        let place = if call.namespace == SYSTEM { SYSTEM } else { NAMESPACE };
        (place, call.group.clone(), call.resource.clone(), verb.to_owned())
    };
    needed.flatten().map(right).collect()
}

/// What the chart gives: where the operator is, and where participants are.
fn given() -> BTreeSet<Right> {
    let manifests = rendered(RELEASE, "understudy", &["--skip-tests"]);
    let documents = serde_yaml_ng::Deserializer::from_str(&manifests)
        .map(|document| <Value as serde::Deserialize>::deserialize(document).unwrap());
    let mut given = BTreeSet::new();
    for role in documents {
        let place = match role["kind"].as_str() {
            Some("ClusterRole") => NAMESPACE,
            Some("Role") => SYSTEM,
            _ => continue,
        };
        let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
        for rule in role["rules"].as_array().unwrap() {
            for group in words(&rule["apiGroups"]) {
                for resource in words(&rule["resources"]) {
                    let verbs = words(&rule["verbs"]);
                    given
                        .extend(verbs.into_iter().map(|verb| (place, group.clone(), resource.clone(), verb)));
                }
            }
        }
    }
    given
}
