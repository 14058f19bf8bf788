//! Logging in.

use std::net::Ipv4Addr;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use understudy_proto::v1::AccessTokens;
use understudy_runtime::access::Policy;
use understudy_runtime::api::core::Whep;
use understudy_runtime::config::Login;
use understudy_runtime::egress::whep::{self, IceServers};
use understudy_runtime::program::Registry;
use understudy_runtime::rtc;

use crate::support::processes::{Rig, Settings, picture};
use crate::support::stage::{self, LOOPS};

const PROCESS: &str = "/api/v3/process";

fn login(spares_localhost: bool) -> Settings {
    let login = Login {
        username: "ada".into(),
        password: "lovelace".into(),
        secret: "0123456789abcdef".into(),
        spares_localhost,
    };
    Settings { login: Some(login), ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_may_do_everything_until_the_token_is_old_and_refreshes_it() {
    let rig = Rig::with(login(false)).await;
    let (status, about) = rig.ask(Method::GET, "/api", None).await;
    assert_eq!((status, &about["auths"]), (StatusCode::OK, &json!(["localjwt"])));
    assert_eq!((&about["version"]["number"], &about["id"]), (&json!("16"), &Value::Null));
    let (status, refused) = rig.ask(Method::GET, PROCESS, None).await;
    assert_eq!((status.as_u16(), &refused["message"]), (401, &json!("Missing or invalid JWT token")));

    let wrong = json!({"username": "ada", "password": "byron"});
    assert_eq!(rig.ask(Method::POST, "/api/login", Some(&wrong)).await.0, 401);
    assert_eq!(rig.ask(Method::POST, "/api/login", Some(&json!({}))).await.0, 400);
    let right = json!({"username": "ada", "password": "lovelace"});
    let (status, tokens) = rig.ask(Method::POST, "/api/login", Some(&right)).await;
    assert_eq!(status, 200);
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| tokens[name].as_str().unwrap());

    let with = |method: Method, path: &str, token: &str| rig.request(method, path).bearer_auth(token);
    let made = with(Method::POST, PROCESS, access).json(&picture("a")).send().await.unwrap();
    assert_eq!(made.status(), 200);
    assert_eq!(with(Method::GET, PROCESS, refresh).send().await.unwrap().status(), 401);
    let refreshed = with(Method::GET, "/api/login/refresh", refresh).send().await.unwrap();
    let refreshed: Value = refreshed.json().await.unwrap();
    let again = refreshed["access_token"].as_str().unwrap();
    assert_eq!(with(Method::GET, "/api/v3/process/a/config", again).send().await.unwrap().status(), 200);
    assert_eq!(with(Method::GET, "/api/login/refresh", access).send().await.unwrap().status(), 403);
    assert_eq!(rig.ask(Method::GET, "/api/login/refresh", None).await.0, 401);
    let known: Value = with(Method::GET, "/api", access).send().await.unwrap().json().await.unwrap();
    assert!(known["id"].is_string(), "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_passwords_side_by_side_is_sent_away() {
    let rig = Rig::with(login(false)).await;
    let guess = |number: usize| {
        let body = json!({"username": "ada", "password": format!("byron-{number}")});
        let request = rig.request(Method::POST, "/api/login").json(&body);
        async move { request.send().await.unwrap() }
    };
    let answers = futures::future::join_all((0..20).map(guess)).await;
    let of = |status: u16| answers.iter().filter(|answer| answer.status() == status).count();
    // Four wait for having been wrong.
    assert_eq!((of(401), of(429)), (4, 16));
    let busy = answers.iter().find(|answer| answer.status() == 429).unwrap();
    assert_eq!(busy.headers()["retry-after"], "2");
    let right = json!({"username": "ada", "password": "lovelace"});
    assert_eq!(rig.ask(Method::POST, "/api/login", Some(&right)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_takes_a_seat_for_as_long_as_who_waits() {
    let rig = Rig::with(login(false)).await;
    let wrong = json!({"username": "ada", "password": "byron"});
    // Enough for them to be sent, and seen to be gone.
    let soon = Duration::from_millis(300);
    let guess = || tokio::time::timeout(soon, rig.ask(Method::POST, "/api/login", Some(&wrong)));
    let answers = futures::future::join_all((0..4).map(|_| guess())).await;
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    tokio::time::sleep(soon).await;
    assert_eq!(rig.ask(Method::POST, "/api/login", Some(&wrong)).await.0, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_this_machine_need_no_login_where_that_is_said() {
    let rig = Rig::with(login(true)).await;
    assert_eq!(rig.ask(Method::GET, PROCESS, None).await.0, 200);
    // A proxy on this machine asks for others.
    for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
        let asked = rig.request(Method::GET, PROCESS).header(header, "for=127.0.0.1").send().await.unwrap();
        assert_eq!(asked.status(), 401, "{header}");
    }
}

/// Places to watch processes at, though none sends anything.
fn places(ends: &CancellationToken) -> Whep {
    let driver = stage::transport(Ipv4Addr::LOCALHOST.into(), LOOPS, rtc::Metrics::default(), ends.clone());
    let ice_servers = IceServers::default();
    let router = whep::process_router(driver, Registry::default(), ice_servers.clone());
    Whep { router, ice_servers }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_process_has_a_token_of_ours_or_has_logged_in() {
    let ends = CancellationToken::new();
    let tokens = AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
    let policy = Policy::Tokens(Box::new(tokens));
    let rig = Rig::with(Settings { policy, whep: Some(places(&ends)), ..login(false) }).await;
    let right = json!({"username": "ada", "password": "lovelace"});
    let (_, told) = rig.ask(Method::POST, "/api/login", Some(&right)).await;
    let offer = include_str!("../fixtures/chromium_offer.sdp");
    let ask = |token: Option<&str>| {
        let request =
            rig.request(Method::POST, "/api/v3/process/a/whep").header("content-type", "application/sdp");
        let request = request.body(offer);
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    };
    let [access, refresh] = ["access_token", "refresh_token"].map(|name| told[name].as_str());
    for (token, status, said) in [
        (None, 401, None),
        (Some("wrong"), 401, None),
        (refresh, 401, None),
        (access, 404, Some("stream not found")),
        (Some("v"), 404, Some("stream not found")),
    ] {
        let answer = ask(token).send().await.unwrap();
        assert_eq!(answer.status(), status, "{token:?}");
        let told: Value = answer.json().await.unwrap();
        assert_eq!(told["details"][0].as_str(), said, "{token:?}: {told}");
    }
    ends.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_processes_are_not_watched_there_is_no_such_place() {
    let rig = Rig::start().await;
    let (status, told) = rig.ask(Method::POST, "/api/v3/process/a/whep", None).await;
    assert_eq!((status, &told["details"][0]), (StatusCode::NOT_FOUND, &json!("Not Found")));
}
