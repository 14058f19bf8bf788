//! What the endpoint answers to each request, beside those of players that play.

use reqwest::header::{ALLOW, CONTENT_TYPE, ETAG, IF_MATCH, LINK, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode};
use tokio::sync::watch as values;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::probe::Watch;
use understudy_runtime::egress::whep;
use understudy_runtime::program::{Program, Registry};

use super::{OFFER, SDP, post};
use crate::support::stage::{Stage, listen};

const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// Watches, and once it does so has the way found anew. `window.restarted` is what came of that: the status, whether our credentials are
/// others, and how many pictures had been shown.
const RESTART: &str = "window.pictures = 0; (async () => {
    const peer = new RTCPeerConnection();
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription();
    const post = { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: peer.localDescription.sdp };
    const created = await fetch('/whep/program', post);
    const answer = await created.text();
    await peer.setRemoteDescription({ type: 'answer', sdp: answer });
    const line = (text, name) => text.match(new RegExp(`^a=${name}:.*$`, 'm'))[0].trim();
    window.restart = async () => {
        await peer.setLocalDescription(await peer.createOffer({ iceRestart: true }));
        const names = ['ice-ufrag', 'ice-pwd'];
        const body = names.map((name) => line(peer.localDescription.sdp, name) + '\\r\\n').join('');
        const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*' };
        const patched = await fetch(created.headers.get('Location'), { method: 'PATCH', headers, body });
        const fragment = await patched.text();
        let sdp = answer;
        for (const name of names) sdp = sdp.replaceAll(line(answer, name), line(fragment, name));
        await peer.setRemoteDescription({ type: 'answer', sdp });
        window.restarted = { status: patched.status, other: sdp !== answer, pictures };
    };
    setInterval(async () => {
        for (const entry of (await peer.getStats()).values())
            if (entry.type === 'inbound-rtp' && entry.kind === 'video') window.pictures = entry.framesDecoded;
            else if (entry.type === 'transport') window.way = entry.iceLocalUsernameFragment + entry.iceState;
    }, 200);
})(); true";

