//! The whole sequence of states that a watcher of a participant sees, case by case.

use crate::support::{Recorder, Runtime, World, said, well};
use crate::{A_WHILE, is, phase, ready};
use serde_json::json;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_proto::v1::{Condition, Desired, Report};

/// A participant with a page and a camera's source, and its runtime, which idles.
async fn begun(world: &World) -> (VirtualParticipant, Runtime) {
    let video = json!({"stream": {"url": "rtsp://camera.example/1"}});
    let page = json!({"url": "https://page.example/"});
    let ada = world.apply("ada", json!({"page": page, "inputs": {"video": video}})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    (ada, Runtime::start(world, &pod).await)
}

/// What a well session says, but for this.
fn but(desired: &Desired, condition: Condition) -> Report {
    let mut report = well(desired);
    let said = report.conditions.iter_mut().find(|said| said.r#type == condition.r#type).unwrap();
    *said = condition;
    report
}

fn says(ada: &VirtualParticipant, type_: &str, reason: &str) -> bool {
    let conditions = ada.status.iter().flat_map(|status| &status.conditions);
    conditions.filter(|condition| condition.type_ == type_).any(|condition| condition.reason == reason)
}

/// A part that is on its way and then fails: what is seen of it.
async fn failing(type_: &'static str, shown: &'static [&'static str], reason: &str) -> String {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", shown).await;
    let (_ada, mut runtime) = begun(&world).await;
    let desired = runtime.told().await;
    runtime.say(but(&desired, said(type_, "False", "Starting", "on its way")));
    world.until("ada", "on its way", |ada| says(ada, type_, "Starting") && is(ada, type_, "False")).await;
    runtime.say(but(&desired, said(type_, "False", reason, "it cannot")));
    let ada = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    runtime.end().await;
    operator.end().await;
    recorder.until(&ada).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_load_is_never_ready_and_ends_the_waiting() {
    let seen = failing("PageReady", &["PageReady"], "PageLoadFailed").await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting PageReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/Starting PageReady=False/Starting Reconciling
1/1 Failed Ready=False/PageLoadFailed PageReady=False/PageLoadFailed Stalled";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_not_there_is_never_ready_and_ends_the_waiting() {
    let seen = failing("InputsReady", &["InputsReady"], "SourceNotFound").await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting InputsReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/Starting InputsReady=False/Starting Reconciling
1/1 Failed Ready=False/SourceNotFound InputsReady=False/SourceNotFound Stalled";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_cannot_start_is_never_ready_and_ends_the_waiting() {
    let seen = failing("DevicesReady", &["DevicesReady"], "CameraFailed").await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting DevicesReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/Starting DevicesReady=False/Starting Reconciling
1/1 Failed Ready=False/CameraFailed DevicesReady=False/CameraFailed Stalled";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_loads_late_is_ready_once_and_not_before() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", &["PageReady"]).await;
    let (_ada, mut runtime) = begun(&world).await;
    let desired = runtime.told().await;
    runtime.say(but(&desired, said("PageReady", "False", "Loading", "it takes its time")));
    world.until("ada", "loading", |ada| says(ada, "PageReady", "Loading")).await;
    runtime.say(well(&desired));
    let ada = world.until("ada", "ready", ready).await;
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting PageReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/Loading PageReady=False/Loading Reconciling
1/1 Available Ready=True/AllReady PageReady=True/Up";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_spec_is_answered_before_it_is_told_to_be_observed() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", &["PageReady"]).await;
    let (_ada, mut runtime) = begun(&world).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    world.until("ada", "ready", ready).await;
    world.apply("ada", json!({"page": {"url": "https://nowhere.example/"}})).await;
    let desired = runtime.told().await;
    tokio::time::sleep(A_WHILE).await;
    runtime.say(but(&desired, said("PageReady", "False", "PageLoadFailed", "no such host")));
    let ada = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting PageReady=Unknown/Starting Reconciling
1/1 Available Ready=True/AllReady PageReady=True/Up
2/1 Available Ready=True/AllReady PageReady=True/Up
2/2 Failed Ready=False/PageLoadFailed PageReady=False/PageLoadFailed Stalled";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_says_nothing_is_waited_for_and_never_ready() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", &["RuntimeReady", "PageReady"]).await;
    let ada = world.apply("ada", json!({"page": {"url": "https://page.example/"}})).await;
    let pod = world.pod(&ada, 1).await;
    world.until("ada", "reported", |ada| phase(ada).is_some()).await;
    let pod = world.run_pod(&pod).await;
    let mut runtime = Runtime::silent(&world, &pod).await;
    runtime.told().await;
    let ada = world.until("ada", "linked", |ada| is(ada, "RuntimeReady", "True")).await;
    tokio::time::sleep(A_WHILE).await;
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(after.metadata.resource_version, ada.metadata.resource_version, "nothing more is told");
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting RuntimeReady=False/Starting PageReady=Unknown/Starting Reconciling
1/- Provisioning Ready=False/Starting RuntimeReady=True/Linked PageReady=Unknown/Starting Reconciling";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_an_older_runtime_says_without_a_severity_is_on_its_way() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let recorder = Recorder::start(&world, "ada", &["PageReady"]).await;
    let (_ada, mut runtime) = begun(&world).await;
    let desired = runtime.told().await;
    let unheard = Condition { severity: 0, ..said("PageReady", "False", "WarmingUp", "nearly") };
    runtime.say(but(&desired, unheard));
    let ada = world.until("ada", "reported", |ada| says(ada, "PageReady", "WarmingUp")).await;
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting PageReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/WarmingUp PageReady=False/WarmingUp Reconciling";
    assert_eq!(seen, expected, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_again_at_each_step_repeats_nothing_and_takes_nothing_back() {
    let world = World::new().await;
    let recorder = Recorder::start(&world, "ada", &["PageReady"]).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"page": {"url": "https://page.example/"}})).await;
    let pod = world.pod(&ada, 1).await;
    world.until("ada", "reported", |ada| phase(ada).is_some()).await;
    operator.end().await;

    let operator = world.operator("two").await;
    let mut runtime = Runtime::start(&world, &world.run_pod(&pod).await).await;
    let desired = runtime.told().await;
    operator.end().await;

    let operator = world.operator("three").await;
    let loading = |desired: &Desired| but(desired, said("PageReady", "False", "Loading", "on its way"));
    runtime.say(loading(&desired));
    let desired = runtime.told().await;
    runtime.say(loading(&desired));
    world.until("ada", "loading", |ada| says(ada, "PageReady", "Loading")).await;
    operator.end().await;

    let operator = world.operator("four").await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    world.until("ada", "ready", ready).await;
    operator.end().await;

    let operator = world.operator("five").await;
    let desired = runtime.told().await;
    tokio::time::sleep(A_WHILE).await;
    runtime.say(well(&desired));
    tokio::time::sleep(A_WHILE).await;
    let ada = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    runtime.end().await;
    operator.end().await;
    let seen = recorder.until(&ada).await;
    let expected = "\
1/- - Ready=Unknown/Pending
1/- Provisioning Ready=False/Starting PageReady=Unknown/Starting Reconciling
1/1 Provisioning Ready=False/Loading PageReady=False/Loading Reconciling
1/1 Available Ready=True/AllReady PageReady=True/Up";
    assert_eq!(seen, expected, "{seen}");
}
