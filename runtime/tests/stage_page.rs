//! A stage that the browser joins by opening a page: the page publishes, to a WHIP server on another stack (aiortc).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use nix::sys::signal::{Signal, kill};
use parking_lot::Mutex;
use serde_json::json;
use understudy_core::guard::Policy;
use understudy_core::spec::PageTarget;
use understudy_devtools::{Devtools, Page};
use understudy_e2e::browser::Chromium;
use understudy_e2e::destination::{Destination, TOKEN, Told};
use understudy_e2e::wait;
use understudy_proto::v1::{
    self, FileSource, Inputs, Invitation, InvitationReport, InvitationState, PageStage, Report, SessionSpec,
    Stage, VideoInput,
};
use understudy_runtime::browser::Wanted;

use crate::support::operator::{KEY, Operator};
use crate::support::session::Session;
use crate::support::stage::listen;

/// Python decodes what comes, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);
/// A stage that is gone is noticed by then.
const NOTICED: Duration = Duration::from_secs(15);
/// A goodbye of 2 s, and a crash.
const LEFT: Duration = Duration::from_secs(6);
const PAGE: &str = include_str!("fixtures/stage.html");

/// The site of a stage: its page, and its WHIP server under the same origin. What it is asked is kept.
#[derive(Clone)]
struct Site {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    stage: Arc<Mutex<String>>,
}

impl Site {
    async fn of(stage: &Destination) -> Self {
        Self::before(stage.url("")).await
    }

    async fn before(stage: String) -> Self {
        let site = Self { url: String::new(), asked: Arc::default(), stage: Arc::new(Mutex::new(stage)) };
        let address = listen(Router::new().fallback(serve).with_state(site.clone())).await;
        Self { url: format!("http://{address}"), ..site }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().clone()
    }
}

