//! Many participants that are invited from the start, come to their stages and are kicked: how long that takes, what it costs the
//! operator and the API server, and whether anything is lost. Then many participants as a client with its defaults is told of them.
//! Prints rows for `docs/benchmarks.md`; the times of each participant go to a file.
//!
//! Real parts all through: the operator's own program against a real API server, and each session is the client that pods run. What is
//! played is the scheduler, the kubelet, and a runtime that is on its stage as soon as it is told of it; all of them, and whoever watches,
//! on the same machine. `cargo bench -p understudy-operator --bench invitations -- COUNT LISTED FILE`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for people who measure"
)]

#[path = "../tests/operator/killed/actor.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod actor;
#[path = "../tests/operator/invitations/stage.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod stage;
#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests use more of it")]
mod support;

use actor::{Actor, Level};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Audit, Caller, Program, Runtime, World};
use tokio::sync::watch;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant, VirtualParticipantSpec};

/// Requests to the API server at a time.
const AT_A_TIME: usize = 32;
/// For each step; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(900);
/// Whatever is periodic would be seen in it.
const QUIET: Duration = Duration::from_secs(10);
/// Of the kernel's clock.
const TICKS_A_SECOND: f64 = 100.0;

/// When a participant was first seen so.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    made: Option<Instant>,
    invited: Option<Instant>,
    published: Option<Instant>,
    kicked: Option<Instant>,
    /// It was published, and was seen not to be before it was to leave.
    flips: usize,
}

type Everybody = HashMap<String, Seen>;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let mut number = |default: usize| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (count, listed) = (number(500), number(10_000));
    let file = arguments.next();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("error").init();
    let world = Arc::new(World::new().await);
    stage::good_secret(&world).await;
    let program = Path::new(env!("CARGO_BIN_EXE_understudy-operator"));
    let mut operator = Program::start(&world, program, "one");
    if count > 0 {
        let seen = invited(&world, &operator, count).await;
        if let Some(file) = file {
            std::fs::write(file, table(&seen)).unwrap();
        }
    }
    if listed > 0 {
        list(&world, listed).await;
    }
    operator.terminate();
}

