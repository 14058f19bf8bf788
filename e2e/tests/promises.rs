//! What people and their tools conclude from a status, in a real cluster: Ready when it is so, an early end when it cannot
//! be, and nothing that one bad thing takes along.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, too")]

#[path = "promises/link.rs"]
mod link;

use std::time::{Duration, Instant};

use understudy_e2e::kubectl::{Kubectl, condition};
use understudy_e2e::recording::Recording;
use understudy_e2e::{helm, wait};

/// From a manifest to what it causes; a pod with a browser starts within seconds.
const RECONCILE: Duration = Duration::from_secs(60);
/// Much longer than anything here takes: who waits this long was not told.
const PATIENCE: Duration = Duration::from_secs(300);

const MIRROR: &str = "page: {url: 'understudy:mirror'}";
/// Reserved for what is never there (RFC 6761, section 6.4).
const NOWHERE: &str = "page: {url: 'https://does-not-exist.invalid/'}";

fn participant(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: understudy.dev/v1alpha1\nkind: VirtualParticipant\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n"
    )
}

fn livestream(name: &str, participant: &str) -> String {
    format!(
        "apiVersion: understudy.dev/v1alpha1\nkind: Livestream\nmetadata: {{name: {name}}}\n\
         spec: {{participantRef: {{name: {participant}}}, output: {{webRTC: {{}}}}}}\n"
    )
}

async fn delete(kubectl: &Kubectl, what: &str) {
    kubectl.run(&[&["delete"], what.split(' ').collect::<Vec<_>>().as_slice()].concat()).await.unwrap();
}

#[tokio::test]
async fn a_page_that_cannot_load_is_never_called_ready_and_ends_every_wait_early() {
    let kubectl = Kubectl::demo("demo").await;
    let mut recording = Recording::start(&kubectl, "virtualparticipants", "nowhere");
    kubectl.apply(&participant("nowhere", NOWHERE)).await.unwrap();
    let wishes = ["condition=Ready", "condition=Stalled"];
    let first = kubectl.wait_for_first("virtualparticipant/nowhere", &wishes, PATIENCE).await.unwrap();
    assert_eq!(first, 1, "it was called Ready");
    let seen = recording.until(RECONCILE, |line| line.contains("PageReady=False/PageLoadFailed")).await;
    println!("{}", seen.join("\n"));
    assert!(seen.iter().all(|line| !line.contains(" Ready=True")), "{seen:#?}");
    assert!(seen.last().unwrap().starts_with("Failed 1/1 "), "{seen:#?}");
    let object = kubectl.get("vp nowhere").await.unwrap();
    let uid = object["metadata"]["uid"].as_str().unwrap();
    let of_it = format!("events --field-selector=involvedObject.uid={uid},type=Warning");
    // The Event follows the status.
    let (items, _) = wait::until(RECONCILE, || async {
        let told = kubectl.get(&of_it).await?;
        let items = told["items"].as_array().cloned().unwrap_or_default();
        if items.is_empty() { Err("nothing is told".to_owned()) } else { Ok(items) }
    })
    .await;
    assert_eq!(items.len(), 1, "one cause is told once: {items:#?}");
    delete(&kubectl, "vp nowhere").await;
}

#[tokio::test]
async fn helm_waits_until_a_participant_is_ready() {
    let kubectl = Kubectl::demo("demo").await;
    let manifest = participant("carl", MIRROR) + "---\n" + &livestream("carl-live", "carl");
    helm::install("carl", "demo", &manifest, PATIENCE).await.unwrap();
    kubectl.ready("vp carl").await.unwrap();
    kubectl.ready("lvs carl-live").await.unwrap();
    helm::uninstall("carl", "demo").await;
}

#[tokio::test]
async fn helm_gives_up_early_on_a_participant_that_cannot_become_ready_and_says_why() {
    let began = Instant::now();
    let why = helm::install("lost", "demo", &participant("lost", NOWHERE), PATIENCE).await.unwrap_err();
    assert!(began.elapsed() < PATIENCE / 2, "it waited {:?}", began.elapsed());
    assert!(why.contains("does-not-exist.invalid") || why.contains("ERR_NAME_NOT_RESOLVED"), "{why}");
    helm::uninstall("lost", "demo").await;
}

