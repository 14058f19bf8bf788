//! The operator against a real API server, with runtimes that speak the real control link.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers are tests as well")]

#[path = "operator/chart.rs"]
mod chart;
#[path = "operator/problems.rs"]
mod problems;
#[path = "operator/profiles.rs"]
mod profiles;
#[path = "operator/sequences.rs"]
mod sequences;
mod support;
#[path = "operator/unread.rs"]
mod unread;

use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::time::Duration;
use support::{NAMESPACE, Runtime, SYSTEM, Silent, Spoken, World, refused, said, well};
use understudy_crds::v1alpha1::{
    EndpointType, Livestream, LivestreamPhase, ParticipantPhase, VirtualParticipant,
};
use understudy_operator::app::Config;
use understudy_operator::authority::Times;
use understudy_operator::names;
use understudy_proto::v1::{Desired, Happening, Report};

/// Time for something that must not happen to happen.
const A_WHILE: Duration = Duration::from_millis(1500);
/// How long a flapping source is so or so: long enough for a report of its own, which the operator looks at.
const FLAP: Duration = Duration::from_millis(80);

fn condition<'a>(conditions: &'a [Condition], type_: &str) -> &'a Condition {
    conditions.iter().find(|condition| condition.type_ == type_).unwrap()
}

fn is(participant: &VirtualParticipant, type_: &str, status: &str) -> bool {
    let conditions = participant.status.iter().flat_map(|status| &status.conditions);
    conditions.filter(|condition| condition.type_ == type_).any(|condition| condition.status == status)
}

fn ready(participant: &VirtualParticipant) -> bool {
    let generation = participant.metadata.generation;
    is(participant, "Ready", "True")
        && participant
            .status
            .iter()
            .flat_map(|status| &status.conditions)
            .all(|condition| condition.type_ != "Ready" || condition.observed_generation == generation)
}

fn phase(participant: &VirtualParticipant) -> Option<ParticipantPhase> {
    participant.status.as_ref()?.phase
}

/// From nothing to a participant that is available.
async fn available(world: &World, name: &str) -> (VirtualParticipant, Pod, Runtime) {
    let participant = world.apply(name, json!({"page": {"url": "understudy:mirror"}})).await;
    let pod = world.pod(&participant, 1).await;
    let pod = world.run_pod(&pod).await;
    let mut runtime = Runtime::start(world, &pod).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    let participant = world.until(name, "ready", ready).await;
    (participant, pod, runtime)
}

/// A participant that is available, with a stream for its camera.
async fn streaming(world: &World) -> (VirtualParticipant, Desired, Runtime) {
    let (_ada, _pod, mut runtime) = available(world, "ada").await;
    let video = json!({"stream": {"url": "rtsp://camera.example/1"}});
    world.apply("ada", json!({"page": {"url": "understudy:mirror"}, "inputs": {"video": video}})).await;
    let desired = runtime.told_that(|desired| desired.session.as_ref().unwrap().inputs.is_some()).await;
    runtime.say(inputs(&desired, "True", "Playing", "all sources play"));
    let ada = world.until("ada", "ready", |ada| ready(ada) && reason(ada, "InputsReady") == "Playing").await;
    (ada, desired, runtime)
}

/// A session that is well but for what it says of its inputs.
fn inputs(desired: &Desired, status: &str, reason: &str, message: &str) -> Report {
    let mut report = well(desired);
    report.conditions[2] = said("InputsReady", status, reason, message);
    report
}

