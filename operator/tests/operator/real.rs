//! Both programs as they are installed: the operator's process and a runtime's, which publishes to a stage on another WebRTC stack
//! (pion), or is watched by one more (aiortc).

use crate::invitations::stage::SHOWN;
use crate::support::{NAMESPACE, Program, Recorder, World};
use crate::{is, ready, reason};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use understudy_crds::v1alpha1::{Endpoint, EndpointType, LastSession, Livestream, VirtualParticipant};
use understudy_e2e::collector::{Collector, Span};
use understudy_e2e::destination::TOKEN;
use understudy_e2e::pion::Stage;
use understudy_e2e::probe::Watch;
use understudy_e2e::process::{Ahead, Link, Process};
use understudy_operator::names;
use understudy_trace::Place;

const RIGHT: Ahead = Ahead(0);
/// Whole seconds, and what is under way meanwhile.
const INEXACT: i64 = 5;

fn operator(world: &World, rights: &Path, clock: Ahead, more: &[String]) -> Process {
    let arguments = [Program::settings(world, "one", 0), more.to_vec()].concat();
    Process::operator(rights, clock, &arguments)
}

/// A participant that is ready by a runtime of its own, and its runtime.
async fn available(world: &World, clock: Ahead, more: &[String]) -> (VirtualParticipant, Process) {
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
        "metadata": {"name": "stage", "namespace": NAMESPACE}, "stringData": {"token": TOKEN}
    }))
    .unwrap();
    world.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();
    let ada = world.apply("ada", spec(Value::Null)).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let runtime = runtime(world, &pod, clock, more).await;
    (world.until("ada", "ready", ready).await, runtime)
}

/// What runs in that pod.
async fn runtime(world: &World, pod: &Pod, clock: Ahead, more: &[String]) -> Process {
    let authority: ConfigMap = world.until(names::CA_CONFIG_MAP, "there", |_map| true).await;
    let (token, uid) = (world.token(pod, names::SESSION_AUDIENCE).await, pod.uid().unwrap());
    let link = Link {
        operator: format!("127.0.0.1:{}", world.port),
        root: &authority.data.unwrap()[names::CA_KEY],
        token: &token,
        namespace: NAMESPACE,
        pod: &pod.name_any(),
        uid: &uid,
    };
    // As a pod has it from its profile.
    let reach = ["--allow-private-urls", "*"].map(str::to_owned);
    let arguments: Vec<String> = reach.into_iter().chain(more.iter().cloned()).collect();
    Process::runtime(&link, clock, &arguments).await
}

fn spec(invitation: Value) -> Value {
    let file = json!({"file": {"url": "understudy:test-picture"}});
    let inputs = json!({"video": file, "audio": file});
    if invitation.is_null() {
        return json!({"inputs": inputs});
    }
    json!({"inputs": inputs, "invitation": invitation})
}

fn to(id: &str, url: &str, by: Time) -> Value {
    let whip = json!({"url": url, "tokenSecretRef": {"name": "stage", "key": "token"}});
    json!({"id": id, "joinBefore": by, "stage": {"whip": whip}})
}

async fn until_over(world: &World, id: &str) -> (VirtualParticipant, LastSession) {
    let last = |ada: &VirtualParticipant| ada.status.as_ref()?.last_session.clone();
    let over = |ada: &VirtualParticipant| last(ada).is_some_and(|last| last.invitation_id == id);
    let ada = world.until("ada", &format!("over: {id}"), over).await;
    let last = last(&ada).unwrap();
    (ada, last)
}

/// So many seconds from now, by a clock that is so far ahead.
fn by(clock: Ahead, seconds: i64) -> Time {
    Time(jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + clock.0 + seconds).unwrap())
}

fn assert_now(time: &Time, clock: Ahead) {
    let off = time.0.as_second() - by(clock, 0).0.as_second();
    assert!(off.abs() <= INEXACT, "{off} s from now");
}

