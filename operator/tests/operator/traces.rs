//! The trace of an invitation: what sessions are told of it, and the operator's part as the OpenTelemetry Collector is told it.

use crate::available;
use crate::invitations::stage::{UP, good_secret, in_seconds, invited, left, on, uninvited, until};
use crate::support::{Operator, Runtime, World};
use kube::ResourceExt;
use understudy_crds::v1alpha1::VirtualParticipant;
use understudy_e2e::collector::{Collector, Span};
use understudy_operator::app::Config;
use understudy_operator::telemetry::Tracing;
use understudy_proto::v1::Desired;
use understudy_trace::{Place, Program};

async fn tracing(world: &World, name: &str) -> Operator {
    world.operator_as(Config { tracing: Tracing::On, ..world.config(name) }).await
}

async fn told_of(runtime: &mut Runtime, id: &str) -> Desired {
    runtime.told_that(|desired| desired.invitation.as_ref().is_some_and(|invited| invited.id == id)).await
}

fn traceparent(desired: &Desired) -> &str {
    desired.invitation.as_ref().map(|invitation| invitation.traceparent.as_str()).unwrap_or_default()
}

async fn until_over(world: &World, id: &str) {
    let over = |ada: &VirtualParticipant| {
        let last = ada.status.as_ref().and_then(|status| status.last_session.as_ref());
        last.is_some_and(|last| last.invitation_id == id)
    };
    world.until("ada", &format!("over: {id}"), over).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leader_tells_the_same_trace_and_none_where_none_is_kept() {
    let world = World::new().await;
    good_secret(&world).await;
    let operator = tracing(&world, "one").await;
    let (ada, _pod, mut runtime) = available(&world, "ada").await;
    world.apply("ada", invited("a")).await;
    let first = traceparent(&told_of(&mut runtime, "a").await).to_owned();
    assert_eq!(first, Place::of_invitation(&ada.uid().unwrap(), "a").to_string());
    operator.end().await;

    let operator = tracing(&world, "two").await;
    assert_eq!(traceparent(&runtime.told().await), first);
    operator.end().await;

    let operator = world.operator("three").await;
    let desired = runtime.told().await;
    assert_eq!((desired.invitation.as_ref().map(|told| &*told.id), traceparent(&desired)), (Some("a"), ""));
    runtime.end().await;
    operator.end().await;
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_who_was_asked_how_it_ended_and_the_whole_between() {
    let collector = Collector::start().await;
    let program = Program { name: "understudy-operator", version: "0", instance: Some("one") };
    let _spans = understudy_trace::start(&collector.endpoint, program).unwrap();
    let world = World::new().await;
    good_secret(&world).await;
    let operator = tracing(&world, "one").await;
    // Invited from the start: while its pod is not linked it is looked at as well, and nobody is asked.
    let ada = world.apply("ada", invited("a")).await;
    let pod = world.run_pod(&world.pod(&ada, 1).await).await;
    let mut runtime = Runtime::start(&world, &pod).await;
    let desired = told_of(&mut runtime, "a").await;
    runtime.say(on(&desired, "a", &UP));
    world.until("ada", "published", |ada| crate::is(ada, "Published", "True")).await;
    world.apply("ada", uninvited()).await;
    let desired = runtime.told_that(|desired| desired.invitation.is_none()).await;
    runtime.say(left(&desired, "a", "Kicked"));
    until_over(&world, "a").await;
    // One that nobody is ever told of: its time to join was over before.
    world.apply("ada", until(&in_seconds(-5), "late")).await;
    until_over(&world, "late").await;

    let place = |id: &str| Place::of_invitation(&ada.uid().unwrap(), id).to_string();
    let words = place("a");
    let (trace, root) = (&words[3..35], &words[36..52]);
    let spans = collector.trace(trace, "the whole is told", |spans| spans.len() == 3).await;
    println!("{spans:#?}");
    let [whole, asked, settle] =
        ["invitation", "reconcile", "settle"].map(|name| named(&spans, name)[0].clone());
    assert_eq!((&*whole.id, &*whole.parent, whole.failed), (root, "", None));
    assert_eq!([&*asked.parent, &*settle.parent], [root; 2]);
    assert!(asked.ended <= settle.began);
    for span in &spans {
        let said = ["id=a", "participant=ada", "namespace=demo"];
        assert!(said.iter().all(|said| span.says(said)) && span.service == "understudy-operator", "{span:?}");
    }
    assert!(settle.says("outcome=Kicked") && whole.attributes == settle.attributes);

    let words = place("late");
    let spans = collector.trace(&words[3..35], "the late one is told", |spans| spans.len() == 2).await;
    assert_eq!(named(&spans, "invitation")[0].failed.as_deref(), Some("Expired"));
    runtime.end().await;
    operator.end().await;
}