fn reason(participant: &VirtualParticipant, type_: &str) -> String {
    let conditions = &participant.status.as_ref().unwrap().conditions;
    condition(conditions, type_).reason.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_participant_becomes_a_pod_with_its_secret_and_the_operators_authority() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"displayName": "Ada"})).await;
    // The namespace enforces the restricted level: a pod that did not pass would not be there.
    let pod = world.pod(&ada, 1).await;
    assert_eq!(pod.owner_references()[0].uid, ada.uid().unwrap());
    assert_eq!(pod.labels()["app.kubernetes.io/component"], "session");

    let secret: Secret = world.api().get("ada-access").await.unwrap();
    assert_eq!(secret.type_.as_deref(), Some("understudy.dev/access"));
    assert_eq!(secret.owner_references()[0].uid, ada.uid().unwrap());
    let keys: Vec<String> = secret.data.unwrap().into_keys().collect();
    assert_eq!(keys, ["admin", "control", "view"]);

    let ada =
        world.until("ada", "provisioning", |ada| phase(ada) == Some(ParticipantPhase::Provisioning)).await;
    let status = ada.status.unwrap();
    assert_eq!(status.conditions.len(), 12, "all conditions are there from the first status on");
    assert_eq!(condition(&status.conditions, "Invited").reason, "NotInvited");
    assert_eq!(status.access.unwrap().secret_name, "ada-access");
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_reports_becomes_status() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"displayName": "Ada", "page": {"url": "understudy:mirror"}})).await;
    world.livestream("ada-live", "ada").await;
    let pod = world.pod(&ada, 1).await;
    let pod = world.run_pod(&pod).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told_that(|desired| !desired.livestreams.is_empty()).await;
    let session = desired.session.clone().unwrap();
    assert_eq!(session.display_name, "Ada");
    assert_eq!(session.page.unwrap().url, "understudy:mirror");
    assert_eq!(desired.livestreams[0].name, "ada-live");
    let secret: Secret = world.api().get("ada-access").await.unwrap();
    assert_eq!(desired.access.clone().unwrap().view.into_bytes(), secret.data.unwrap()["view"].0);

    runtime.say(well(&desired));
    let status = world.until("ada", "ready", ready).await.status.unwrap();
    assert_eq!(status.phase, Some(ParticipantPhase::Available), "nobody has invited it");
    assert_eq!(status.media.unwrap().camera.as_deref(), Some("pipewire"));
    assert_eq!(status.pod.unwrap().node.as_deref(), Some("node-1"));
    let view = status.endpoints.iter().find(|endpoint| endpoint.type_ == EndpointType::View).unwrap();
    assert_eq!(view.url, "http://10.244.0.9:10001/view");

    let is_ready = |live: &Livestream| {
        live.status.as_ref().is_some_and(|status| status.phase == Some(LivestreamPhase::Ready))
    };
    let live = world.until("ada-live", "ready", is_ready).await;
    let endpoints = live.status.unwrap().endpoints;
    let whep = endpoints.iter().find(|endpoint| endpoint.type_ == EndpointType::Whep).unwrap();
    assert_eq!(whep.url, "http://10.244.0.9:10001/whep/ada-live");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_costs_few_writes_and_a_quiet_participant_none() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let api = world.api::<VirtualParticipant>();
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let (ada, pod, runtime) = available(&world, "ada").await;
    tokio::time::sleep(2 * A_WHILE).await;
    runtime.end().await;
    operator.end().await;

    let versions = world.statuses_since(&version).await;
    assert!(versions.len() <= 3, "status was written {} times: {versions:?}", versions.len());
    let writers = |pod: &Pod| {
        pod.metadata.managed_fields.iter().flatten().filter_map(|field| field.manager.clone()).count()
    };
    let now = world.api::<Pod>().get(&pod.name_any()).await.unwrap();
    assert_eq!(writers(&now), writers(&pod), "the pod was created and never written again");
    assert_eq!(phase(&ada), Some(ParticipantPhase::Available));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_audience_lets_nobody_in() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let token = world.token(&pod, "https://kubernetes.default.svc.cluster.local").await;
    let mut intruder = Runtime::with_token(&world, &pod, &token).await;
    assert!(intruder.is_left_alone(A_WHILE).await);
    let mut runtime = Runtime::start(&world, &pod).await;
    runtime.told().await;
    intruder.end().await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_cannot_speak_for_another_one() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, bea) = (world.apply("ada", json!({})).await, world.apply("bea", json!({})).await);
    let adas = world.run_pod(&world.pod(&ada, 1).await).await;
    let beas = world.run_pod(&world.pod(&bea, 1).await).await;
    let token = world.token(&adas, names::SESSION_AUDIENCE).await;
    let mut intruder = Runtime::with_token(&world, &beas, &token).await;
    assert!(intruder.is_left_alone(A_WHILE).await, "what is Bea's was told to Ada's pod");
    intruder.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_say_nothing_keep_nobody_out() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let silent = Silent::open(&world, 100).await;
    tokio::time::sleep(A_WHILE).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let told = tokio::time::timeout(Duration::from_secs(5), runtime.told()).await;
    assert!(told.is_ok(), "a session waits until the silent ones are turned away");
    drop(silent);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_is_a_condition_and_an_event_and_can_be_repaired() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", json!({"page": {"url": "https://nowhere.example/"}})).await;
    let url = |desired: &Desired| desired.session.clone().unwrap().page.unwrap().url;
    let desired = runtime.told_that(|desired| url(desired) == "https://nowhere.example/").await;
    let mut report = well(&desired);
    report.conditions[1] = said("PageReady", "False", "PageUnreachable", "net::ERR_NAME_NOT_RESOLVED");
    runtime.say(report);
    let broken = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    let status = broken.status.unwrap();
    assert_eq!(condition(&status.conditions, "PageReady").reason, "PageUnreachable");
    assert_eq!(condition(&status.conditions, "PageReady").observed_generation, Some(2));
    assert_eq!(status.last_error.unwrap().code, "PageUnreachable");
    let unreachable = |event: &Event| event.reason.as_deref() == Some("PageUnreachable");
    let events = world.until_told(&ada, unreachable).await; // the status comes first
    let event = events.iter().find(|event| unreachable(event)).unwrap();
    assert_eq!(event.type_.as_deref(), Some("Warning"));

    world.apply("ada", json!({"page": {"url": "understudy:mirror"}})).await;
    let desired = runtime.told_that(|desired| url(desired) == "understudy:mirror").await;
    runtime.say(well(&desired));
    let repaired = world.until("ada", "ready again", ready).await;
    assert_eq!(repaired.status.unwrap().pod.unwrap().uid, pod.uid(), "no pod was replaced for it");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_runtime_names_the_field() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", json!({"inputs": {"video": {"file": {"url": "understudy:nothing"}}}})).await;
    let desired = runtime.told_that(|desired| desired.session.as_ref().unwrap().inputs.is_some()).await;
    runtime.say(refused(&desired, "inputs.video.file.url", "there is no such media"));
    let refused = world.until("ada", "refused", |ada| is(ada, "InputsReady", "False")).await;
    let status = refused.status.unwrap();
    let inputs = condition(&status.conditions, "InputsReady");
    assert_eq!(inputs.reason, "Rejected");
    assert_eq!(inputs.message, "spec.inputs.video.file.url: there is no such media");
    assert_eq!(condition(&status.conditions, "Ready").status, "False");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inputs_of_a_running_participant_change_without_a_new_pod() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    let page = json!({"url": "understudy:mirror"});
    let (camera, radio) = ("rtsp://camera.example/1", "http://radio.example/a.opus");
    let sources = [
        json!({"stream": {"url": camera}, "width": 640, "height": 360}),
        json!({"file": {"url": "https://media.example/a.mp4", "loop": false}}),
        json!({"socket": {}}),
        json!({"webRTC": {}}),
    ];
    let mut generation = 0;
    for (number, video) in sources.into_iter().enumerate() {
        let inputs = json!({"video": video, "audio": {"stream": {"url": radio}, "destination": "Speaker"}});
        world.apply("ada", json!({"page": page, "inputs": inputs})).await;
        let video = |desired: &Desired| desired.session.clone().and_then(|session| session.inputs?.video);
        let desired = runtime
            .told_that(|desired| {
                video(desired).is_some_and(|video| {
                    let given = [
                        video.stream.is_some(),
                        video.file.is_some(),
                        video.socket.is_some(),
                        video.web_rtc.is_some(),
                    ];
                    given.iter().position(|given| *given) == Some(number)
                })
            })
            .await;
        assert!(desired.generation > generation, "generations rise");
        generation = desired.generation;
        let audio = desired.session.clone().unwrap().inputs.unwrap().audio.unwrap();
        assert_eq!((audio.stream.unwrap().url.as_str(), audio.destination.as_str()), (radio, "Speaker"));
        runtime.say(well(&desired));
        world.until("ada", "ready with it", ready).await;
    }
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert!(before.metadata.generation < after.metadata.generation);
    assert_eq!(after.status.unwrap().pod.unwrap().uid, pod.uid());
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.iter().map(ResourceExt::uid).collect::<Vec<_>>(), [pod.uid()]);
    assert_eq!(pods.items[0].metadata.generation, pod.metadata.generation, "its spec was not touched");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_the_runtime_refuses_is_an_event_that_names_the_field() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", json!({"inputs": {"video": {"stream": {"url": "rtsp://camera.example/1"}}}})).await;
    let desired = runtime.told_that(|desired| desired.session.as_ref().unwrap().inputs.is_some()).await;
    runtime.say(refused(&desired, "inputs.video.stream.url", "cannot be played"));
    let named = "spec.inputs.video.stream.url: cannot be played";
    let refused = world.until("ada", "refused", |ada| is(ada, "InputsReady", "False")).await;
    assert_eq!(condition(&refused.status.unwrap().conditions, "InputsReady").message, named);
    world.until_told(&ada, |event| event.note.as_deref() == Some(named)).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_and_plays_again_is_told_as_two_events() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, desired, runtime) = streaming(&world).await;
    runtime.say(inputs(&desired, "False", "SourceNotFound", "there is no such host"));
    let broken = world.until("ada", "broken", |ada| phase(ada) == Some(ParticipantPhase::Disrupted)).await;
    assert_eq!(condition(&broken.status.unwrap().conditions, "Ready").reason, "SourceNotFound");
    runtime.say(inputs(&desired, "True", "Playing", "all sources play"));
    world.until("ada", "ready again", ready).await;
    let told = world.until_told(&ada, |event| event.reason.as_deref() == Some("Playing")).await;
    let told: Vec<_> = told.iter().map(|event| (event.type_.as_deref(), event.reason.as_deref())).collect();
    assert!(told.contains(&(Some("Warning"), Some("SourceNotFound"))), "{told:?}");
    assert!(told.contains(&(Some("Normal"), Some("Playing"))), "{told:?}");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_flaps_costs_few_writes_and_few_events() {
    const FLAPS: usize = 60;
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, desired, runtime) = streaming(&world).await;
    let version = ada.resource_version().unwrap();
    for _ in 0..FLAPS {
        runtime.say(inputs(&desired, "False", "Stalled", "nothing arrives"));
        tokio::time::sleep(FLAP).await;
        runtime.say(inputs(&desired, "True", "Playing", "all sources play"));
        tokio::time::sleep(FLAP).await;
    }
    runtime.say(inputs(&desired, "False", "Stalled", "nothing arrives"));
    world.until("ada", "told to be broken", |ada| is(ada, "InputsReady", "False")).await;
    let writes = world.statuses_since(&version).await;
    assert!((2..=20).contains(&writes.len()), "{} writes for {FLAPS} flaps: {writes:?}", writes.len());
    let told = world.events(&ada).await;
    let stalls = told.iter().filter(|event| event.reason.as_deref() == Some("Stalled")).count();
    assert!((1..=10).contains(&stalls), "{stalls} Events for {FLAPS} flaps");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_again_in_a_session_is_counted_in_its_event() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let participant = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&participant, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told().await;
    let happening = |sequence| Happening {
        sequence,
        r#type: "Warning".into(),
        reason: "SoundRepaired".into(),
        message: "the sound server had died".into(),
        unix_seconds: jiff::Timestamp::now().as_second(),
    };
    runtime.say(Report { happenings: vec![happening(1)], ..well(&desired) });
    world.until("ada", "ready", ready).await;
    runtime.say(Report {
        happenings: vec![happening(1), happening(2)],
        livestreams: Vec::new(),
        ..well(&desired)
    });
    let twice = |event: &Event| event.series.as_ref().is_some_and(|series| series.count == 2);
    world.until_told(&participant, twice).await;
    let told = world.events(&participant).await;
    let repaired = |event: &&Event| event.reason.as_deref() == Some("SoundRepaired");
    assert_eq!(told.iter().filter(repaired).count(), 1, "one Event tells both: {told:#?}");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_tells_nothing_again_and_counts_on() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    let began = jiff::Timestamp::now().as_second();
    let happening = |sequence, reason: &str, unix_seconds| Happening {
        sequence,
        r#type: "Warning".into(),
        reason: reason.into(),
        message: "the sound server had died".into(),
        unix_seconds,
    };
    let (lost, again, last) =
        (happening(1, "Lost", began), happening(2, "Lost", began + 1), happening(3, "Ended", began + 2));
    let desired = world.apply("ada", json!({"displayName": "A", "page": {"url": "understudy:mirror"}})).await;
    assert!(desired.metadata.generation > ada.metadata.generation);
    let desired = runtime.told().await;
    runtime.say(Report { happenings: vec![lost.clone()], ..well(&desired) });
    let told = |count: i32| {
        move |event: &Event| {
            let counted = event.series.as_ref().map_or(1, |series| series.count);
            event.reason.as_deref() == Some("Lost") && counted == count
        }
    };
    world.until_told(&ada, told(1)).await;
    operator.end().await;

    let operator = world.operator("two").await;
    let desired = runtime.told().await;
    runtime.say(Report { happenings: vec![lost.clone(), again.clone(), last.clone()], ..well(&desired) });
    world.until_told(&ada, |event| event.reason.as_deref() == Some("Ended")).await;
    let events = world.events(&ada).await;
    assert!(events.iter().any(told(2)), "the second is counted in the Event of the first: {events:#?}");
    operator.end().await;

    let operator = world.operator("three").await;
    let desired = runtime.told().await;
    let next = Happening { sequence: 4, reason: "Next".into(), ..last.clone() };
    runtime.say(Report { happenings: vec![lost, again, last, next], ..well(&desired) });
    world.until_told(&ada, |event| event.reason.as_deref() == Some("Next")).await;
    let events = world.events(&ada).await;
    assert!(events.iter().any(told(2)), "nothing is told or counted again: {events:#?}");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_tells_of_a_failure_and_its_condition_are_one_event() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({"page": {"url": "https://nowhere.example/"}})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = runtime.told().await;
    let failed = |sequence| Happening {
        sequence,
        r#type: "Warning".into(),
        reason: "PageLoadFailed".into(),
        message: format!("the page cannot be loaded: try {sequence}"),
        unix_seconds: jiff::Timestamp::now().as_second(),
    };
    let mut report = Report { happenings: (1..=7).map(failed).collect(), ..well(&desired) };
    report.conditions[1] = said("PageReady", "False", "PageLoadFailed", "no such host");
    runtime.say(report);
    world.until("ada", "failed", |ada| reason(ada, "PageReady") == "PageLoadFailed").await;
    let seven = |event: &Event| event.series.as_ref().is_some_and(|series| series.count == 7);
    let told = world.until_told(&ada, seven).await;
    let of_it = told.iter().filter(|event| event.reason.as_deref() == Some("PageLoadFailed")).count();
    assert_eq!(of_it, 1, "{told:#?}");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_one_pod_does_not_stand_in_the_way_of_a_successor() {
    let world = World::new().await;
    let quota = world.quota_of_pods(1).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.pod(&ada, 1).await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    world.gone::<Pod>(&pod.name_any()).await;
    // As the quota's own controller does, after a while.
    quota.used(0).await;
    let next = world.pod(&ada, 2).await;
    assert_ne!(next.uid(), pod.uid());
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_quota_refuses_is_told_and_tried_again_without_writing_anything_else() {
    let world = World::new().await;
    let quota = world.quota_of_pods(0).await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let refused =
        |ada: &VirtualParticipant| is(ada, "Accepted", "False") && reason(ada, "Accepted") == "PodRefused";
    world.until("ada", "refused", refused).await;
    let roots = world.api::<ConfigMap>();
    roots.delete(names::CA_CONFIG_MAP, &DeleteParams::default()).await.unwrap();
    // The first intervals are 2 s and 4 s at most.
    tokio::time::sleep(4 * A_WHILE).await;
    assert!(roots.get_opt(names::CA_CONFIG_MAP).await.unwrap().is_none(), "a refusal writes no ConfigMap");
    quota.limit(1).await;
    world.pod(&ada, 1).await;
    world.until("ada", "accepted", |ada: &VirtualParticipant| is(ada, "Accepted", "True")).await;
    assert!(roots.get_opt(names::CA_CONFIG_MAP).await.unwrap().is_some(), "the pod needs it to start");
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_starts_again_finds_its_sessions_and_replaces_nothing() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;

    let operator = world.operator("one").await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    tokio::time::sleep(A_WHILE).await;
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(
        after.resource_version(),
        before.resource_version(),
        "nothing changed, so that nothing is written"
    );
    let pods = world.api::<Pod>().list(&ListParams::default()).await.unwrap();
    assert_eq!(pods.items.iter().map(ResourceExt::uid).collect::<Vec<_>>(), [pod.uid()]);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_cannot_lead_ends_with_the_reason_and_lets_another_lead() {
    let world = World::new().await;
    let config = Config { link_service: "nowhere".into(), ..world.config("one") };
    let error = world.operator_as(config).await.error().await;
    assert!(format!("{error:#}").contains("the Service nowhere cannot be led here"), "{error:#}");
    let operator = world.operator("two").await;
    let ada = world.apply("ada", json!({})).await;
    world.pod(&ada, 1).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_operator_takes_over_with_a_higher_term() {
    let world = World::new().await;
    let first = world.operator("one").await;
    let (before, pod, mut runtime) = available(&world, "ada").await;
    let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), SYSTEM);
    let led = slices.get("understudy-operator-link-ipv4").await.unwrap();
    assert_eq!(led.endpoints[0].addresses, ["10.99.0.7"]);

    let second = world.operator("two").await;
    assert!(runtime.is_left_alone(A_WHILE).await, "a follower serves nobody");
    first.end().await;
    let desired = runtime.told().await;
    let term = desired.leader_term;
    assert_eq!(desired.generation >> 32, term, "generations of a later leader are above all earlier ones");
    runtime.say(well(&desired));
    world.apply("ada", json!({"displayName": "Bea", "page": {"url": "understudy:mirror"}})).await;
    let desired = runtime.told_that(|desired| desired.session.clone().unwrap().display_name == "Bea").await;
    assert_eq!(desired.leader_term, term);
    runtime.say(well(&desired));
    let after = world.until("ada", "ready under the second", ready).await;
    assert_eq!(after.status.unwrap().pod.unwrap().uid, pod.uid());
    assert!(before.metadata.generation < after.metadata.generation);
    runtime.end().await;
    second.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn livestreams_come_and_go_without_touching_the_pod() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    world.livestream("side", "ada").await;
    let desired = runtime.told_that(|desired| desired.livestreams.len() == 1).await;
    let mut report = well(&desired);
    report.livestreams[0].viewers = 2;
    runtime.say(report);
    let active = |live: &Livestream| {
        live.status.as_ref().is_some_and(|status| status.phase == Some(LivestreamPhase::Active))
    };
    world.until("side", "active", active).await;
    world.api::<Livestream>().delete("side", &DeleteParams::default()).await.unwrap();
    runtime.told_that(|desired| desired.livestreams.is_empty()).await;
    assert_eq!(world.api::<Pod>().get(&pod.name_any()).await.unwrap().uid(), pod.uid());
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_livestream_of_nobody_says_whom_it_misses() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    world.livestream("lonely", "nobody").await;
    let lonely = world
        .until("lonely", "reported", |live: &Livestream| {
            live.status.as_ref().is_some_and(|status| status.phase.is_some())
        })
        .await;
    let status = lonely.status.unwrap();
    assert_eq!(status.phase, Some(LivestreamPhase::Pending));
    assert_eq!(condition(&status.conditions, "Ready").reason, "ParticipantNotFound");
    assert!(condition(&status.conditions, "Ready").message.contains("\"nobody\""));
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_profile_is_told_with_those_that_are_known() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    world.apply("ada", json!({"runtimeProfileName": "huge"})).await;
    let ada = world.until("ada", "failed", |ada| phase(ada) == Some(ParticipantPhase::Failed)).await;
    let conditions = ada.status.unwrap().conditions;
    assert_eq!(condition(&conditions, "Ready").reason, "ProfileNotFound");
    assert!(condition(&conditions, "Ready").message.contains("there are: default"));
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_ended_is_followed_by_the_next_attempt() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (ada, pod, runtime) = available(&world, "ada").await;
    runtime.end().await;
    world.pod_status(&pod.name_any(), json!({"phase": "Failed", "reason": "Evicted"})).await;
    let next = world.pod(&ada, 2).await;
    let disrupted = world
        .until("ada", "served by the next pod", |ada: &VirtualParticipant| {
            ada.status.as_ref().and_then(|status| status.pod.as_ref()).is_some_and(|pod| pod.attempt == 2)
        })
        .await;
    assert_eq!(phase(&disrupted), Some(ParticipantPhase::Disrupted));
    let mut runtime = Runtime::start(&world, &world.run_pod(&next).await).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));
    world.until("ada", "ready again", ready).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_somebody_deleted_is_followed_by_the_next_attempt() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.pod(&ada, 1).await;
    world.until("ada", "reported", |ada| phase(ada).is_some()).await;
    let now = DeleteParams::default().grace_period(0);
    world.api::<Pod>().delete(&pod.name_any(), &now).await.unwrap();
    world.pod(&ada, 2).await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_deleted_participant_is_told_to_finish() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    world.api::<VirtualParticipant>().delete("ada", &DeleteParams::default()).await.unwrap();
    runtime.told_that(|desired| desired.drain).await;
    runtime.end().await;
    operator.end().await;
}