/// That were seen from the first time on that it was available. Being connected lasts too short to be told each time.
fn phases(seen: &str) -> Vec<&str> {
    let all = seen.lines().filter_map(|line| line.split(' ').nth(1));
    let mut phases: Vec<&str> =
        all.filter(|phase| *phase != "Connected").skip_while(|phase| *phase != "Available").collect();
    phases.dedup();
    phases
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_look_that_asks_to_the_first_picture_that_arrives_over_both_programs() {
    let world = World::new().await;
    let (collector, rights) = (Collector::start().await, Program::rights());
    let told = ["--otlp-endpoint".to_owned(), collector.endpoint.clone()];
    let operator = operator(&world, rights.path(), RIGHT, &told);
    let (ada, runtime) = available(&world, RIGHT, &told).await;
    let stage = Stage::start(&[]).await;
    world.apply("ada", spec(to("a", &stage.url("/whip"), by(RIGHT, 60)))).await;
    world.until("ada", "published", |ada| is(ada, "Published", "True")).await;
    world.apply("ada", spec(Value::Null)).await;
    assert_eq!(until_over(&world, "a").await.1.outcome, "Kicked");
    runtime.end().await;
    operator.end().await;

    let place = Place::of_invitation(&ada.uid().unwrap(), "a").to_string();
    let whole = |spans: &[Span]| {
        ["invitation", "reconcile", "join", "published", "leave", "settle"]
            .iter()
            .all(|name| spans.iter().any(|span| span.name == *name))
    };
    let spans = collector.trace(&place[3..35], "told by both", whole).await;
    println!("{spans:#?}");
    assert_eq!(collector.spans().len(), spans.len(), "all of it is one trace");
    let named = |name: &str| {
        let mut found = spans.iter().filter(|span| span.name == name);
        let first = found.next().unwrap_or_else(|| panic!("there is no {name}"));
        assert!(found.next().is_none(), "there is one {name}");
        first
    };
    let root = named("invitation");
    assert_eq!((&*root.id, &*root.parent, &*root.service), (&place[36..52], "", "understudy-operator"));
    for (name, parent, service) in [
        ("reconcile", "invitation", "understudy-operator"),
        ("join", "invitation", "understudy-runtime"),
        ("whip.offer", "join", "understudy-runtime"),
        ("ice+dtls", "join", "understudy-runtime"),
        ("first frame sent", "join", "understudy-runtime"),
        ("published", "join", "understudy-runtime"),
        ("leave", "invitation", "understudy-runtime"),
        ("settle", "invitation", "understudy-operator"),
    ] {
        let (span, above) = (named(name), named(parent));
        assert_eq!((&span.parent, &*span.service), (&above.id, service), "{name}");
        assert_eq!(span.failed, None, "{name}");
    }
    let order = ["reconcile", "whip.offer", "ice+dtls", "first frame sent", "published", "leave", "settle"];
    let began = order.map(|name| named(name).began);
    assert!(began.is_sorted(), "one after the other: {began:?}");
    assert!(spans.iter().all(|span| !format!("{span:?}").contains(TOKEN)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_a_minute_off_ends_no_invitation_early_or_late_and_loses_no_kick() {
    // Behind its API server an operator would not believe a certificate of this very minute, as that of these tests is.
    for (ours, theirs) in [(Ahead(60), RIGHT), (RIGHT, Ahead(60)), (RIGHT, Ahead(-60))] {
        let (world, rights) = (World::new().await, Program::rights());
        let operator = operator(&world, rights.path(), ours, &[]);
        let recorder = Recorder::start(&world, "ada", SHOWN).await;
        let (ada, runtime) = available(&world, theirs, &[]).await;

        // Nobody is there, and the time to join is over by the operator's clock.
        let nobody = format!("http://127.0.0.1:{}/whip", understudy_e2e::ports::free_tcp());
        let began = Instant::now();
        world.apply("ada", spec(to("late", &nobody, by(ours, 6)))).await;
        let unreachable = |ada: &VirtualParticipant| reason(ada, "Connected") == "StageUnreachable";
        world.until("ada", "unreachable", unreachable).await;
        let (_, late) = until_over(&world, "late").await;
        let took = began.elapsed();
        assert_eq!(late.outcome, "Expired");
        assert!((4..12).contains(&took.as_secs()), "{took:?}");
        assert_now(&late.ended_at, ours);

        // Longer than they are apart it could not be joined any more by the other's.
        let stage = Stage::start(&[]).await;
        world.apply("ada", spec(to("a", &stage.url("/whip"), by(ours, 30)))).await;
        let published = world.until("ada", "published", |ada| is(ada, "Published", "True")).await;
        let session = published.status.unwrap().session.unwrap();
        assert_now(&session.invited_at, ours);
        assert_now(&session.published_at.unwrap(), ours);
        world.apply("ada", spec(Value::Null)).await;
        let (over, kicked) = until_over(&world, "a").await;
        assert_eq!(kicked.outcome, "Kicked", "{kicked:?}");
        assert_now(&kicked.ended_at, ours);
        let told = stage.told().await.unwrap();
        assert_eq!((told.posts, told.deletes, told.sessions), (1, 1, 0), "{told:?}");
        let is_kick = |event: &Event| event.reason.as_deref() == Some("Kicked");
        let events = world.until_told(&ada, is_kick).await;
        assert_eq!(events.iter().filter(|event| is_kick(event)).count(), 1, "{events:#?}");
        let seen = recorder.until(&over).await;
        println!("{seen}");
        assert_eq!(
            phases(&seen),
            ["Available", "Invited", "Available", "Invited", "Published", "Leaving", "Available"]
        );
        runtime.end().await;
        operator.end().await;
    }
}

/// That livestream once it is ready, or is not any more.
async fn until_ready(world: &World, name: &str, truth: &str) -> Livestream {
    let so = |live: &Livestream| {
        let conditions = live.status.iter().flat_map(|status| &status.conditions);
        conditions.filter(|said| said.type_ == "Ready").any(|said| said.status == truth)
    };
    world.until(name, &format!("ready: {truth}"), so).await
}

/// Where it is to be had, the pod's address being this machine's, and what lets one in.
async fn at(world: &World, live: &Livestream, type_: EndpointType, secret: &str) -> (String, String) {
    let endpoints = &live.status.as_ref().unwrap().endpoints;
    let Endpoint { url, .. } = endpoints.iter().find(|endpoint| endpoint.type_ == type_).unwrap();
    let secret: Secret = world.api().get(secret).await.unwrap();
    let token = String::from_utf8(secret.data.unwrap()["view"].0.clone()).unwrap();
    (url.replace("10.244.0.9", "127.0.0.1"), token)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_pod_serves_another_fetches_and_a_viewer_sees_it_until_it_ends() {
    let (world, rights) = (World::new().await, Program::rights());
    let operator = operator(&world, rights.path(), RIGHT, &[]);
    let (_ada, ada) = available(&world, RIGHT, &[]).await;
    world.livestream_by("ada-rtmp", "ada", json!({"rtmp": {}})).await;
    let served = until_ready(&world, "ada-rtmp", "True").await;
    let (url, token) = at(&world, &served, EndpointType::Rtmp, "ada-access").await;
    let secret: Secret = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "understudy.dev/credentials",
        "metadata": {"name": "relay", "annotations": {"understudy.dev/allowed-hosts": "127.0.0.1"}},
        "stringData": {"url": format!("{url}?token={token}")}
    }))
    .unwrap();
    world.api::<Secret>().create(&PostParams::default(), &secret).await.unwrap();

    let source = json!({"urlSecretRef": {"name": "relay", "key": "url"}});
    let relay = world.livestream_from("relay", source).await;
    let pod = world.run_pod(&world.pod_of(&relay, 1).await).await;
    let runtime = runtime(&world, &pod, RIGHT, &[]).await;
    let relay = until_ready(&world, "relay", "True").await;
    let (whep, view) = at(&world, &relay, EndpointType::Whep, &names::livestream_secret("relay")).await;
    let seen = Watch { token: Some(view), ..Watch::new(whep, 4) }.run().await.unwrap();
    println!("{seen:?}");
    assert!(seen.distinct_per_second >= 10 && (seen.tone_hz - 1000.0).abs() < 10.0, "{seen:?}");

    ada.end().await;
    let lost = until_ready(&world, "relay", "False").await;
    let told = serde_json::to_string(&(&lost, world.events(&lost).await)).unwrap();
    assert!(!told.contains(&token) && told.contains("InputsReady"), "{told}");
    runtime.end().await;
    operator.end().await;
}
