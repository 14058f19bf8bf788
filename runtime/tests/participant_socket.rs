//! The participant socket, as pages and programs speak to it: with a stage on another WebRTC stack (aiortc), and in the session's
//! own browser.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use understudy_devtools::{Devtools, Page};
use understudy_e2e::destination::{Destination, TOKEN};
use understudy_e2e::{browser, ports, wait};
use understudy_proto::v1::{AccessTokens, Invitation, SessionSpec, Stage, WhipOutput};

use crate::support::operator::Operator;
use crate::support::session::{self, Session};

/// Python decodes all of it, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);
/// What would be told is told within this.
const QUIET: Duration = Duration::from_millis(300);

const INPUTS: &str = "inputs: {video: {file: {url: \"understudy:test-picture\"}}, audio: {file: {url: \"understudy:test-picture\"}}}";
/// The page reads where a participant token leads, and takes no other address than one of HTTP.
const IVS: &str = r#"import('/stage/assets/address.js').then(({ stageOf }) => {
    const token = `e30.${btoa(JSON.stringify({ whip_url: 'https://stage.example/' }))}.c2ln`;
    const fails = (...given) => { try { stageOf(...given); return false; } catch { return true; } };
    return stageOf(null, token) === 'https://stage.example/' && stageOf('https://a.example/w', token) === 'https://a.example/w'
        && fails(null, 'word') && fails('javascript:alert(1)', token); })"#;
const PRIVATE: [&str; 2] = ["--allow-private-urls", "*"];

/// A page, or a program without an origin.
struct Talker {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// All that it was told.
    told: String,
}

async fn knock(at: &str, origin: Option<&str>) -> Result<Talker, Error> {
    let mut request = at.into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("Origin", origin.parse().unwrap());
    }
    let (socket, answer) = connect_async(request).await?;
    assert!(answer.headers().get("sec-websocket-extensions").is_none(), "nothing is compressed");
    Ok(Talker { socket, told: String::new() })
}

impl Talker {
    /// Once the session is there, and has said its first word.
    async fn of(session: &Session, origin: Option<&str>) -> Self {
        let at = session.participant_socket();
        let door = || async { knock(&at, origin).await.map_err(|error| error.to_string()) };
        let (mut client, _) = wait::until(SOON, door).await;
        let first = client.hears().await;
        assert_eq!(
            (&first["type"], &first["status"]),
            (&json!("connection"), &json!("connected")),
            "{first}"
        );
        assert_eq!(first["capabilities"], json!({"appsync": true}));
        assert!(first["clientId"].as_str().is_some_and(|id| !id.is_empty()));
        client
    }

    async fn says(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hears(&mut self) -> Value {
        let said = tokio::time::timeout(SOON, self.socket.next()).await.expect("it must be told something");
        let text = said.unwrap().unwrap().into_text().unwrap();
        self.told.push_str(&text);
        serde_json::from_str(&text).unwrap()
    }

    /// The state in the next message, which says it in both shapes.
    async fn is_told(&mut self, status: &str) -> Value {
        let message = self.hears().await;
        let state = &message["data"]["onVirtualParticipantStateChanged"];
        assert_eq!(
            (&message["type"], &message["status"]),
            (&json!("vp.update"), &json!(status)),
            "{message}"
        );
        assert_eq!(state["status"], status);
        assert_eq!(
            (&state["updatedAt"], &state["running"]),
            (&message["metadata"]["timestamp"], &json!("yes"))
        );
        state.clone()
    }

    async fn follows(&mut self) {
        self.says(json!({"type": "vp.ready"})).await;
        self.says(json!({"type": "vp.subscribe_vp"})).await;
        let created = self.hears().await;
        assert_eq!((&created["type"], &created["target"]), (&json!("subscription.created"), &json!("vp")));
    }

    async fn is_told_nothing(&mut self) {
        let said = tokio::time::timeout(QUIET, self.socket.next()).await;
        assert!(said.is_err(), "{said:?}");
    }
}

async fn post(session: &Session, path: &str, body: Value) -> Response {
    Client::new().post(session.url(path)).body(body.to_string()).send().await.unwrap()
}

async fn refused(answer: Response, status: u16, words: &str) {
    assert_eq!(answer.status(), status);
    let body: Value = answer.json().await.unwrap();
    let message = body["message"].as_str().unwrap();
    assert!(message.contains(words) && !message.contains(TOKEN), "{message}");
}

fn to(id: &str, stage: &str) -> Value {
    json!({"id": id, "stage": {"whip": {"url": stage, "token": TOKEN}}})
}

/// Nobody is there, after so many have left.
async fn left(stage: &Destination, times: u32) {
    let is_left = || async {
        let told = stage.told().await.map_err(|error| error.to_string())?;
        (told.sessions == 0 && told.deletes == times).then_some(()).ok_or(format!("{told:?}"))
    };
    wait::until(SOON, is_left).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_over_http_is_told_each_step_and_kicked_before_available() {
    let session = Session::start_heard(INPUTS, &PRIVATE);
    let stage = Destination::start(&[]).await;
    let mut page = Talker::of(&session, Some(&session.url(""))).await;
    page.follows().await;
    let state = page.is_told("AVAILABLE").await;
    assert_eq!((&state["stageArn"], &state["stageEndpoints"]), (&json!("unassigned"), &json!({})));

    let answer = post(&session, "/stage/invite", to("show-42", &stage.url("/whip"))).await;
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "{}"));
    let state = page.is_told("INVITED").await;
    assert_eq!((&state["stageArn"], &state["lastUpdateSource"]), (&json!("show-42"), &json!("invite-api")));
    assert_eq!(state.get("participantToken"), None, "the page does not join it");
    page.is_told("JOINED").await;
    assert_eq!(post(&session, "/stage/invite", to("show-42", &stage.url("/whip"))).await.status(), 200);
    refused(post(&session, "/stage/invite", to("b", &stage.url("/whip"))).await, 409, "show-42").await;
    refused(post(&session, "/stage/kick", json!({"id": "b"})).await, 404, "no such invitation").await;

