//! What may be wrong with an invitation: each has a condition that names its cause, and what is corrected works in the same
//! session.
//!
//! Of Secrets that are missing, of another type or for other hosts the operator tells (its `invitations`).

use std::net::Ipv4Addr;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use understudy_e2e::pion;
use understudy_proto::v1::IvsStage;

use super::*;
use crate::whip_out::{secured, untrusted};

/// A server that answers an offer with the status of its path, or with what is no answer.
async fn answering() -> String {
    async fn answer(Path(how): Path<String>, _offer: String) -> Response {
        let created = |kind, text| {
            (StatusCode::CREATED, [(header::CONTENT_TYPE, kind), (header::LOCATION, "/1")], text)
                .into_response()
        };
        match how.as_str() {
            "page" => created("text/html", "<!doctype html>"),
            "words" => created("application/sdp", "come in"),
            "301" => (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "/whip")]).into_response(),
            status => {
                status.parse().map_or(StatusCode::NOT_FOUND, |status: StatusCode| status).into_response()
            }
        }
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().route("/{how}", post(answer));
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    url
}

/// Waits for the condition; its message.
async fn told(operator: &Operator, id: &str, reason: &str) -> String {
    let said = operator.hears(reason, |said| said.id == id && because(said, "Connected", reason)).await;
    assert!(is(&said, "Connected", "False") && because(&said, "Published", "NotConnected"), "{said:?}");
    assert!(!format!("{said:?}").contains(TOKEN), "{said:?}");
    of(&said, "Connected").unwrap().message.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_that_lets_nobody_in_is_named_and_the_next_stage_is_joined_by_the_same_session() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let (server, nobody) = (answering().await, understudy_e2e::ports::free_tcp());
    let nobody = format!("http://127.0.0.1:{nobody}/whip");
    let rows = [
        (nobody.as_str(), "StageUnreachable", "refused"),
        ("http://does-not-exist.invalid/whip", "StageUnreachable", "does-not-exist.invalid"),
        ("401", "StageUnauthorized", "(401): the token"),
        ("403", "StageForbidden", "(403)"),
        ("404", "StageNotFound", "(404)"),
        ("410", "StageGone", "(410)"),
        ("415", "StageRefused", "(415)"),
        ("422", "StageRefused", "(422)"),
        ("429", "StageBusy", "(429)"),
        ("503", "StageBusy", "(503)"),
        ("500", "StageFailed", "(500)"),
        ("502", "StageFailed", "(502)"),
        ("301", "StageRedirects", "301"),
        ("page", "StageAnswerUnusable", "is not SDP"),
        ("words", "StageAnswerUnusable", "is not SDP"),
    ];
    for (number, (how, reason, words)) in rows.into_iter().enumerate() {
        let url = if how.contains(':') { how.to_owned() } else { format!("{server}/{how}") };
        let id = format!("wrong-{number}");
        operator.invite(Some(to(&id, &url, TOKEN)));
        let message = told(&operator, &id, reason).await;
        println!("{how}: {reason}: {message}");
        assert!(message.contains(words), "{how}: {message}");
    }
    let secured = format!("https://localhost:{}/whip", untrusted().await);
    operator.invite(Some(to("untrusted", &secured, TOKEN)));
    let message = told(&operator, "untrusted", "StageUntrusted").await;
    assert!(message.contains("certificate"), "{message}");
    let stage = pion::Stage::start(&[]).await;
    operator.invite(Some(to("right", &stage.url("/whip"), TOKEN)));
    published(&operator, "right").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_comes_to_be_there_is_joined_under_the_same_id() {
    let operator = Operator::of(inputs()).await;
    let _session = run(&operator);
    let port = understudy_e2e::ports::free_tcp();
    operator.invite(Some(to("a", &format!("http://127.0.0.1:{port}/whip"), TOKEN)));
    told(&operator, "a", "StageUnreachable").await;
    let stage = pion::Stage::at(port, &[]).await;
    published(&operator, "a").await;
    assert_eq!(stage.told().await.unwrap().posts, 1);
}

/// Whom a session believes, and its certificate in a file.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: NamedTempFile,
}

impl Authority {
    fn new() -> Self {
        let (mut parameters, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = NamedTempFile::new().unwrap();
        std::fs::write(&certificate, parameters.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(parameters, key), certificate }
    }

    /// Where a server is that it has certified for that name, until the beginning of that year. It serves nothing.
    async fn certifies(&self, name: &str, until: i32) -> String {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        format!("https://localhost:{}/whip", secured(certificate.der().clone(), &key).await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_another_name_or_has_ended_is_named_as_the_cause() {
    let (operator, authority) = (Operator::of(SessionSpec::default()).await, Authority::new());
    let mut arguments = operator.arguments();
    arguments.extend(["--allow-private-urls", "*"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _session = Session::idle_believing(authority.certificate.path(), &arguments);
    for (name, until, reason, words) in [
        ("other.example", 2100, "StageUntrusted", "not valid for name"),
        ("localhost", 2021, "StageUntrusted", "expired"),
        // It is believed, and says no more.
        ("localhost", 2100, "StageUnreachable", "broke off"),
    ] {
        let (id, url) = (format!("{name}-{until}"), authority.certifies(name, until).await);
        operator.invite(Some(to(&id, &url, TOKEN)));
        let message = told(&operator, &id, reason).await;
        println!("{id}: {message}");
        assert!(message.contains(words), "{id}: {message}");
    }
}

/// Of Amazon IVS, good until then.
fn participant_token(url: &str, expires: i64) -> String {
    let claims = format!(
        r#"{{"exp":{expires},"jti":"p-1","whip_url":"{url}","capabilities":{{"allow_publish":true}}}}"#
    );
    format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_is_told_from_one_that_is_wrong_and_a_new_one_is_tried_at_once() {
    let operator = Operator::of(SessionSpec::default()).await;
    let _session = run(&operator);
    let server = answering().await;
    let with = |status: &str, seconds: i64| {
        let token = participant_token(&format!("{server}/{status}"), operator.time(seconds));
        let stage = Stage { ivs: Some(IvsStage { token }), ..Stage::default() };
        Some(Invitation { id: "a".into(), stage: Some(stage), ..Invitation::default() })
    };
    operator.invite(with("401", -5));
    let message = told(&operator, "a", "StageTokenExpired").await;
    assert!(message.contains("needs a new token"), "{message}");
    let began = Instant::now();
    operator.invite(with("401", 3600));
    told(&operator, "a", "StageUnauthorized").await;
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_the_platform_forbids_is_named_and_nobody_is_asked_there() {
    let operator = Operator::of(SessionSpec::default()).await;
    let arguments = operator.arguments();
    let _session = Session::idle(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let stage = pion::Stage::start(&[]).await;
    operator.invite(Some(to("a", &stage.url("/whip"), TOKEN)));
    let message = told(&operator, "a", "StageUnreachable").await;
    assert!(message.contains("127.0.0.1") && message.contains("loopback"), "{message}");
    assert_eq!(stage.told().await.unwrap().posts, 0);
}