#[tokio::test(flavor = "multi_thread")]
async fn each_misuse_of_the_endpoint_has_its_status() {
    let stage = Stage::open().await;
    let http = Client::new();
    let elsewhere = |name: &str| format!("http://{}/whep/{name}", stage.http);
    assert_eq!(post(&http, &elsewhere("nobody"), OFFER.into()).await.status(), StatusCode::NOT_FOUND);
    let silent = post(&http, &elsewhere("silent"), OFFER.into()).await;
    assert_eq!(silent.status(), StatusCode::CONFLICT);
    assert!(silent.headers().contains_key(RETRY_AFTER));
    let wrong = http.post(stage.whep()).json(&serde_json::json!({})).send().await.expect("HTTP must work");
    assert_eq!(wrong.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let put = http.put(stage.whep()).send().await.expect("HTTP must work");
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    let allowed = put.headers()[ALLOW].to_str().expect("methods must be text").to_owned();
    for method in ["POST", "GET", "HEAD", "OPTIONS"] {
        assert!(allowed.contains(method), "{allowed}");
    }
    let refusal: serde_json::Value = put.json().await.expect("a refusal must be JSON");
    assert!(refusal["error"].is_string() && refusal["message"].is_string(), "{refusal}");
    for (method, place, status) in [
        (Method::GET, "program", StatusCode::OK),
        (Method::HEAD, "program", StatusCode::OK),
        (Method::GET, "silent", StatusCode::OK),
        (Method::GET, "nobody", StatusCode::NOT_FOUND),
        (Method::GET, "program/0123", StatusCode::NOT_FOUND),
    ] {
        let got = http.request(method, elsewhere(place)).send().await.expect("HTTP must work");
        assert_eq!(got.status(), status, "{place}");
        let text = (got.status() == StatusCode::OK).then_some(SDP);
        assert!(text.is_none_or(|kind| got.headers()[CONTENT_TYPE] == kind), "{got:?}");
    }
    let slash = post(&http, &format!("{}/", stage.whep()), OFFER.into()).await;
    assert_eq!(slash.status(), StatusCode::CREATED);
    let place = slash.headers()[LOCATION].to_str().expect("a path must be text");
    assert!(place.starts_with("/whep/program/") && !place.contains("//"), "{place}");

    let unknown = elsewhere("program/0123456789abcdef0123456789abcdef");
    let deleted = http.delete(&unknown).send().await.expect("HTTP must work");
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(trickle(&http, &unknown, "*", "").await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_takes_candidates_and_new_credentials_and_ends_once() {
    let stage = Stage::open().await;
    let http = Client::new();
    let created = post(&http, &stage.whep(), OFFER.into()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()[CONTENT_TYPE], SDP);
    let path = created.headers()[LOCATION].to_str().expect("a path must be text").to_owned();
    assert!(path.starts_with("/whep/program/"), "{path}");
    let session = format!("http://{}{path}", stage.http);
    let tag = created.headers()[ETAG].to_str().expect("a tag must be text").to_owned();
    let answer = created.text().await.expect("the answer must be text");
    for line in
        ["nack pli", "a=ice-lite", "a=setup:passive", "a=sendonly", "127.0.0.1", "a=end-of-candidates"]
    {
        assert!(answer.contains(line), "no {line} in {answer}");
    }
    assert!(!answer.contains("a=recvonly") && !answer.contains("a=sendrecv"), "{answer}");

    let own = OFFER.lines().find(|line| line.starts_with("a=ice-ufrag")).expect("the offer must have one");
    let other = post(&http, &stage.whep(), OFFER.into()).await.headers()[ETAG].to_str().map(str::to_owned);
    let other = other.expect("a tag must be text");
    assert_ne!(tag, other);
    for named in ["*", tag.as_str(), &format!("{other}, {tag}")] {
        assert_eq!(trickle(&http, &session, named, own).await, StatusCode::NO_CONTENT, "{named}");
    }
    for named in [other.as_str(), "\"1\"", &format!("W/{tag}"), ""] {
        assert_eq!(trickle(&http, &session, named, own).await, StatusCode::PRECONDITION_FAILED, "{named}");
    }
    let half = trickle(&http, &session, "*", "a=ice-ufrag:another").await;
    assert_eq!(half, StatusCode::BAD_REQUEST);
    let new = "a=ice-ufrag:another\r\na=ice-pwd:0123456789012345678901\r\n";
    let fragment = || http.patch(&session).header(CONTENT_TYPE, FRAGMENT).body(new);
    let unconditional = fragment().send().await.expect("HTTP must work").status();
    assert_eq!(unconditional, StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(trickle(&http, &session, &other, new).await, StatusCode::PRECONDITION_FAILED);
    let restarted = fragment().header(IF_MATCH, "*").send().await.expect("HTTP must work");
    assert_eq!(
        (restarted.status(), &restarted.headers()[CONTENT_TYPE]),
        (StatusCode::OK, &FRAGMENT.parse().unwrap())
    );
    let newer = restarted.headers()[ETAG].to_str().expect("a tag must be text").to_owned();
    let told = restarted.text().await.expect("a fragment must be text");
    let ours =
        |text: &str| text.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:").map(str::to_owned));
    assert!(ours(&told).is_some() && ours(&told) != ours(&answer), "{told}");
    assert!(newer != tag && told.contains("a=candidate:") && told.contains("a=ice-pwd:"), "{told}");
    assert_eq!(trickle(&http, &session, &tag, new).await, StatusCode::PRECONDITION_FAILED);
    assert_eq!(trickle(&http, &session, &newer, new).await, StatusCode::NO_CONTENT);
    for status in [StatusCode::OK, StatusCode::NO_CONTENT] {
        assert_eq!(http.delete(&session).send().await.expect("HTTP must work").status(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_any_origin_may_use_it_with_a_token() {
    let stage = Stage::open().await;
    let response = Client::new()
        .request(Method::OPTIONS, stage.whep())
        .header("Origin", "https://elsewhere.example")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await
        .expect("HTTP must work");
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let header = |name: &str| response.headers()[name].to_str().unwrap_or_default().to_owned();
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(header("access-control-allow-headers").contains("Authorization"));
    assert!(header("access-control-allow-methods").contains("DELETE"));
    assert!(header("access-control-expose-headers").contains("Location"));
    assert!(header("accept-post").contains(SDP));
}

#[tokio::test(flavor = "multi_thread")]
async fn players_are_told_of_ice_servers_and_browsers_that_ask_ahead_are_not() {
    let (stage, programs) = (Stage::open().await, Registry::default());
    let program = Program::of(&stage.media, values::channel(true).1);
    programs.name(&program, ["program".to_owned()]);
    let servers: whep::IceServers = r#"[{"urls": "stun:192.0.2.1"}]"#.parse().expect("a list");
    let router = whep::router(stage.driver.clone(), programs, servers.clone());
    let place = format!("http://{}/whep/program", listen(whep::with_cors(router, servers)).await);
    let http = Client::new();
    let options = || http.request(Method::OPTIONS, &place);
    let preflight = options().header("Access-Control-Request-Method", "POST");
    let posted = http.post(&place).header(CONTENT_TYPE, SDP).body(OFFER);
    for (request, told) in [(posted, true), (options(), true), (preflight, false), (http.post(&place), true)]
    {
        let response = request.send().await.expect("HTTP must work");
        let link = response.headers().get(LINK).and_then(|link| link.to_str().ok());
        assert_eq!(link, told.then_some("<stun:192.0.2.1>; rel=\"ice-server\""), "{response:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_has_the_way_found_anew_goes_on_watching() {
    let stage = Stage::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&format!("http://{}/view/nobody", stage.http)).await;
    page.evaluate(RESTART).await.expect("the script must run");
    browser::becomes_true(&page, "pictures > 30").await;
    page.evaluate("restart(); true").await.expect("the script must run");
    browser::becomes_true(&page, "window.restarted?.status === 200 && restarted.other").await;
    // Longer than a browser and the server wait for a way that there is none: it was found.
    browser::becomes_true(&page, "pictures > restarted.pictures + 600 && way.endsWith('connected')").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_that_asks_with_nothing_is_offered_something_and_answers() {
    let stage = Stage::open().await;
    let seen =
        Watch { answers: true, ..Watch::new(stage.whep(), 5) }.run().await.expect("the probe must watch");
    seen.is_the_test_picture().expect("the picture must be whole");
    assert_eq!(seen.delete_status, 200, "{seen:?}");

    let http = Client::new();
    let offered = http.post(stage.whep()).send().await.expect("HTTP must work");
    assert_eq!(
        (offered.status(), &offered.headers()[CONTENT_TYPE]),
        (StatusCode::NOT_ACCEPTABLE, &SDP.parse().unwrap())
    );
    let place = format!("http://{}{}", stage.http, offered.headers()[LOCATION].to_str().expect("a path"));
    let answer = |body: &'static str| http.patch(&place).header(CONTENT_TYPE, SDP).body(body).send();
    assert_eq!(answer("nonsense").await.expect("HTTP must work").status(), StatusCode::UNPROCESSABLE_ENTITY);
    // Who answers wrongly has to ask again.
    assert_eq!(answer("nonsense").await.expect("HTTP must work").status(), StatusCode::NOT_FOUND);
}

async fn trickle(http: &Client, session: &str, named: &str, fragment: &str) -> StatusCode {
    let request = http.patch(session).header(CONTENT_TYPE, "application/trickle-ice-sdpfrag");
    request.header("If-Match", named).body(fragment.to_owned()).send().await.expect("HTTP must work").status()
}