async fn serve(
    State(site): State<Site>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = headers.get("authorization").cloned();
    let mut shown = headers.clone();
    shown.remove("authorization");
    site.asked.lock().push(format!("{method} {uri} {shown:?}"));
    match (method, uri.path()) {
        (Method::GET, "/page") => Html(PAGE).into_response(),
        (Method::GET, "/framing") => Html(r#"<iframe src="/page"></iframe>"#).into_response(),
        (Method::GET, "/elsewhere") => {
            let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
            let other = format!("http://{}/page", host.replace("127.0.0.1", "localhost"));
            Redirect::temporary(&other).into_response()
        }
        (method @ (Method::POST | Method::DELETE), path) => {
            let url = format!("{}{path}", site.stage.lock());
            let mut asked = reqwest::Client::new().request(method, url).body(body);
            for (name, value) in
                [("authorization", bearer), ("content-type", headers.get("content-type").cloned())]
            {
                asked = value.into_iter().fold(asked, |asked, value| asked.header(name, value));
            }
            let Ok(answer) = asked.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
            let (status, headers) = (answer.status(), answer.headers().clone());
            let location = headers.get("location").map(|value| [("location", value.clone())]);
            (status, location, answer.bytes().await.unwrap()).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn session() -> SessionSpec {
    let page = Some(v1::Page { url: "understudy:mirror".into(), ..v1::Page::default() });
    let file = Some(FileSource { url: "understudy:test-picture".into(), ..FileSource::default() });
    let inputs = Inputs { video: Some(VideoInput { file, ..VideoInput::default() }), ..Inputs::default() };
    SessionSpec { page, inputs: Some(inputs), ..SessionSpec::default() }
}

fn to(id: &str, url: &str) -> Option<Invitation> {
    let page = Some(PageStage { url: url.to_owned(), token: TOKEN.to_owned() });
    let stage = Some(Stage { page, ..Stage::default() });
    Some(Invitation { id: id.to_owned(), stage, ..Invitation::default() })
}

fn run(operator: &Operator) -> Session {
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    Session::idle_told(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn is(report: &InvitationReport, type_: &str, status: &str) -> bool {
    report.conditions.iter().any(|condition| condition.r#type == type_ && condition.status == status)
}

fn because(report: &InvitationReport, reason: &str) -> bool {
    report.conditions.iter().any(|condition| condition.reason == reason)
}

fn left(report: &InvitationReport) -> bool {
    report.state() == InvitationState::Left
}

async fn published(operator: &Operator, id: &str) {
    operator.hears("published", |said| said.id == id && is(said, "Published", "True")).await;
}

/// All that the session says of itself, once its page is ready for that reason.
async fn says(operator: &Operator, reason: &str) -> String {
    let mut reports = operator.reports();
    let is_so = |report: &Report| {
        let mut conditions = report.conditions.iter();
        conditions.any(|condition| condition.r#type == "PageReady" && condition.reason == reason)
    };
    let report = tokio::time::timeout(SOON, reports.wait_for(is_so)).await;
    format!("{:?}", *report.unwrap_or_else(|_| panic!("{reason} is not said")).unwrap())
}

/// Kills a part of the session; what stood on the stage by it is there again.
async fn survives(operator: &Operator, session: &Session, part: &str) {
    let begun = Instant::now();
    let pid = *session.children(part).first().expect("the part must run");
    kill(pid, Signal::SIGKILL).unwrap();
    let said = operator.hears("gone", |said| !is(said, "Connected", "True")).await;
    println!("without {part} after {:?}: {said:?}", begun.elapsed());
    published(operator, "a").await;
    println!("with {part} after {:?}", begun.elapsed());
}

/// What a stage has seen, once that is so.
async fn seen(stage: &Destination, is: impl Fn(&Told) -> bool) -> Told {
    let look = || async {
        let told = stage.told().await.map_err(|error| error.to_string())?;
        if is(&told) { Ok(told) } else { Err(format!("{told:?}")) }
    };
    wait::until(SOON, look).await.0
}

/// The tab of the session's browser.
async fn tab(session: &Session) -> Page {
    let (devtools, _) =
        Devtools::connect(&format!("ws://{}/?token={KEY}", session.devtools())).await.unwrap();
    Page::first(&devtools).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_given_its_token_publishes_is_left_with_a_goodbye_and_tells_its_token_to_nobody() {
    let operator = Operator::of(session()).await;
    let session = run(&operator);
    let stage = Destination::start(&[]).await;
    let site = Site::of(&stage).await;
    operator.invite(to("a", &site.url("/page?room=7")));
    operator.hears("invited", |said| said.id == "a" && because(said, "Joining")).await;
    let connected = operator.hears("connected", |said| is(said, "Connected", "True")).await;
    println!("{connected:?}");
    published(&operator, "a").await;
    assert!(seen(&stage, |told| told.seen.as_ref().is_some_and(|seen| seen.width > 0)).await.posts == 1);
    let report = says(&operator, "OnStage").await;
    assert!(!report.contains(TOKEN) && !report.contains("room=7"), "{report}");
    let page = tab(&session).await;
    let looks = "[JSON.stringify(understudy), Object.isFrozen(understudy), typeof __understudy_observer]";
    let given = format!(r#"{{"invitationId":"a","participantToken":"{TOKEN}"}}"#);
    assert_eq!(page.evaluate(looks).await.unwrap(), json!([given, true, "undefined"]));

    // Its document is gone: the stage was told so, and the session's own page is there again and was given nothing.
    let kicked = Instant::now();
    operator.invite(None);
    let said = operator.hears("kicked", left).await;
    assert_eq!((said.outcome.as_str(), kicked.elapsed() < LEFT), ("Kicked", true), "{:?}", kicked.elapsed());
    assert_eq!(seen(&stage, |told| told.sessions == 0).await.deletes, 1);
    says(&operator, "Loaded").await;
    let here = page.evaluate("[location.pathname, typeof understudy]").await.unwrap();
    assert_eq!(here, json!(["/pages/mirror", "undefined"]));

    let asked = site.asked();
    assert!(asked.iter().any(|asked| asked.contains("referer")), "pages tell their own address: {asked:?}");
    assert!(!asked.iter().any(|asked| asked.contains(TOKEN)), "{asked:?}");
    let first = asked.iter().find(|asked| asked.starts_with("GET /page")).unwrap();
    assert!(!first.contains("referer"), "{first}");
    let log = session.log();
    assert!(!log.contains("is killed"), "it left by itself: {log}");
    assert!(log.contains("stage_page") && !log.contains(TOKEN) && !log.contains("room=7"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_given_time_for_its_goodbye_where_the_session_is_drained() {
    let operator = Operator::of(session()).await;
    let session = run(&operator);
    let stage = Destination::start(&[]).await;
    let site = Site::of(&stage).await;
    operator.invite(to("a", &site.url("/page")));
    published(&operator, "a").await;
    operator.drains();
    operator.hears("drained", left).await;
    assert_eq!(seen(&stage, |told| told.sessions == 0).await.deletes, 1);
    let log = session.log();
    assert!(!log.contains("is killed"), "it left by itself: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_in_the_page_s_own_frame_and_in_documents_of_its_origin_alone() {
    let (site, chromium) = (Site::before(String::new()).await, Chromium::launch().await);
    let page = chromium.open("about:blank").await;
    let target = PageTarget::parse("", &site.url("/elsewhere"), TOKEN).unwrap();
    let wanted = Wanted { invitation: "a".into(), target, policy: Policy::default() };
    let observer = page.observe("any", &wanted.script()).await.unwrap();
    let given = async |url: String| {
        page.load(&url).await.unwrap();
        page.evaluate("[typeof window.understudy, typeof frames[0]?.understudy]").await.unwrap()
    };
    assert_eq!(given(site.url("/framing")).await, json!(["object", "undefined"]));
    assert_eq!(given(site.url("/elsewhere")).await, json!(["undefined", "undefined"]), "it redirects");
    observer.end().await.unwrap();
    assert_eq!(given(site.url("/page")).await, json!(["undefined", "undefined"]), "it is no stage any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn why_a_page_is_not_on_its_stage_is_told_and_one_that_hangs_is_left_all_the_same() {
    let operator = Operator::of(session()).await;
    let session = run(&operator);
    let stage = Destination::start(&[]).await;
    let site = Site::of(&stage).await;
    let nobody = format!("http://127.0.0.1:{}/", understudy_e2e::ports::free_tcp());
    for (id, url, reason) in [
        ("nobody", nobody, "StageUnreachable"),
        ("nothing", site.url("/nothing"), "StageNotFound"),
        ("elsewhere", site.url("/elsewhere"), "StagePageElsewhere"),
    ] {
        let invited = Instant::now();
        operator.invite(to(id, &url));
        let said = operator.hears(reason, |said| said.id == id && because(said, reason)).await;
        println!("{reason} after {:?}", invited.elapsed());
        assert!(!format!("{said:?}").contains(TOKEN), "{said:?}");
    }
    assert_eq!(seen(&stage, |_| true).await.posts, 0);

    // Sound alone is no evidence of a picture.
    operator.invite(to("mute", &site.url("/page?mute")));
    let invited = Instant::now();
    operator.hears("connected", |said| said.id == "mute" && because(said, "AwaitingEvidence")).await;
    println!("sound alone after {:?}", invited.elapsed());

    operator.invite(to("hangs", &site.url("/page?hangs")));
    published(&operator, "hangs").await;
    println!("published after {:?}", invited.elapsed());
    let kicked = Instant::now();
    operator.invite(None);
    assert_eq!(operator.hears("kicked", left).await.outcome, "Kicked");
    println!("kicked after {:?}", kicked.elapsed());
    assert!(kicked.elapsed() < LEFT, "{:?}", kicked.elapsed());
    says(&operator, "Loaded").await;
    let log = session.log();
    assert!(!log.contains("is ended"), "the browser goes on: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_dies_is_noticed_and_its_page_opened_again() {
    let operator = Operator::of(session()).await;
    let _session = run(&operator);
    let stage = Destination::start(&[]).await;
    let site = Site::of(&stage).await;
    operator.invite(to("a", &site.url("/page")));
    published(&operator, "a").await;
    let died = Instant::now();
    drop(stage);
    let stage = Destination::start(&[]).await;
    *site.stage.lock() = stage.url("");
    operator.hears("lost", |said| because(said, "StageLost")).await;
    println!("noticed after {:?}", died.elapsed());
    assert!(died.elapsed() < NOTICED, "{:?}", died.elapsed());
    published(&operator, "a").await;
    println!("published again after {:?}", died.elapsed());
    assert_eq!(seen(&stage, |told| told.sessions == 1).await.posts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_dies_under_a_stage_s_page_is_mended_and_the_page_opened_again() {
    let operator = Operator::of(session()).await;
    let session = run(&operator);
    let stage = Destination::start(&[]).await;
    let site = Site::of(&stage).await;
    operator.invite(to("a", &site.url("/page")));
    published(&operator, "a").await;
    survives(&operator, &session, "pulseaudio").await;
    survives(&operator, &session, "chromium").await;
    operator.invite(None);
    operator.hears("kicked", left).await;
    says(&operator, "Loaded").await;
}
