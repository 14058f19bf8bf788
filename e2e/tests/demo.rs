//! The demo, judged from outside: what `make demo` printed, looked at with a browser, a viewer on another WebRTC stack,
//! and kubectl.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too")]

use std::time::{Duration, Instant};

use serde_json::Value;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::kubectl::{Kubectl, condition};
use understudy_e2e::probe::Watch;
use understudy_e2e::{helm, settings, wait};

/// Length in frames of the bundled test picture: 20 s at 30 a second.
const CLIP_FRAMES: u32 = 600;

/// The same in time.
const CLIP: Duration = Duration::from_secs(20);

/// From the death of any part to Ready again.
const REPAIR: Duration = Duration::from_secs(10);

/// From a manifest to what it causes; a pod with a browser starts within seconds.
const RECONCILE: Duration = Duration::from_secs(60);

/// Kills the process of this name that was started first; the image has no pkill.
const KILL_OLDEST: &str = r#"
for process in $(ls /proc | grep -E '^[0-9]+$' | sort -n); do
  if [ "$(cat "/proc/$process/comm" 2>/dev/null)" = "$1" ]; then kill -9 "$process"; exit; fi
done
exit 1"#;

fn watch(seconds: u32) -> Watch {
    Watch {
        url: settings::demo("WHEP"),
        token: Some(settings::demo("TOKEN")),
        seconds,
        clip_frames: Some(CLIP_FRAMES),
        ..Watch::default()
    }
}

async fn cluster() -> Kubectl {
    Kubectl::demo("demo").await
}

#[tokio::test]
async fn a_viewer_on_another_stack_receives_the_file_as_picture_and_sound() {
    let seen = watch(10).run().await.unwrap();
    seen.is_the_test_picture().unwrap();
    assert_eq!((seen.width, seen.height, seen.delete_status), (1280, 720, 200));
}

#[tokio::test]
async fn a_browser_plays_the_view_page() {
    let chromium = Chromium::launch().await;
    let page = chromium.open(&settings::demo("VIEW")).await;
    browser::becomes_true(&page, "document.body.dataset.state === 'live' && understudy.frames > 60").await;
    let address = page.evaluate("location.href").await.unwrap().to_string();
    assert!(!address.contains(&settings::demo("TOKEN")), "the token stays in the address bar");
    browser::photograph(&page, "demo-view.png").await;
}

#[tokio::test]
async fn kubectl_shows_truthful_phases() {
    let kubectl = cluster().await;
    let table = kubectl.run(&["get", "vp,lvs"]).await.unwrap();
    let row = |name: &str| table.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(row("ada ").contains("Available"), "{table}");
    assert!(table.lines().any(|line| line.contains("PHASE")), "{table}");
    let ada = kubectl.get("vp ada").await.unwrap();
    assert_eq!(ada["status"]["media"]["camera"], "pipewire");
    for kind in ["Invited", "Connected", "Published"] {
        assert_eq!(condition(&ada, kind).0, "False", "{ada}");
    }
}

#[tokio::test]
async fn the_release_verifies_itself() {
    helm::verify().await;
}

