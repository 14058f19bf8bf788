//! Many sessions at once: what one link costs the operator in memory, how long it takes until all are told that their
//! participants are gone, and whether a hand-over is seen in any status. Prints rows for `docs/benchmarks.md`.
//!
//! Real parts all through: the operator is a process of its own (this program again, with `operator` as its first argument)
//! against a real API server, and each session is the client that pods run. What is played is the kubelet.
//! `cargo bench -p understudy-operator --bench links -- COUNT`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for people who measure"
)]

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "tests use more of it")]
mod support;

use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, WatchEvent, WatchParams};
use serde_json::json;
use std::collections::HashSet;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Runtime, World, well};
use tokio::sync::watch;
use tokio::task::JoinSet;
use understudy_crds::v1alpha1::VirtualParticipant;

/// Requests to the API server at a time.
const AT_A_TIME: usize = 32;
/// For each step; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Long enough for a flip of a status to be written: sessions that do not come back are given up after 30 s.
const AFTER_HAND_OVER: Duration = Duration::from_secs(45);
const LOOK: Duration = Duration::from_millis(200);

/// How many sessions have come how far.
#[derive(Default)]
struct Progress {
    linked_under: HashSet<(usize, u64)>,
    drained: usize,
}

/// Ends with the measurement, however that ends.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        // One that was asked to end has ended, and cannot be killed.
        let _ = self.0.kill();
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let first = arguments.next().unwrap_or_else(|| "5000".into());
    if first == "operator" {
        let (name, port, kubeconfig) =
            (arguments.next().unwrap(), arguments.next().unwrap(), arguments.next().unwrap());
        return support::lead(&name, port.parse().unwrap(), &kubeconfig).await;
    }
    measure(first.parse().expect("the first argument must be how many links to make")).await;
}

async fn measure(count: usize) {
    // Rows go to standard output, and thousands of sessions that lose their link at once would be most of it.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter("error").init();
    let world = Arc::new(World::new().await);
    println!("· {count} participants");
    let names: Vec<String> = (0..count).map(|number| format!("ada-{number}")).collect();
    // What the API server takes for it where nobody has anything to do with it.
    apply(&world, &names).await;
    let alone = delete(&world, &names).await;
    apply(&world, &names).await;
    let mut first = operator(&world, "one");
    let began = Instant::now();
    let pods = pods(&world, count).await;
    println!("· their pods, made by the operator in {:.1} s", began.elapsed().as_secs_f64());
    let pods: Vec<Pod> =
        stream::iter(&pods).map(|pod| world.run_pod(pod)).buffer_unordered(AT_A_TIME).collect().await;
    let before = memory(&first);

    let began = Instant::now();
    let (sender, progress) = watch::channel(Progress::default());
    let sender = Arc::new(sender);
    let mut sessions = JoinSet::new();
    let runtimes = stream::iter(pods.iter().enumerate()).map(|(number, pod)| {
        let world = &world;
        async move { (number, Runtime::start(world, pod).await) }
    });
    let mut runtimes = Box::pin(runtimes.buffer_unordered(AT_A_TIME));
    while let Some((number, runtime)) = runtimes.next().await {
        sessions.spawn(session(number, runtime, Arc::clone(&sender)));
    }
    ready(&world, count).await;
    let took = began.elapsed().as_secs_f64();
    let after = memory(&first);
    let each = (after.saturating_sub(before)) / count as u64;
    println!(
        "| {count} links | {:.1} MiB without, {:.1} MiB with them | {:.1} KiB a link | all Ready after {took:.1} s |",
        mebibytes(before),
        mebibytes(after),
        each as f64 / 1024.0
    );

    let mut second = hand_over(&world, &mut first, count, &progress).await;
    let began = Instant::now();
    let deleted = delete(&world, &names).await;
    let mut progress = progress;
    let drained = progress.wait_for(|progress| progress.drained == count);
    let _ =
        tokio::time::timeout(PATIENCE, drained).await.expect("all sessions must be told to finish").unwrap();
    let took = began.elapsed().as_secs_f64();
    println!(
        "| deletion of {count} participants | the API server had done it after {deleted:.1} s; {alone:.1} s with no operator there | all sessions were told after {took:.1} s |"
    );
    terminate(&mut second);
}