/// What a session is told whose pod or owner is gone, or going.
async fn is_told_to_finish(runtime: &mut Runtime) {
    let desired = runtime.told_that(|desired| desired.drain).await;
    assert_eq!((desired.session, desired.access), (None, None), "and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_pod_that_was_deleted_by_force_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    let now = DeleteParams::default().grace_period(0);
    world.api::<Pod>().delete(&pod.name_any(), &now).await.unwrap();
    is_told_to_finish(&mut runtime).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_of_a_pod_that_is_being_deleted_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, runtime) = available(&world, "ada").await;
    runtime.end().await;
    // Nobody plays the kubelet that ends it.
    world.api::<Pod>().delete(&pod.name_any(), &DeleteParams::default()).await.unwrap();
    let mut late = Runtime::start(&world, &pod).await;
    is_told_to_finish(&mut late).await;
    late.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_participant_went_unheard_is_told_to_finish_at_its_next_contact() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;
    world.api::<VirtualParticipant>().delete("ada", &DeleteParams::default()).await.unwrap();
    let operator = world.operator("two").await;
    is_told_to_finish(&mut runtime).await;
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_finds_the_next_leader_by_its_ticket_and_another_process_of_its_pod_does_not() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let (_ada, pod, mut runtime) = available(&world, "ada").await;
    runtime.show_no_good_token();
    operator.end().await;
    let operator = world.operator("two").await;
    runtime.told().await;
    let mut thief = Runtime::with_token(&world, &pod, "not a token").await;
    assert!(thief.is_left_alone(A_WHILE).await);
    assert!(runtime.is_left_alone(A_WHILE).await, "it was not displaced");
    thief.end().await;
    runtime.end().await;
    operator.end().await;
}

