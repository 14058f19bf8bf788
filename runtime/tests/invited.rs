//! A session that an operator invites to a stage, which is a WHIP server on another WebRTC stack (aiortc).

mod pion;
mod traces;
mod wrong;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use understudy_e2e::destination::{Destination, TOKEN, Told};
use understudy_proto::v1::{
    AudioInput, Condition, FileSource, Inputs, Invitation, InvitationReport, InvitationState, Page, Report,
    SessionSpec, Stage, VideoInput, WhipOutput,
};

use crate::support::operator::Operator;
use crate::support::session::Session;

/// Python decodes all of it, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// A stage that lets nobody in for want of a token is asked every thirty seconds: who corrects it does not wait for that.
const AT_ONCE: Duration = Duration::from_secs(15);
/// A way that is gone, and a stage that says nothing any more, are noticed by then.
const NOTICED: Duration = Duration::from_secs(15);

fn page() -> SessionSpec {
    let page = Some(Page { url: "understudy:mirror".into(), ..Page::default() });
    SessionSpec { page, ..inputs() }
}

fn inputs() -> SessionSpec {
    let file = || Some(FileSource { url: "understudy:test-picture".into(), ..FileSource::default() });
    let video = Some(VideoInput { file: file(), ..VideoInput::default() });
    let audio = Some(AudioInput { file: file(), ..AudioInput::default() });
    SessionSpec { inputs: Some(Inputs { video, audio, ..Inputs::default() }), ..SessionSpec::default() }
}

fn to(id: &str, url: &str, token: &str) -> Invitation {
    let whip = Some(WhipOutput { url: url.to_owned(), token: token.to_owned() });
    let stage = Some(Stage { whip, ..Stage::default() });
    Invitation { id: id.to_owned(), stage, ..Invitation::default() }
}