#[allow(clippy::too_many_lines, reason = "one row after the other, in the order in which they come about")]
async fn invited(world: &Arc<World>, operator: &Program, count: usize) -> Everybody {
    let leads = async {
        while operator.figure("understudy_operator_leader ") < 1.0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, leads).await.expect("it must lead");
    let (began_with, before) = (memory(operator.id()), processor(operator.id()));
    let (sender, mut seen) = watch::channel(Everybody::new());
    let everybody = Arc::new(sender);
    tokio::spawn(look(Arc::clone(world), version(world).await, Arc::clone(&everybody)));
    tokio::spawn(run_pods(Arc::clone(world)));
    let (audit, began) = (Audit::from_now(), Instant::now());
    let names: Vec<String> = (0..count).map(|number| format!("ada-{number}")).collect();
    apply(world, &names, spec(true), &everybody).await;
    all(&mut seen, count, |one| one.published).await;
    let took = began.elapsed();
    let writes = audit.writes();
    let per = |resources: &[&str]| {
        let of = writes.iter().filter(|call| resources.contains(&call.resource.as_str())).count();
        of as f64 / count as f64
    };
    let looks = operator.figure("understudy_operator_reconcile_seconds_count");
    let (used, with) = (processor(operator.id()) - before, memory(operator.id()));
    let quiet = Audit::from_now();
    tokio::time::sleep(QUIET).await;
    println!(
        "| {count} participants, invited from the start | all Published after {:.1} s |",
        took.as_secs_f64()
    );
    for (what, of) in
        [("Invited", (|one| one.invited) as fn(&Seen) -> Option<Instant>), ("Published", |one| one.published)]
    {
        let times = since_made(&seen.borrow(), of);
        println!(
            "| made → {what} seen | p50 {:.2} s, p99 {:.2} s |",
            quantile(&times, 0.5),
            quantile(&times, 0.99)
        );
    }
    println!(
        "| writes a participant up to Published | {:.2} of status and pod, {:.2} of its Secret and others |",
        per(&["pods", "virtualparticipants/status"]),
        writes.len() as f64 / count as f64 - per(&["pods", "virtualparticipants/status"])
    );
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for call in &writes {
        *kinds.entry(format!("{} {}", call.verb, call.resource)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, times)| format!("{kind}: {times}")).collect();
    println!("| all of them | {} |", kinds.join(", "));
    println!("| writes in the following {} s | {} |", QUIET.as_secs(), quiet.writes().len());
    println!("| looks a participant | {:.1} |", looks / count as f64);
    println!(
        "| processor time of the operator | {used:.1} s: {:.1} ms a participant |",
        1000.0 * used / count as f64
    );
    println!(
        "| memory of the operator | {:.1} MiB before, {:.1} MiB with all linked: {:.1} KiB a link |",
        mebibytes(began_with),
        mebibytes(with),
        with.saturating_sub(began_with) as f64 / 1024.0 / count as f64
    );
    let bound = (100 << 20) + (40 << 10) * count as u64;
    println!(
        "| its bound | {:.1} MiB: {} |",
        mebibytes(bound),
        if with <= bound { "held" } else { "NOT HELD" }
    );

    let began = Instant::now();
    apply(world, &names, spec(false), &everybody).await;
    all(&mut seen, count, |one| one.kicked).await;
    let flips: usize = seen.borrow().values().map(|one| one.flips).sum();
    println!(
        "| all kicked | Available with the outcome Kicked after {:.1} s; {flips} times Published was lost before |",
        began.elapsed().as_secs_f64()
    );
    seen.borrow().clone()
}

fn spec(is_invited: bool) -> Value {
    let mut spec = if is_invited { stage::invited("a") } else { stage::uninvited() };
    spec.as_object_mut().unwrap().remove("page");
    spec
}

/// The first time each was asked for is noted just before.
async fn apply(world: &World, names: &[String], spec: Value, everybody: &watch::Sender<Everybody>) {
    let applied = stream::iter(names).map(|name| {
        everybody.send_modify(|all| {
            all.entry(name.clone()).or_default().made.get_or_insert_with(Instant::now);
        });
        world.apply(name, spec.clone())
    });
    applied.buffer_unordered(AT_A_TIME).count().await;
}

async fn all(seen: &mut watch::Receiver<Everybody>, count: usize, of: fn(&Seen) -> Option<Instant>) {
    let so = seen.wait_for(|all| all.values().filter(|one| of(one).is_some()).count() == count);
    let _ = tokio::time::timeout(PATIENCE, so).await.expect("nobody may be lost").unwrap();
}

/// Notes what anybody who watches sees.
async fn look(world: Arc<World>, version: String, everybody: Arc<watch::Sender<Everybody>>) {
    let api = world.api::<VirtualParticipant>();
    let mut version = version;
    loop {
        let mut changes = Box::pin(api.watch(&WatchParams::default(), &version).await.unwrap());
        while let Ok(Some(change)) = changes.try_next().await {
            let (WatchEvent::Added(one) | WatchEvent::Modified(one)) = change else { continue };
            version = one.resource_version().unwrap();
            everybody.send_modify(|all| note(all.entry(one.name_any()).or_default(), &one));
        }
    }
}

fn note(seen: &mut Seen, one: &VirtualParticipant) {
    let now = Instant::now();
    let is = |type_: &str| {
        let mut conditions = one.status.iter().flat_map(|status| &status.conditions);
        conditions.any(|condition| condition.type_ == type_ && condition.status == "True")
    };
    if is("Invited") {
        seen.invited.get_or_insert(now);
    }
    if is("Published") {
        seen.published.get_or_insert(now);
    } else if seen.published.is_some() && one.spec.invitation.is_some() {
        seen.flips += 1;
    }
    let status = one.status.as_ref();
    let outcome = status.and_then(|status| status.last_session.as_ref()).map(|last| last.outcome.as_str());
    if outcome == Some("Kicked")
        && status.and_then(|status| status.phase) == Some(ParticipantPhase::Available)
    {
        seen.kicked.get_or_insert(now);
    }
}