#[tokio::test]
async fn who_has_no_token_sees_nothing() {
    let answer = reqwest::Client::new().post(settings::demo("WHEP")).body("v=0").send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_malformed_offer_is_refused_and_a_viewer_already_there_notices_nothing() {
    let watching = tokio::spawn(async { watch(6).run().await });
    let http = reqwest::Client::new();
    for _ in 0..20 {
        let offer = http.post(settings::demo("WHEP")).bearer_auth(settings::demo("TOKEN"));
        let answer = offer.header("content-type", "application/sdp").body("nonsense").send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let said: Value = answer.json().await.unwrap();
        assert!(said["message"].as_str().unwrap_or_default().contains("line 1"), "{said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    watching.await.unwrap().unwrap().is_the_test_picture().unwrap();
}

#[tokio::test]
async fn each_part_that_dies_in_the_pod_repairs_itself_without_a_restart() {
    let kubectl = cluster().await;
    let pod = kubectl.pod_of("ada").await;
    for part in ["chromium", "Xvfb", "pulseaudio", "pipewire"] {
        let before = losses(&kubectl).await;
        let killed = Instant::now();
        kubectl.exec(&pod, &["sh", "-c", KILL_OLDEST, "sh", part]).await.unwrap();
        // The loss is told before the repair is judged, so that "Ready" is not the one from before.
        wait::until(REPAIR, || async {
            (losses(&kubectl).await > before).then_some(()).ok_or(part.to_owned())
        })
        .await;
        wait::until(REPAIR, || kubectl.ready("vp ada")).await;
        let took = killed.elapsed();
        println!("{part} repaired in {took:?}");
        assert!(took < REPAIR, "{part} took {took:?}");
        watch(4).whole().await.unwrap_or_else(|why| panic!("after {part}: {why}"));
    }
    let after = kubectl.get(&format!("pod {pod}")).await.unwrap();
    assert_eq!(after["status"]["containerStatuses"][0]["restartCount"], 0);
    assert_eq!(kubectl.pod_of("ada").await, pod);
}

#[tokio::test]
async fn an_invalid_manifest_is_refused_with_the_name_of_its_field() {
    let kubectl = cluster().await;
    for (spec, field) in [
        ("page: {url: 'ftp://a'}", "spec.page.url"),
        ("page: {url: 'understudy:mirror', width: 13}", "spec.page.width"),
        ("inputs: {video: {}}", "spec.inputs.video"),
    ] {
        let refused = kubectl.apply(&participant("wrong", spec)).await.unwrap_err();
        assert!(refused.contains(field), "{spec}: {refused}");
    }
}

#[tokio::test]
async fn what_cannot_be_loaded_is_told_and_repairing_the_manifest_repairs_the_participant() {
    let kubectl = cluster().await;
    let broken = "page: {url: 'understudy:nowhere'}\n  inputs: {video: {file: {url: 'understudy:nothing'}}}";
    kubectl.apply(&participant("bea", broken)).await.unwrap();
    wait::until(RECONCILE, || kubectl.says("vp bea", "PageReady", "PageLoadFailed")).await;
    wait::until(RECONCILE, || kubectl.says("vp bea", "InputsReady", "SourceNotFound")).await;
    let pod = kubectl.pod_of("bea").await;
    // The status comes first.
    wait::until(RECONCILE, || async {
        let told = kubectl.run(&["get", "events", "--field-selector=involvedObject.name=bea"]).await.unwrap();
        (told.contains("PageLoadFailed") && told.contains("SourceNotFound")).then_some(()).ok_or(told)
    })
    .await;

    let mended =
        "page: {url: 'understudy:mirror'}\n  inputs: {video: {file: {url: 'understudy:test-picture'}}}";
    kubectl.apply(&participant("bea", mended)).await.unwrap();
    wait::until(RECONCILE, || kubectl.ready("vp bea")).await;
    assert_eq!(kubectl.pod_of("bea").await, pod, "the pod is the same");
    let restarts = kubectl.get(&format!("pod {pod}")).await.unwrap();
    assert_eq!(restarts["status"]["containerStatuses"][0]["restartCount"], 0);

    kubectl.run(&["delete", "vp", "bea"]).await.unwrap();
    wait::until(RECONCILE, || nothing_of(&kubectl, "bea")).await;
}

#[tokio::test]
async fn changing_the_inputs_is_live() {
    let kubectl = cluster().await;
    let before = facts_of(&kubectl, "ada").await;
    let repeat = async |repeats: bool| {
        let patch =
            serde_json::json!({"spec": {"inputs": {"video": {"file": {"loop": repeats}}}}}).to_string();
        kubectl.run(&["patch", "vp", "ada", "--type=merge", "--patch", &patch]).await.unwrap();
    };
    repeat(false).await;
    // In a task of its own, so that Ada is put back whatever comes of it.
    let asked = kubectl.clone();
    let ended = tokio::spawn(async move {
        wait::until(CLIP + RECONCILE, || asked.says("vp ada", "InputsReady", "Ended")).await;
        asked.ready("vp ada").await.unwrap();
    });
    let ended = ended.await;
    repeat(true).await;
    ended.unwrap();
    wait::until(RECONCILE, || kubectl.says("vp ada", "InputsReady", "Playing")).await;
    watch(4).whole().await.unwrap();
    assert_eq!(facts_of(&kubectl, "ada").await, before, "the pod is the same and was not restarted");
}

/// The UID of a participant's pod, and how often it was restarted.
async fn facts_of(kubectl: &Kubectl, participant: &str) -> (String, Value) {
    let pod = kubectl.get(&format!("pod {}", kubectl.pod_of(participant).await)).await.unwrap();
    let restarts = pod["status"]["containerStatuses"][0]["restartCount"].clone();
    (pod["metadata"]["uid"].to_string(), restarts)
}

/// How many losses of a part Ada's Events tell.
async fn losses(kubectl: &Kubectl) -> u64 {
    let all = kubectl.get("events --field-selector=involvedObject.name=ada,reason=Lost").await.unwrap();
    let items = all["items"].as_array().into_iter().flatten();
    items.map(|event| event["series"]["count"].as_u64().or(event["count"].as_u64()).unwrap_or(1)).sum()
}

/// Nothing that the participant owned is there any more.
async fn nothing_of(kubectl: &Kubectl, participant: &str) -> Result<(), String> {
    let all = kubectl.get("pods,secrets,configmaps,services").await?;
    let items = all["items"].as_array().into_iter().flatten();
    let owned = items.filter(|item| {
        let owners = item["metadata"]["ownerReferences"].as_array().into_iter().flatten();
        owners.into_iter().any(|owner| owner["name"] == participant)
    });
    let names: Vec<_> = owned.map(|item| item["metadata"]["name"].to_string()).collect();
    if names.is_empty() { Ok(()) } else { Err(names.join(", ")) }
}

fn participant(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: understudy.dev/v1alpha1\nkind: VirtualParticipant\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n"
    )
}