/// Its runtime, which may publish to this machine.
fn run(operator: &Operator) -> Session {
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    Session::idle(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of<'a>(report: &'a InvitationReport, type_: &str) -> Option<&'a Condition> {
    report.conditions.iter().find(|condition| condition.r#type == type_)
}

fn is(report: &InvitationReport, type_: &str, status: &str) -> bool {
    of(report, type_).is_some_and(|condition| condition.status == status)
}

fn because(report: &InvitationReport, type_: &str, reason: &str) -> bool {
    of(report, type_).is_some_and(|condition| condition.reason == reason)
}

fn left(report: &InvitationReport) -> bool {
    report.state() == InvitationState::Left
}

async fn published(operator: &Operator, id: &str) -> InvitationReport {
    operator.hears("published", |said| said.id == id && is(said, "Published", "True")).await
}

/// What a stage was asked and has seen, once that is so.
async fn seen(stage: &Destination, what: &str, is: impl Fn(&Told) -> bool) -> Told {
    told(async || stage.told().await, what, is).await
}

/// The same of any stage.
async fn told<T: Debug>(ask: impl AsyncFn() -> reqwest::Result<T>, what: &str, is: impl Fn(&T) -> bool) -> T {
    let start = Instant::now();
    loop {
        let told = ask().await.unwrap();
        if is(&told) {
            return told;
        }
        assert!(start.elapsed() < SOON, "{what} is not so: {told:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Each different thing that is said of an invitation, as `ID state Connected/Published`.
async fn sequence(
    mut reports: watch::Receiver<Report>,
    until: impl Fn(&InvitationReport) -> bool,
) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    loop {
        let now = reports.borrow_and_update().invitation.clone();
        if let Some(now) = &now {
            let conditions: Vec<_> =
                now.conditions.iter().map(|condition| condition.reason.as_str()).collect();
            let line = match now.state() {
                InvitationState::Left => format!("{} Left {}", now.id, now.outcome),
                _ => format!("{} {}", now.id, conditions.join("/")),
            };
            if said.last() != Some(&line) {
                said.push(line);
            }
        }
        if now.as_ref().is_some_and(&until) {
            return said;
        }
        reports.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_is_seen_there_leaves_when_kicked_and_is_never_on_two_stages() {
    let operator = Operator::of(page()).await;
    let _session = run(&operator);
    let (first, second) = (Destination::start(&[]).await, Destination::start(&[]).await);
    let watched = tokio::spawn(sequence(operator.reports(), |said| said.id == "c" && left(said)));

    // It redirects, and keeps the token for the one it redirects to.
    operator.invite(Some(to("a", &first.url("/moved"), TOKEN)));
    published(&operator, "a").await;
    let whole = |told: &Told| told.seen.as_ref().is_some_and(|seen| seen.seconds.len() >= 4);
    seen(&first, "a picture of seconds", whole).await;

    // To another stage at once: the first has been left before the second is asked.
    operator.invite(Some(to("b", &second.url("/whip"), TOKEN)));
    published(&operator, "b").await;
    let told = seen(&first, "left", |told| told.sessions == 0).await;
    assert_eq!((told.posts, told.deletes), (1, 1));
    assert!(told.deleted_at < second.told().await.unwrap().posted_at, "one is left before another is asked");

    operator.invite(None);
    let said = operator.hears("kicked", |said| said.id == "b" && left(said)).await;
    assert_eq!(said.outcome, "Kicked");
    let told = seen(&second, "left", |told| told.sessions == 0).await;
    assert_eq!((told.posts, told.deletes), (1, 1));

    // What was left stays left; under another id the same stage is joined again.
    operator.invite(Some(to("b", &second.url("/whip"), TOKEN)));
    operator.invite(Some(to("c", &second.url("/whip"), TOKEN)));
    published(&operator, "c").await;
    operator.invite(None);
    let watched = tokio::time::timeout(SOON, watched).await.unwrap().unwrap();
    println!("{watched:#?}");
    assert_eq!(seen(&second, "left", |told| told.sessions == 0).await.posts, 2);
    let order = [
        "a Joining/Joining",
        "a Connected/Published",
        "b Connected/Published",
        "b Left Kicked",
        "c Connected/Published",
        "c Left Kicked",
    ];
    let places =
        order.map(|line| watched.iter().position(|said| said == line).unwrap_or_else(|| panic!("{line}")));
    assert!(places.is_sorted(), "{watched:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_page_what_the_inputs_carry_is_published_whole_and_neither_browser_nor_display_runs() {
    let operator = Operator::of(inputs()).await;
    let session = run(&operator);
    let stage = Destination::start(&[]).await;
    operator.invite(Some(to("a", &stage.url("/whip"), TOKEN)));
    published(&operator, "a").await;
    let whole = |told: &Told| told.seen.as_ref().is_some_and(|seen| seen.seconds.len() >= 5);
    let seen = seen(&stage, "a picture of seconds", whole).await.seen.unwrap();
    println!("{seen:?}");
    seen.is_the_test_picture().unwrap();
    assert_eq!((seen.width, seen.height), (1280, 720));
    for part in ["Xvfb", "chromium", "dbus-daemon", "pipewire"] {
        assert!(session.children(part).is_empty(), "{part} runs");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_stage_is_not_joined_is_told_and_what_is_corrected_joins_at_once() {
    let operator = Operator::of(SessionSpec::default()).await;
    let _session = run(&operator);
    let (stage, refusing) = (Destination::start(&[]).await, Destination::start(&["--refuse"]).await);
    let nobody = format!("http://127.0.0.1:{}/whip", understudy_e2e::ports::free_tcp());
    for (number, (url, reason)) in [
        (nobody, "StageUnreachable"),
        (stage.url("/nowhere"), "StageNotFound"),
        (refusing.url("/whip"), "StageRefused"),
        (stage.url("/whip").replace("http://", "https://"), "StageUntrusted"),
        (stage.url("/whip"), "StageUnauthorized"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("show-{number}");
        let token = if reason == "StageRefused" { TOKEN } else { "another" };
        operator.invite(Some(to(&id, &url, token)));
        let said = operator.hears(reason, |said| said.id == id && because(said, "Connected", reason)).await;
        assert!(
            because(&said, "Published", "NotConnected") && !format!("{said:?}").contains(token),
            "{said:?}"
        );
    }
    // What is wrong with it is its token; there is no page, which is told once it is there.
    let began = Instant::now();
    operator.invite(Some(to("show-4", &stage.url("/whip"), TOKEN)));
    let said = operator.hears("connected", |said| is(said, "Connected", "True")).await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert_eq!((said.id.as_str(), because(&said, "Published", "NoPage")), ("show-4", true), "{said:?}");
    // Another token of who is there ends nothing.
    operator.invite(Some(to("show-4", &stage.url("/whip"), "of tomorrow")));
    operator.invite(Some(to("show-4", "gopher://nowhere", TOKEN)));
    tokio::time::sleep(LOOK * 5).await;
    assert_eq!(seen(&stage, "joined", |told| told.sessions == 1).await.deletes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn time_to_join_counts_by_the_operators_clock_and_ends_what_is_not_there() {
    for ahead in [60, -60] {
        let operator = Operator::ahead_by(ahead, SessionSpec::default()).await;
        let _session = run(&operator);
        let nobody = format!("http://127.0.0.1:{}/whip", understudy_e2e::ports::free_tcp());
        operator.is_linked().await;
        let (began, by) = (Instant::now(), operator.time(6));
        operator.invite(Some(Invitation { join_before_unix_seconds: by, ..to("late", &nobody, "") }));
        operator.hears("unreachable", |said| because(said, "Connected", "StageUnreachable")).await;
        let said = operator.hears("expired", left).await;
        assert_eq!((said.outcome.as_str(), said.id.as_str()), ("Expired", "late"));
        // Clocks are told apart in whole seconds.
        let took = began.elapsed().as_secs_f64();
        assert!((4.0..12.0).contains(&took), "{took} s with a clock {ahead} s ahead");
        operator.invite(Some(Invitation {
            join_before_unix_seconds: operator.time(-1),
            ..to("over", &nobody, "")
        }));
        assert_eq!(operator.hears("over", |said| said.id == "over" && left(said)).await.outcome, "Expired");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_says_nothing_of_what_arrives_is_connected_and_not_published_and_given_up_in_time() {
    let operator = Operator::of(page()).await;
    let _session = run(&operator);
    let stage = Destination::start(&["--unreporting"]).await;
    operator.invite(Some(Invitation { join_timeout_seconds: 15, ..to("mute", &stage.url("/whip"), TOKEN) }));
    let said = operator.hears("connected", |said| is(said, "Connected", "True")).await;
    assert!(
        because(&said, "Published", "AwaitingEvidence") || because(&said, "Published", "WaitingForPicture"),
        "{said:?}"
    );
    let said = operator.hears("given up", left).await;
    assert_eq!(said.outcome, "DeadlineExceeded");
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_dies_is_joined_again_and_one_that_removes_us_is_not() {
    let operator = Operator::of(page()).await;
    let _session = run(&operator);
    let stage = Destination::start(&[]).await;
    operator.invite(Some(to("a", &stage.url("/whip"), TOKEN)));
    published(&operator, "a").await;
    let (port, died) = (stage.port, Instant::now());
    drop(stage);
    let said = operator.hears("lost", |said| !is(said, "Published", "True")).await;
    println!("noticed after {:?}: {said:?}", died.elapsed());
    assert!(died.elapsed() < NOTICED, "{:?}", died.elapsed());
    let stage = Destination::at(port, &[]).await;
    published(&operator, "a").await;
    reqwest::Client::new().post(stage.url("/evict")).send().await.unwrap();
    let said = operator.hears("removed", left).await;
    assert_eq!(said.outcome, "RemovedByStage", "{said:?}");
    assert_eq!(seen(&stage, "nobody", |told| told.sessions == 0).await.posts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_operator_it_stays_as_long_as_it_is_to_and_what_it_left_meanwhile_is_told_to_the_next() {
    let mut operator = Operator::of(SessionSpec::default()).await;
    let _session = run(&operator);
    let stage = Destination::start(&[]).await;
    let invited = to("a", &stage.url("/whip"), TOKEN);
    operator.invite(Some(Invitation { leave_without_operator_seconds: 3, ..invited }));
    operator.hears("connected", |said| is(said, "Connected", "True")).await;
    operator.goes().await;
    let gone = Instant::now();
    seen(&stage, "left", |told| told.sessions == 0).await;
    assert!(gone.elapsed() > Duration::from_secs(2), "{:?}", gone.elapsed());
    operator.comes().await;
    let said = operator.hears("left", left).await;
    assert_eq!((said.id.as_str(), said.outcome.as_str()), ("a", "ControlLost"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invitation_of_a_document_is_carried_out_and_left_when_the_session_ends() {
    let (stage, folder) = (Destination::start(&[]).await, tempfile::tempdir().unwrap());
    let token = folder.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let spec = format!(
        "inputs: {{video: {{file: {{url: \"understudy:test-picture\"}}}}, audio: {{file: {{url: \"understudy:test-picture\"}}}}}}\n\
         invitation: {{id: show-42, stage: {{whip: {{url: \"{}\", tokenFile: \"{}\"}}}}}}",
        stage.url("/whip"),
        token.display()
    );
    let session = Session::start_with(&spec, &["--allow-private-urls", "*"]);
    seen(&stage, "joined", |told| told.sessions == 1).await;
    session.until_live(SOON).await;
    // Whoever watches sees the same as the stage.
    session.watch(3).run().await.unwrap().is_the_test_picture().unwrap();
    let report = session.report().await.unwrap();
    assert!(!report.to_string().contains(TOKEN));
    assert_eq!(report["invitation"]["id"], "show-42");
    session.terminate().await;
    assert_eq!(seen(&stage, "left", |told| told.sessions == 0).await.deletes, 1);
}
