//! Publishing over WHIP: the real ffmpeg, which wants to be the DTLS server, and requests that are none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::{Router, middleware};
use prometheus_client::registry::Registry;
use reqwest::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response};
use tokio::sync::watch;
use understudy_core::input::{Carries, Health};
use understudy_proto::v1::AccessTokens;
use understudy_runtime::access::{self, Guard, Policy, Role};

use super::{OFFER, Set};
use crate::support::counts::value;
use crate::support::publisher::{ffmpeg, film};
use crate::support::studio::{OPEN, fares};

const TOKEN: &str = "control";
/// What was deleted is gone with the request; what is counted follows within a turn of the driver.
const SOON: Duration = Duration::from_secs(1);

/// Behind the lock of a session: whoever publishes needs the token.
pub fn guarded(router: Router) -> Router {
    let tokens = AccessTokens { view: "view".into(), control: TOKEN.into(), admin: String::new() };
    let (_, policy) = watch::channel(Policy::Tokens(Box::new(tokens)));
    let guard = Arc::new(Guard { policy, role: Role::Control });
    router.layer(middleware::from_fn_with_state(guard, access::check))
}

impl Set {
    fn whip(&self) -> String {
        format!("http://{}/input/devices/virtual/webrtc/whip", self.http)
    }

    /// How many publishers have a place.
    pub fn publishers(&self) -> f64 {
        self.count("understudy_rtc_publishers")
    }

    pub fn count(&self, series: &str) -> f64 {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("text must grow");
        value(&text, series)
    }

    async fn ask(&self, method: Method, url: &str, kind: &str, body: String) -> Response {
        let request = Client::new().request(method, url).bearer_auth(TOKEN).header(CONTENT_TYPE, kind);
        request.body(body).send().await.expect("HTTP must work")
    }

    async fn offer(&self, sdp: &str) -> Response {
        self.ask(Method::POST, &self.whip(), "application/sdp", sdp.to_owned()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_is_seen_and_heard_as_the_manual_tells_and_leaves_its_place() {
    let set = Set::open().await;
    let source = set.play(Carries::Both);
    let film = film().await;
    let start = Instant::now();
    let publisher = ffmpeg(set.http, TOKEN, &film);
    set.studio.until(true, OPEN).await;
    println!("  seen after {:?}", start.elapsed());
    set.studio.is_live(Carries::Both).await;
    fares(&source, OPEN, |health| *health == Health::Playing).await;
    assert!((set.publishers() - 1.0).abs() < f64::EPSILON);

    let (_, said) = publisher.interrupt().await;
    let left = Instant::now();
    while set.publishers() > 0.0 {
        assert!(left.elapsed() < SOON, "its place is not free: {said}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // By its DELETE; what its DTLS says comes after that.
    assert!(
        (set.count("understudy_rtc_publishers_left_total{why=\"Left\"}") - 1.0).abs() < f64::EPSILON,
        "{said}"
    );
    fares(&source, SOON, |health| *health == Health::Waiting).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_with_another_token_is_told_and_takes_no_place() {
    let set = Set::open().await;
    let _source = set.play(Carries::Both);
    let (status, said) = ffmpeg(set.http, "view", &film().await).end().await;
    assert!(!status.success() && said.contains("403"), "{said}");
    assert!(set.publishers() < f64::EPSILON);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_over_whip_has_its_status() {
    let set = Set::open().await;
    let sends = OFFER.replace("a=recvonly", "a=sendonly");
    assert_eq!(set.offer(&sends).await.status(), 409);
    set.expect(Carries::Both);

    let locked = Client::new().post(set.whip()).body(sends.clone()).send().await.expect("HTTP must work");
    assert_eq!((locked.status().as_u16(), locked.headers().contains_key(WWW_AUTHENTICATE)), (401, true));
    for (offer, status, word) in [
        ("", 400, "empty"),
        ("nonsense", 400, "line 1"),
        (OFFER, 422, "sendonly"),
        (&sends.replace("a=setup:actpass", "a=setup:holdconn"), 422, "a=setup:holdconn"),
        (&"v=0\r\n".repeat(20_000), 413, "larger"),
    ] {
        let refused = set.offer(offer).await;
        assert_eq!(refused.status(), status, "{word}");
        let text = refused.text().await.expect("a body must be text");
        assert!(text.contains("\"error\"") && text.contains(word), "{text}");
    }
    assert_eq!(set.ask(Method::POST, &set.whip(), "application/json", sends.clone()).await.status(), 415);
    assert!(set.publishers() < f64::EPSILON);

    for (offered, answered) in [("actpass", "passive"), ("active", "passive"), ("passive", "active")] {
        let created = set.offer(&sends.replace("actpass", offered)).await;
        assert_eq!(
            (created.status().as_u16(), &created.headers()[CONTENT_TYPE]),
            (201, &"application/sdp".parse().unwrap())
        );
        let place = created.headers()[LOCATION].to_str().expect("a place must be text").to_owned();
        assert!(place.starts_with("/input/devices/virtual/webrtc/whip/"), "{place}");
        let answer = created.text().await.expect("an answer must be text");
        assert!(
            answer.contains(&format!("a=setup:{answered}\r\n")) && answer.contains("a=recvonly"),
            "{answer}"
        );
        let place = format!("http://{}{place}", set.http);
        let patched = set.ask(Method::PATCH, &place, "application/trickle-ice-sdpfrag", String::new()).await;
        assert_eq!(patched.status(), 405);
        for status in [200, 204] {
            assert_eq!(set.ask(Method::DELETE, &place, "text/plain", String::new()).await.status(), status);
        }
    }
    assert!(set.publishers() < f64::EPSILON);
}