/// Scheduler, kubelet and runtimes: each pod runs as soon as it is seen.
async fn run_pods(world: Arc<World>) {
    let api = world.api::<Pod>();
    let mut version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    loop {
        let mut changes = Box::pin(api.watch(&WatchParams::default(), &version).await.unwrap());
        while let Ok(Some(change)) = changes.try_next().await {
            match change {
                WatchEvent::Added(pod) => {
                    version = pod.resource_version().unwrap();
                    tokio::spawn(run_pod(Arc::clone(&world), pod));
                }
                WatchEvent::Modified(pod) => version = pod.resource_version().unwrap(),
                _ => {}
            }
        }
    }
}

async fn run_pod(world: Arc<World>, pod: Pod) {
    let pod = world.run_pod(&pod).await;
    let actor = Actor::start(Runtime::start(&world, &pod).await, Level::Leaves);
    std::future::pending::<()>().await;
    drop(actor);
}

/// So many, of some 4 KB each and without pods, as a client with its defaults is told of them. The operator has begun to look at them.
async fn list(world: &World, count: usize) {
    let attributes: BTreeMap<String, String> =
        (0..14).map(|number| (format!("fact-{number}"), "v".repeat(256))).collect();
    let spec = json!({"runtimeProfileName": "none", "attributes": attributes});
    let spec: VirtualParticipantSpec = serde_json::from_value(spec).unwrap();
    let (api, now) = (world.api::<VirtualParticipant>(), PostParams::default());
    let all: Vec<_> =
        (0..count).map(|number| VirtualParticipant::new(&format!("listed-{number}"), spec.clone())).collect();
    let made = stream::iter(&all).map(|one| api.create(&now, one)).buffer_unordered(AT_A_TIME);
    made.try_for_each(|_made| std::future::ready(Ok(()))).await.unwrap();
    let caller = Caller::new(world, "backend", &["get", "list", "watch"]).await;
    let told = caller.list_and_watch().await;
    for (what, way) in [("List", told.list), ("Watch, until synced", told.watch)] {
        println!(
            "| {what}, grpcio with its defaults | {} participants in {} messages, {:.1} MiB, the largest {:.2} MiB | {:.1} s |",
            way.participants,
            way.messages,
            mebibytes(way.bytes),
            mebibytes(way.largest_bytes),
            way.seconds
        );
    }
}

fn since_made(all: &Everybody, of: fn(&Seen) -> Option<Instant>) -> Vec<f64> {
    let mut times: Vec<f64> = all
        .values()
        .filter_map(|one| Some(of(one)?.saturating_duration_since(one.made?).as_secs_f64()))
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// A line each, in seconds since it was made.
fn table(all: &Everybody) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .map(|(name, one)| {
            let since = |then: Option<Instant>| {
                then.unwrap().saturating_duration_since(one.made.unwrap()).as_secs_f64()
            };
            format!("{name},{:.3},{:.3},{:.3}", since(one.invited), since(one.published), since(one.kicked))
        })
        .collect();
    lines.sort();
    lines.iter().fold(
        "participant,invited_seconds,published_seconds,kicked_seconds\n".into(),
        |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        },
    )
}

async fn version(world: &World) -> String {
    let all = world.api::<VirtualParticipant>().list(&ListParams::default().limit(1)).await.unwrap();
    all.metadata.resource_version.unwrap()
}

/// What the process has of the machine's memory now.
fn memory(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// How long processors have worked for it, in seconds.
fn processor(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_A_SECOND
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