/// Ends the first operator and tells how the next took over, which is then there.
async fn hand_over(
    world: &World,
    first: &mut Operator,
    count: usize,
    progress: &watch::Receiver<Progress>,
) -> Operator {
    let version = version(world).await;
    let second = operator(world, "two");
    let terms =
        |progress: &Progress| progress.linked_under.iter().map(|(_, term)| *term).collect::<HashSet<_>>();
    let old = terms(&progress.borrow());
    let began = Instant::now();
    terminate(first);
    let mut seen = progress.clone();
    let again = seen.wait_for(|progress| {
        progress.linked_under.iter().filter(|(_, term)| !old.contains(term)).count() == count
    });
    let _ =
        tokio::time::timeout(PATIENCE, again).await.expect("all sessions must find the next leader").unwrap();
    let took = began.elapsed().as_secs_f64();
    tokio::time::sleep(AFTER_HAND_OVER).await;
    let flips = flips(world, &version).await;
    println!(
        "| hand-over of {count} links | all told by the next leader after {took:.1} s | {flips} statuses written |"
    );
    second
}

async fn apply(world: &World, names: &[String]) {
    let applied = stream::iter(names).map(|name| world.apply(name, json!({})));
    applied.buffer_unordered(AT_A_TIME).count().await;
}

/// Deletes all participants, as fast as the API server does it: by itself it deletes a collection one by one. In seconds.
async fn delete(world: &World, names: &[String]) -> f64 {
    let began = Instant::now();
    let api = world.api::<VirtualParticipant>();
    let now = DeleteParams::default();
    let gone = stream::iter(names).map(|name| api.delete(name, &now));
    gone.buffer_unordered(AT_A_TIME).try_for_each(|_| std::future::ready(Ok(()))).await.unwrap();
    began.elapsed().as_secs_f64()
}

/// Carries out what is desired, and counts.
async fn session(number: usize, mut runtime: Runtime, progress: Arc<watch::Sender<Progress>>) {
    while let Some(desired) = runtime.heard().await {
        runtime.say(well(&desired));
        progress.send_modify(|progress| {
            progress.linked_under.insert((number, desired.leader_term));
            progress.drained += usize::from(desired.drain);
        });
    }
}

#[allow(clippy::disallowed_methods, reason = "the operator is a program")]
fn operator(world: &World, name: &str) -> Operator {
    let port = world.port.to_string();
    let program = std::env::current_exe().unwrap();
    Operator(
        Command::new(program).args(["operator", name, &port]).arg(support::kubeconfig()).spawn().unwrap(),
    )
}

#[allow(clippy::disallowed_methods, reason = "kill is a program")]
fn terminate(operator: &mut Operator) {
    Command::new("kill").arg(operator.0.id().to_string()).status().unwrap();
    operator.0.wait().unwrap();
}

/// What the process has of the machine's memory now.
fn memory(operator: &Operator) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.0.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

async fn pods(world: &World, count: usize) -> Vec<Pod> {
    let all = async {
        loop {
            let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap().items;
            if pods.len() == count {
                return pods;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("each participant must get a pod")
}

async fn ready(world: &World, count: usize) {
    let is = |participant: &VirtualParticipant| {
        let mut conditions = participant.status.iter().flat_map(|status| &status.conditions);
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    let all = async {
        while world
            .api::<VirtualParticipant>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .iter()
            .filter(|one| is(one))
            .count()
            < count
        {
            tokio::time::sleep(10 * LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("each participant must become Ready");
}

async fn version(world: &World) -> String {
    let api: Api<VirtualParticipant> = world.api();
    api.list(&ListParams::default().limit(1)).await.unwrap().metadata.resource_version.unwrap()
}

/// How many statuses were written since then.
async fn flips(world: &World, version: &str) -> usize {
    let api = world.api::<VirtualParticipant>();
    let changes = api.watch(&WatchParams::default().timeout(5), version).await.unwrap();
    let written = changes.try_filter(|change| std::future::ready(matches!(change, WatchEvent::Modified(_))));
    written.try_collect::<Vec<_>>().await.unwrap().len()
}