fn roots(published: &ConfigMap) -> usize {
    published.data.as_ref().unwrap()[names::CA_KEY].matches("BEGIN CERTIFICATE").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_stays_linked_while_one_root_follows_another() {
    const OVERLAP: Duration = Duration::from_secs(3);
    let world = World::new().await;
    let rotation = Times {
        publish_for: OVERLAP,
        keep_for: OVERLAP,
        check_every: Duration::from_millis(200),
        ..Times::default()
    };
    let quick = |config: Config| Config { rotation, ..config };
    let operator = world.operator("one").await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    operator.end().await;
    world.age_authority().await;
    let operator = world.operator_as(quick(world.config("two"))).await;
    let desired = runtime.told().await;
    runtime.say(well(&desired));

    let both = world.until(names::CA_CONFIG_MAP, "both roots", |map: &ConfigMap| roots(map) == 2).await;
    runtime.trust(&both);
    let again = runtime.told().await;
    assert_eq!(again.generation, desired.generation, "it dialled again, since another root signs");
    let new = world.until(names::CA_CONFIG_MAP, "the new root", |map: &ConfigMap| roots(map) == 1).await;
    runtime.trust(&new);
    assert!(both.data.unwrap()[names::CA_KEY].contains(&new.data.unwrap()[names::CA_KEY]));
    operator.end().await;

    let operator = world.operator("three").await;
    runtime.told().await;
    let after = world.api::<VirtualParticipant>().get("ada").await.unwrap();
    assert_eq!(after.resource_version(), ada.resource_version(), "nobody saw anything of it");
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_were_changed_or_deleted_are_noticed_by_themselves() {
    let world = World::new().await;
    let config = Config { recheck: Duration::from_secs(1), ..world.config("one") };
    let operator = world.operator_as(config).await;
    let (_ada, _pod, mut runtime) = available(&world, "ada").await;
    let secrets = world.api::<Secret>();
    let changed = Patch::Merge(json!({"stringData": {"view": "changed"}}));
    secrets.patch("ada-access", &PatchParams::default(), &changed).await.unwrap();
    let view = |desired: &Desired| desired.access.clone().unwrap().view;
    runtime.told_that(|desired| view(desired) == "changed").await;
    secrets.delete("ada-access", &DeleteParams::default()).await.unwrap();
    let desired = runtime.told_that(|desired| view(desired) != "changed").await;
    let made: Secret = secrets.get("ada-access").await.unwrap();
    assert_eq!(view(&desired).into_bytes(), made.data.unwrap()["view"].0);
    runtime.end().await;
    operator.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_ends_tells_its_sessions_that_another_leads() {
    let world = World::new().await;
    let operator = world.operator("one").await;
    let ada = world.apply("ada", json!({})).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let stream = Spoken::open(&world, &pod).await;
    operator.end().await;
    let last = stream.last_word().await;
    assert_eq!(last.code(), tonic::Code::Unavailable, "{last:?}");
    assert!(last.message().contains("another leads"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_somebody_elses_is_neither_used_nor_shown() {
    let world = World::new().await;
    let secret = serde_json::from_value(json!({
        "metadata": {"name": "eve-access"}, "type": "understudy.dev/access", "stringData": {"view": "stolen"}
    }));
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    secrets.create(&Default::default(), &secret.unwrap()).await.unwrap();
    let operator = world.operator("one").await;
    world.apply("eve", json!({})).await;
    let eve = world.until("eve", "failed", |eve| phase(eve) == Some(ParticipantPhase::Failed)).await;
    assert_eq!(condition(&eve.status.unwrap().conditions, "Accepted").reason, "AccessSecretUnusable");
    operator.end().await;
}
