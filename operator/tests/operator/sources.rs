//! What a session says of its sources, and of inputs that change.

use crate::support::{World, refused, well};
use crate::{FLAP, available, condition, inputs, is, phase, ready, streaming};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use understudy_crds::v1alpha1::{ParticipantPhase, VirtualParticipant};
use understudy_proto::v1::Desired;

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
