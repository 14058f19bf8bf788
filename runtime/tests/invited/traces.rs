//! The trace of an invitation, as the OpenTelemetry Collector is told of it.

use understudy_e2e::collector::{Collector, Span};

use super::*;

/// As an operator tells them.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const ROOT: &str = "00f067aa0ba902b7";
/// What a trace has up to what is published.
const LEGS: [&str; 4] = ["whip.offer", "ice+dtls", "first frame sent", "published"];

fn traced(id: &str, url: &str, token: &str) -> Invitation {
    Invitation { traceparent: format!("00-{TRACE}-{ROOT}-01"), ..to(id, url, token) }
}

/// A runtime whose spans go there.
fn run_to(collector: &str, operator: &Operator) -> Session {
    Session::idle(&arguments(collector, operator).iter().map(String::as_str).collect::<Vec<_>>())
}

fn arguments(collector: &str, operator: &Operator) -> Vec<String> {
    let ours = ["--allow-private-urls", "*", "--otlp-endpoint", collector].map(str::to_owned);
    operator.arguments().into_iter().chain(ours).collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_is_told_each_step_from_the_invitation_to_the_first_evidence_and_of_leaving() {
    let collector = Collector::start().await;
    let operator = Operator::of(inputs()).await;
    let session = run_to(&collector.endpoint, &operator);
    let stage = Destination::start(&[]).await;

    // What no trace is named for is not told.
    operator.invite(Some(to("untraced", &stage.url("/whip"), TOKEN)));
    published(&operator, "untraced").await;
    operator.invite(Some(traced("a", &stage.url("/whip"), TOKEN)));
    published(&operator, "a").await;
    operator.invite(None);
    operator.hears("kicked", |said| said.id == "a" && left(said)).await;
    // The last words are told, too.
    session.terminate().await;
    let is_whole = |spans: &[Span]| named(spans, "leave").len() == 1 && named(spans, "join").len() == 1;
    let spans = collector.trace(TRACE, "told from joining to leaving", is_whole).await;
    println!("{spans:#?}");
    assert_eq!(collector.spans().len(), spans.len(), "nothing is told but of what is traced");
    assert_eq!(spans.len(), LEGS.len() + 2);

    let (join, leave) = (named(&spans, "join")[0], named(&spans, "leave")[0]);
    assert_eq!([&*join.parent, &*leave.parent], [ROOT; 2]);
    assert!(join.says("published=true") && leave.began >= join.ended);
    let legs: Vec<&Span> = spans.iter().filter(|span| span.parent == join.id).collect();
    assert_eq!(legs.iter().map(|span| &*span.name).collect::<Vec<_>>(), LEGS, "in their order");
    assert!(legs.windows(2).all(|pair| pair[0].ended <= pair[1].began), "one after the other");
    assert!(legs.iter().all(|leg| join.began <= leg.began && leg.ended <= join.ended), "within it");
    assert!(legs[0].says("status=201") && legs[0].says("host=127.0.0.1"), "{:?}", legs[0]);
    assert!(spans.iter().all(|span| span.failed.is_none() && span.service == "understudy-runtime"));
    let told = format!("{spans:?}");
    assert!(!told.contains(TOKEN) && !told.contains("/whip"), "what is secret is told: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_fails_ends_with_the_reason_and_another_joins() {
    let collector = Collector::start().await;
    let operator = Operator::of(inputs()).await;
    let _session = run_to(&collector.endpoint, &operator);
    let stage = Destination::start(&[]).await;
    operator.invite(Some(traced("a", &stage.url("/whip"), "wrongword")));
    operator.hears("refused", |said| because(said, "Connected", "StageUnauthorized")).await;
    operator.invite(Some(traced("a", &stage.url("/whip"), TOKEN)));
    published(&operator, "a").await;

    let has_joined = |spans: &[Span]| named(spans, "join").iter().any(|join| join.says("published=true"));
    let spans = collector.trace(TRACE, "joined after all", has_joined).await;
    let refused = named(&spans, "join")[0];
    assert_eq!(refused.failed.as_deref(), Some("StageUnauthorized"));
    let offer = named(&spans, "whip.offer")[0];
    assert_eq!((offer.failed.as_deref(), &offer.parent), (Some("StageUnauthorized"), &refused.id));
    assert!(offer.says("status=401") && refused.says("published=false"), "{spans:#?}");
    assert!(!format!("{spans:?}").contains("wrongword"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_not_there_is_a_warning_and_holds_up_nothing() {
    let operator = Operator::of(inputs()).await;
    let nowhere = format!("http://127.0.0.1:{}", understudy_e2e::ports::free_tcp());
    let arguments = arguments(&nowhere, &operator);
    let session = Session::idle_logged(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let stage = Destination::start(&[]).await;
    let warnings = || session.log().matches("spans are lost").count();
    for id in ["a", "b"] {
        operator.invite(Some(traced(id, &stage.url("/whip"), TOKEN)));
        published(&operator, id).await;
        let start = Instant::now();
        while warnings() == 0 {
            assert!(start.elapsed() < SOON, "nothing is said of what is lost");
            tokio::time::sleep(LOOK).await;
        }
    }
    operator.invite(None);
    operator.hears("kicked", |said| said.id == "b" && left(said)).await;
    assert_eq!(warnings(), 1, "it is said seldom");
    assert!(session.terminate().await.success());
}