    let mut again = Talker::of(&session, None).await;
    comes_back(&session, &mut again, &mut page).await;

    assert_eq!(post(&session, "/stage/kick", json!({"id": "show-42"})).await.status(), 200);
    for client in [&mut page, &mut again] {
        assert_eq!(client.is_told("KICKED").await["lastUpdateSource"], "kick-api");
        client.is_told("AVAILABLE").await;
    }
    left(&stage, 1).await;
    refused(post(&session, "/stage/kick", json!({})).await, 404, "no such invitation").await;
    refused(
        post(&session, "/stage/invite", to("show-42", &stage.url("/whip"))).await,
        409,
        "come to its end",
    )
    .await;
    let report = session.report().await.unwrap().to_string();
    for told in [session.log(), report, page.told, again.told] {
        assert!(!told.contains(TOKEN) && told.len() > 100, "{told}");
    }
}

/// It is ready, as it is: that frees nobody. `page`: another one, that is told of nothing.
async fn comes_back(session: &Session, again: &mut Talker, page: &mut Talker) {
    again.follows().await;
    again.is_told("JOINED").await;
    for message in [
        json!({"type": "vp.ready", "vpId": "participant"}),
        json!({"type": "vp.left_stage"}),
        json!({"type": "vp.error", "error": format!("no picture at wss://a/?token={TOKEN}")}),
    ] {
        again.says(message).await;
    }
    again.is_told_nothing().await;
    page.is_told_nothing().await;
    session.until_happened("PageError", 1).await;
    session.until_happened("PageLeftStage", 1).await;
    again.says(json!({"type": "vp.subscribe_stage", "stageId": "show-42"})).await;
    assert_eq!(again.hears().await["subscriptionId"], "stage-show-42");
    assert_eq!(again.hears().await["data"]["virtualParticipant"]["published"], true);
    again.says(json!({"type": "vp.unsubscribe", "subscriptionId": "stage-show-42"})).await;
    assert_eq!(again.hears().await["type"], "subscription.removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_in_words_and_ends_nothing_and_strangers_are_kept_out() {
    let session = Session::start("displayName: Ada");
    let mut page = Talker::of(&session, None).await;
    for (message, text) in [
        ("{", "Invalid message format"),
        (r#"{"type":"vp.dance"}"#, "Unknown message type: vp.dance"),
        (r#"{"type":"vp.subscribe_vp","vpId":7}"#, "VP ID is required for subscription"),
        (r#"{"type":"vp.subscribe_vp","vpId":"eve"}"#, "AppSync not available"),
        (r#"{"type":"vp.subscribe_stage"}"#, "AppSync not available or missing stageId"),
        (r#"{"type":"vp.status_update"}"#, "VP ID and status are required for status updates"),
        (r#"{"type":"vp.joined_stage","vpId":7}"#, "VP ID is required for status updates"),
        (r#"{"type":"vp.error","vpId":7}"#, "VP ID is required for error reporting"),
        (r#"{"type":"vp.status_update","status":"ASLEEP"}"#, "Invalid status: ASLEEP"),
        (r#"{"type":"vp.status_update","status":"JOINED"}"#, "Failed to update VP status"),
    ] {
        page.socket.send(Message::text(message)).await.unwrap();
        assert_eq!(page.hears().await, json!({"type": "error", "error": text}), "{message}");
    }
    page.socket.send(Message::binary("{}")).await.unwrap();
    assert_eq!(page.hears().await["error"], "Invalid message format");

    let at = session.participant_socket();
    for origin in ["https://elsewhere.example", "null", "http://127.0.0.1:1"] {
        let Err(Error::Http(answer)) = knock(&at, Some(origin)).await else { panic!("{origin} is let in") };
        let words = String::from_utf8(answer.body().clone().unwrap_or_default()).unwrap();
        assert!(answer.status() == 403 && words.contains("only the session's page"), "{words}");
    }
    // Each has its place, until there is none.
    let mut others = Vec::new();
    let full = loop {
        match knock(&at, None).await {
            Ok(other) => others.push(other),
            Err(Error::Http(answer)) => break answer.status().as_u16(),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!((others.len(), full), (15, 503));
    // What is too long ends its own connection, and no other.
    let mut long = others.pop().unwrap();
    drop(long.socket.send(Message::text("x".repeat(1 << 20))).await);
    while let Some(Ok(_)) = long.socket.next().await {}
    page.follows().await;
    page.is_told("AVAILABLE").await;

    what_is_asked_over_http(&session).await;
    port_is_taken(at.rsplit(':').next().unwrap()).await;
}

async fn what_is_asked_over_http(session: &Session) {
    for (path, body, field) in [
        ("/stage/invite", json!({"id": "a"}), "stage: must be"),
        (
            "/stage/invite",
            json!({"id": "a", "stage": {"whip": {"url": "rtmp://a", "token": TOKEN}}}),
            "stage.whip.url",
        ),
        ("/stage/invite", json!({"stage": {"ivs": {"token": TOKEN}}}), "id:"),
        ("/stage/invite", json!({"id": "a", "stage": {"ivs": {"token": TOKEN}}}), "stage.ivs.token"),
    ] {
        refused(post(session, path, body).await, 400, field).await;
    }
    for (site, joins) in
        [("none", "at-once"), ("same-origin", "at-once"), ("cross-site", "asked"), ("same-site", "asked")]
    {
        let page = Client::new()
            .get(session.url("/stage?token=word"))
            .header("sec-fetch-site", site)
            .send()
            .await
            .unwrap();
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        assert!(page.text().await.unwrap().contains(&format!("data-joins=\"{joins}\"")), "{site}");
    }
}

/// Another session says whose port it is that it has not.
async fn port_is_taken(port: &str) {
    let free = [(); 3].map(|()| ports::free_tcp().to_string());
    let [http, admin, devtools] = &free;
    let told = session::displaced(&[
        "--port",
        http,
        "--admin-port",
        admin,
        "--devtools-port",
        devtools,
        "--participant-socket-port",
        port,
    ])
    .await;
    assert!(told.contains("UNDERSTUDY_PARTICIPANT_SOCKET_PORT") && told.contains(port), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_s_invitation_goes_first_and_hears_nothing_of_what_was_asked_for_here() {
    let operator = Operator::of(SessionSpec::default()).await;
    operator.admits(AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() });
    let session = Session::idle(&operator.arguments().iter().map(String::as_str).collect::<Vec<_>>());
    operator.is_linked().await;
    let nobody = format!("http://127.0.0.1:{}/whip", ports::free_tcp());
    let ask = |path: &'static str, body: Value, token: &'static str| {
        let asked = Client::new().post(session.url(path)).bearer_auth(token).body(body.to_string());
        async { asked.send().await.unwrap() }
    };
    assert_eq!(ask("/stage/invite", to("here", &nobody), "v").await.status(), 403);
    assert_eq!(ask("/stage/invite", to("here", &nobody), "c").await.status(), 200);
    let mut page = Talker::of(&session, None).await;
    page.follows().await;
    page.is_told("INVITED").await;
    // An answer that is newer than that.
    operator.invite(None);
    operator.is_linked().await;
    assert_eq!(operator.reports().borrow().invitation, None);

    let whip = Some(WhipOutput { url: nobody.clone(), token: TOKEN.to_owned() });
    let stage = Some(Stage { whip, ..Stage::default() });
    operator.invite(Some(Invitation { id: "there".to_owned(), stage, ..Invitation::default() }));
    operator.hears("there", |said| said.id == "there").await;
    page.is_told("KICKED").await;
    assert_eq!(page.is_told("INVITED").await["stageArn"], "there");
    refused(ask("/stage/invite", to("more", &nobody), "c").await, 409, "operator").await;
    refused(ask("/stage/kick", json!({}), "c").await, 409, "operator").await;
    operator.invite(None);
    page.is_told("KICKED").await;
    page.is_told("AVAILABLE").await;
    assert_eq!(ask("/stage/invite", to("more", &nobody), "c").await.status(), 200);
    assert_eq!(page.is_told("INVITED").await["stageArn"], "more");
}

/// Once the browser is there.
async fn page_of(session: &Session) -> (Devtools, Page) {
    let (devtools, _reader) = Devtools::connect(&format!("ws://{}/", session.devtools())).await.unwrap();
    let page = Page::first(&devtools).await.unwrap();
    (devtools, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stage_page_goes_on_a_stage_with_the_participant_s_camera_and_leaves_it() {
    let spec = format!("page: {{url: \"understudy:stage\"}}\n{INPUTS}");
    let session = Session::start_heard(&spec, &PRIVATE);
    let stage = Destination::start(&[]).await;
    session.until_reason("PageReady", "Loaded").await;
    let (_devtools, page) = page_of(&session).await;
    browser::becomes_true(
        &page,
        "document.body.dataset.state === 'waiting' && /^connected/.test(socket.textContent)",
    )
    .await;
    let address = format!("/stage?whip={}&whep=/whep/program&token={TOKEN}", stage.url("/whip"));
    page.evaluate(&format!("location.href = '{address}'; true")).await.unwrap();
    browser::becomes_true(&page, "document.body.dataset.state === 'on-stage'").await;
    let seen = || async {
        let told = stage.told().await.map_err(|error| error.to_string())?;
        told.seen.filter(|seen| seen.frames > 10).ok_or("no picture came".to_owned())
    };
    let (seen, _) = wait::until(SOON, seen).await;
    browser::photograph(&page, "stage.png").await;
    println!("{seen:?}");
    assert!(seen.width >= 320, "{seen:?}");
    let clean = "!location.href.includes('token') && document.referrer === '' && history.length < 5";
    assert_eq!(page.evaluate(clean).await.unwrap(), true);
    session.until_happened("PageJoinedStage", 1).await;
    page.evaluate("leave.click(); true").await.unwrap();
    left(&stage, 1).await;
    browser::becomes_true(&page, "document.body.dataset.state === 'waiting' && !join.hidden").await;

    // What lets others in is nothing to a page that was sent here by its address.
    let state = json!({"status": "INVITED", "stageArn": "show-42", "participantToken": TOKEN});
    let message = json!({"type": "vp.update", "data": {"onVirtualParticipantStateChanged": state}});
    let told =
        format!("stagePage.connection.onmessage({{ data: JSON.stringify({message}) }}); stagePage.attempts");
    let before = page.evaluate(&told).await.unwrap();
    assert_eq!(page.evaluate("stagePage.attempts").await.unwrap(), before);

    // What is wrong is told in words.
    let address = format!("/stage?whip={}&token=another", stage.url("/whip"));
    page.evaluate(&format!("location.href = '{address}'; true")).await.unwrap();
    let words = "advice.textContent.startsWith('The token is missing, wrong or no longer valid')";
    browser::becomes_true(&page, &format!("{words} && /^connected/.test(socket.textContent)")).await;
    page.evaluate("join.click(); true").await.unwrap();
    let again = "stagePage.attempts === 2 && document.body.dataset.state === 'trouble'";
    browser::becomes_true(&page, again).await;
    session.until_happened("PageError", 1).await;
    assert_eq!(page.evaluate(IVS).await.unwrap(), true);
    by_invitation(&session, &stage).await;
    let log = session.log();
    assert!(!log.contains(TOKEN), "{log}");
}

/// The stage page as the page of a stage: what lets it in comes from the session, and nowhere else.
async fn by_invitation(session: &Session, stage: &Destination) {
    let mut program = Talker::of(session, None).await;
    program.follows().await;
    program.is_told("AVAILABLE").await;
    let here = session.url("");
    let mut pages = Vec::new();
    for origin in [here.clone(), here.replace("127.0.0.1", "localhost")] {
        let mut page = Talker::of(session, Some(&origin)).await;
        page.follows().await;
        page.is_told("AVAILABLE").await;
        pages.push(page);
    }
    let url = format!("{}?whip={}", session.url("/stage"), stage.url("/whip"));
    let page = json!({"page": {"url": url, "token": TOKEN}});
    assert_eq!(post(session, "/stage/invite", json!({"id": "show-43", "stage": page})).await.status(), 200);
    let state = program.is_told("INVITED").await;
    assert_eq!(state["participantToken"], TOKEN, "who joins by itself is told what lets it in");
    for (page, token) in pages.iter_mut().zip([Some(&json!(TOKEN)), None]) {
        let state = page.is_told("INVITED").await;
        assert_eq!(state.get("participantToken"), token, "it is for pages of the stage's origin");
    }
    program.is_told("JOINED").await;
    assert_eq!(post(session, "/stage/kick", json!({"id": "show-43"})).await.status(), 200);
    let state = program.is_told("KICKED").await;
    assert_eq!(state.get("participantToken"), None);
    program.is_told("AVAILABLE").await;
    left(stage, 2).await;
}
