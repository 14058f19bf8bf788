//! What happened, told once and counted.

use crate::support::{Runtime, World, said, well};
use crate::{available, ready, reason};
use k8s_openapi::api::events::v1::Event;
use serde_json::json;
use understudy_proto::v1::{Happening, Report};

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