#[tokio::test]
async fn a_quota_of_one_pod_does_not_keep_a_participant_from_its_next_pod() {
    let kubectl = Kubectl::demo("demo").await.in_namespace("narrow").await;
    let quota =
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: one-pod}\nspec: {hard: {count/pods: '1'}}\n";
    kubectl.apply(quota).await.unwrap();
    wait::until(RECONCILE, || async {
        let quota = kubectl.get("resourcequota one-pod").await?;
        quota["status"]["used"]["count/pods"].as_str().map(|_used| ()).ok_or("not counted yet".into())
    })
    .await;
    kubectl.apply(&participant("dora", "displayName: Dora")).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp dora")).await;
    let first = kubectl.pod_of("dora").await;
    // A deadline that is over ends the pod and leaves it there, as an eviction by the kubelet does.
    let over = r#"{"spec": {"activeDeadlineSeconds": 1}}"#;
    kubectl.run(&["patch", "pod", &first, "--patch", over]).await.unwrap();
    wait::until(RECONCILE, || async {
        let now = kubectl.pod_of("dora").await;
        if now == first { Err(format!("{first} has no successor")) } else { Ok(()) }
    })
    .await;
    wait::until(RECONCILE, || kubectl.ready("vp dora")).await;

    // Another has no room, says so, and takes nothing from the first.
    kubectl.apply(&participant("emil", "displayName: Emil")).await.unwrap();
    wait::until(RECONCILE, || async {
        let emil = kubectl.get("vp emil").await?;
        let (_, reason, message) = condition(&emil, "Accepted");
        let told = reason == "PodRefused" && message.contains("one-pod");
        told.then_some(()).ok_or_else(|| emil["status"].to_string())
    })
    .await;
    kubectl.ready("vp dora").await.unwrap();
    delete(&kubectl, "vp dora").await;
    // What was refused is asked for again after two minutes at the latest.
    wait::until(PATIENCE, || kubectl.ready("vp emil")).await;
    delete(&kubectl, "namespace narrow").await;
}

#[tokio::test]
async fn a_profile_that_vanishes_takes_nothing_from_those_who_were_built_from_it() {
    let kubectl = Kubectl::demo("demo").await;
    copy_profile(&kubectl, "passing", &serde_json::json!({})).await;
    let manifest = participant("fay", &format!("{MIRROR}\n  runtimeProfileName: passing"));
    kubectl.apply(&format!("{manifest}---\n{}", livestream("fay-live", "fay"))).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp fay")).await;
    wait::until(RECONCILE, || kubectl.ready("lvs fay-live")).await;
    let pod = kubectl.pod_of("fay").await;
    delete(&kubectl, "runtimeprofile passing").await;
    kubectl.apply(&livestream("fay-late", "fay")).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("lvs fay-late")).await;
    let fay = kubectl.get("vp fay").await.unwrap();
    assert_eq!(fay["status"]["pod"]["name"], pod);
    assert!(fay["status"]["endpoints"].as_array().is_some_and(|all| !all.is_empty()), "{fay}");
    let told = fay["status"]["conditions"].to_string();
    assert!(told.contains("ProfileNotFound"), "{told}");
    assert_eq!(kubectl.pod_of("fay").await, pod);
    delete(&kubectl, "lvs fay-live fay-late").await;
    delete(&kubectl, "vp fay").await;
}

#[tokio::test]
async fn a_participant_runs_as_whatever_user_the_platform_gives_it() {
    let kubectl = Kubectl::demo("demo").await;
    let user = serde_json::json!({"runAsUser": 1_000_660_000, "runAsGroup": 0, "fsGroup": 1_000_660_000});
    copy_profile(&kubectl, "arbitrary", &user).await;
    let inputs = "inputs: {video: {file: {url: 'understudy:test-picture'}}, audio: {file: {url: 'understudy:test-picture'}}}";
    let spec = format!("{MIRROR}\n  {inputs}\n  runtimeProfileName: arbitrary");
    kubectl.apply(&participant("gus", &spec)).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp gus")).await;
    let id = kubectl.exec(&kubectl.pod_of("gus").await, &["id", "-u"]).await.unwrap();
    assert_eq!(id.trim(), "1000660000");
    let gus = kubectl.get("vp gus").await.unwrap();
    assert_eq!(gus["status"]["media"]["camera"], "pipewire");
    delete(&kubectl, "vp gus").await;
    delete(&kubectl, "runtimeprofile arbitrary").await;
}

/// The demo's profile under another name, with some fields of its own.
async fn copy_profile(kubectl: &Kubectl, name: &str, more: &serde_json::Value) {
    let mut spec = kubectl.get("runtimeprofile default").await.unwrap()["spec"].clone();
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let profile = serde_json::json!({
        "apiVersion": "understudy.dev/v1alpha1", "kind": "RuntimeProfile", "metadata": {"name": name}, "spec": spec
    });
    kubectl.apply(&profile.to_string()).await.unwrap();
}
