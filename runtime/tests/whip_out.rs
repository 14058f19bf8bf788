//! A program is published over WHIP to a server on another WebRTC stack.

mod relay;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::KeyPair;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use understudy_core::guard::Policy;
use understudy_core::rendition::Full;
use understudy_core::spec::{Encoding, FrameRate, Resolution};
use understudy_core::test_picture::FRAME_RATE;
use understudy_core::whip::Failure;
use understudy_e2e::destination::{Destination, TOKEN, Told};
use understudy_e2e::pion;
use understudy_runtime::broadcast::{self, Renditions};
use understudy_runtime::egress::trust;
use understudy_runtime::egress::whip::{Phase, Publishing, Reach, Shown, State, Target, publish};
use understudy_runtime::program::Program;

use crate::support::stage::Stage;
use crate::whep::pion::numbers;

/// Python decodes all of it, on a machine that does more than this.
const SOON: Duration = Duration::from_secs(60);
/// How long the server is given to take a picture in.
const SECONDS: u32 = 6;
/// How long each picture is counted.
const WHILE: Duration = Duration::from_secs(4);

fn anywhere() -> Policy {
    Policy { allow: "*".parse().expect("a policy"), own: vec![] }
}

fn full() -> Full {
    Full { size: Resolution::HD, frame_rate: FrameRate::THIRTY, bitrate: Encoding::default().video }
}

fn shown(stage: &Stage) -> Shown {
    Shown::new("out", &Program::of(&stage.media, watch::channel(true).1), full())
}

fn to(stage: &Stage, url: &str, token: &str, reach: &Policy) -> Publishing {
    let target = Target::parse(url, Some(token)).expect("a target");
    publish(target, shown(stage), reaching(stage, trust().expect("TLS must be there"), reach))
}

fn reaching(stage: &Stage, tls: TlsConnector, guard: &Policy) -> Reach {
    Reach { transport: stage.driver.clone(), guard: guard.clone(), tls }
}

/// The state once it is as it should be.
async fn until(publishing: &Publishing, is: impl FnMut(&State) -> bool) -> State {
    let mut state = publishing.state();
    let reached = tokio::time::timeout(SOON, state.wait_for(is)).await;
    match reached {
        Ok(reached) => reached.expect("it must run").clone(),
        Err(_) => panic!("it stays {:?}", publishing.state().borrow().clone()),
    }
}

async fn told(server: &Destination) -> Told {
    server.told().await.expect("the server must answer")
}

/// Once enough of a picture came.
async fn seen(server: &Destination) -> Told {
    let start = Instant::now();
    loop {
        let told = told(server).await;
        let whole = told.seen.as_ref().is_some_and(|seen| seen.seconds.len() as u32 >= SECONDS);
        if whole {
            return told;
        }
        assert!(start.elapsed() < SOON, "{told:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What went wrong first.
async fn failure(arguments: &[&str], token: &str, reach: &Policy) -> Failure {
    let (stage, server) = (Stage::open().await, Destination::start(arguments).await);
    let publishing = to(&stage, &server.url("/whip"), token, reach);
    let state = until(&publishing, |state| state.failure.is_some()).await;
    assert!(matches!(state.phase, Phase::Waiting { .. }), "{state:?}");
    publishing.stop().await;
    assert_eq!(told(&server).await.sessions, 0, "none is left there");
    state.failure.expect("something went wrong")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_the_whole_picture_and_the_sound_and_is_told_the_end() {
    let (stage, server) = (Stage::open().await, Destination::start(&[]).await);
    let publishing = to(&stage, &server.url("/moved"), TOKEN, &anywhere());
    let viewers = stage.driver.viewers("out");
    until(&publishing, |state| state.phase == Phase::Sending).await;
    let told = seen(&server).await;
    let seen = told.seen.expect("something was seen");
    seen.is_the_test_picture().expect("all of it must come");
    assert_eq!((seen.width, seen.height), (1280, 720));
    assert_eq!((told.posts, told.redirected, told.unauthorised), (1, 1, 0));
    assert_eq!(*viewers.borrow(), 0, "a server is nobody who watches");

    let state = publishing.state();
    let now = state.borrow().clone();
    assert!(now.is_acknowledged(Duration::from_secs(10), Instant::now()), "{now:?}");
    // A picture is some packets, and a piece of sound is one.
    assert!(now.receipt.packets > u64::from(SECONDS) * 60 && now.receipt.bytes > 100_000, "{now:?}");
    let first = "understudy_rtc_first_frame_seconds_count{to=\"Destination\"}";
    assert_eq!(stage.counted(first), 1.0);
    publishing.stop().await;
    assert_eq!(state.borrow().phase, Phase::Ended);
    let told = self::told(&server).await;
    assert_eq!((told.deletes, told.sessions, told.unauthorised), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn pion_gets_each_picture_of_two_streams_at_one_port_whichever_of_the_two_checks() {
    for is_lite in [false, true] {
        let (stage, folder) = (Stage::open().await, tempfile::tempdir().expect("a folder"));
        let server = pion::Server::start(is_lite, 2, &folder.path().join("picture")).await;
        let both = [(); 2].map(|()| to(&stage, &server.url, TOKEN, &anywhere()));
        for publishing in &both {
            until(publishing, |state| state.phase == Phase::Sending).await;
        }
        tokio::time::sleep(WHILE).await;
        let ended = tokio::spawn(server.ended());
        for publishing in both {
            assert_eq!(publishing.state().borrow().failure, None);
            publishing.stop().await;
        }
        let ended = ended.await.expect("it must end");
        assert_eq!(ended.len(), 2, "{ended:?}");
        for (number, seen) in ended.iter().enumerate() {
            each_picture_came(seen, &folder.path().join(format!("picture{number}.h264"))).await;
        }
    }
}

/// Of a stream of [`WHILE`] at least, which lies there.
async fn each_picture_came(seen: &pion::Seen, stream: &Path) {
    assert_eq!((seen.video.missing, seen.audio.missing), (0, 0), "{seen:?}");
    assert!(seen.video.codec.starts_with("video/H264 "), "{seen:?}");
    let least = WHILE - Duration::from_secs(1);
    assert!(seen.audio.seconds > least.as_secs_f64(), "{seen:?}");
    let numbers = numbers(stream, stream.parent().expect("a folder")).await;
    let first = numbers.first().copied().flatten().expect("the first picture must be a whole one");
    assert!(numbers.len() as u64 > u64::from(FRAME_RATE) * least.as_secs(), "{} pictures", numbers.len());
    assert_eq!(numbers, (first..).take(numbers.len()).map(Some).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_lost_on_the_way_to_a_server_are_sent_again() {
    let (stage, server) = (Stage::open().await, Destination::start(&["--drop", "0.02"]).await);
    let publishing = to(&stage, &server.url("/whip"), TOKEN, &anywhere());
    let seen = seen(&server).await.seen.expect("something was seen");
    // At two lost packets in a hundred, one picture in five misses one.
    assert!(seen.distinct_per_second >= 26, "{seen:?}");
    assert!(seen.max_gap_frames <= 6, "{seen:?}");
    publishing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_published_to_again_when_it_is_back() {
    let (stage, server) = (Stage::open().await, Destination::start(&[]).await);
    let publishing = to(&stage, &server.url("/whip"), TOKEN, &anywhere());
    let before = until(&publishing, |state| state.phase == Phase::Sending).await;
    let port = server.port;
    drop(server);
    let state = until(&publishing, |state| matches!(state.phase, Phase::Waiting { .. })).await;
    assert!(matches!(state.failure, Some(Failure::Lost(_) | Failure::Unreachable(_))), "{state:?}");
    let server = Destination::at(port, &[]).await;
    let after = until(&publishing, |state| state.phase == Phase::Sending).await;
    assert!(after.receipt.packets > before.receipt.packets, "{after:?}");
    seen(&server).await;
    publishing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_no_room_yet_is_asked_until_it_has() {
    let (stage, server) = (Stage::open().await, Destination::start(&["--busy", "2"]).await);
    let publishing = to(&stage, &server.url("/whip"), TOKEN, &anywhere());
    let state = until(&publishing, |state| state.phase == Phase::Sending).await;
    let after = Some(Duration::from_secs(1));
    assert_eq!(state.failure, Some(Failure::Busy { status: 503, after }));
    assert_eq!(told(&server).await.posts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_being_refused_is_told_apart_and_none_shows_the_token() {
    assert_eq!(failure(&[], "another", &anywhere()).await, Failure::Unauthorised { status: 401 });
    let said = "not with Bearer ***".to_owned();
    assert_eq!(failure(&["--refuse"], TOKEN, &anywhere()).await, Failure::Refused { status: 422, said });
    let unusable = failure(&["--picture-alone"], TOKEN, &anywhere()).await;
    assert!(unusable.to_string().ends_with("the answer rejects the audio"), "{unusable}");
    let strayed = redirected("301").await.to_string();
    assert!(strayed.contains("301"), "{strayed}");
    let forbidden = failure(&[], TOKEN, &Policy::default()).await;
    assert!(matches!(&forbidden, Failure::Unreachable(why) if why.contains("loopback")), "{forbidden}");
}

/// The port of a server that nobody has reason to trust.
pub async fn untrusted() -> u16 {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    secured(certified.cert.der().clone(), &certified.signing_key).await
}

/// The port of a server that says nothing but who it is.
pub async fn secured(certificate: CertificateDer<'static>, key: &KeyPair) -> u16 {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate");
    let (acceptor, listener) =
        (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(acceptor.accept(stream).await);
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_nobody_signed_is_not_told_the_token() {
    let (stage, port) = (Stage::open().await, untrusted().await);
    let publishing = to(&stage, &format!("https://localhost:{port}/whip"), TOKEN, &anywhere());
    let state = until(&publishing, |state| state.failure.is_some()).await;
    assert!(
        matches!(&state.failure, Some(Failure::Untrusted(why)) if why.contains("certificate")),
        "{state:?}"
    );
}

async fn redirected(status: &str) -> Failure {
    let (stage, server) = (Stage::open().await, Destination::start(&["--redirect", status]).await);
    let publishing = to(&stage, &server.url("/moved"), TOKEN, &anywhere());
    let state = until(&publishing, |state| state.failure.is_some()).await;
    state.failure.expect("something went wrong")
}

/// Longer than a connection lives of which nothing is heard, and no longer than the others take.
async fn is_kept_although_it_is_sent_nothing() {
    let (stage, server) = (Stage::open().await, Destination::start(&[]).await);
    let nothing = Program::of(&Renditions::new(&broadcast::Metrics::default()), watch::channel(true).1);
    let shown = Shown::new("nothing", &nothing, full());
    let target = Target::parse(&server.url("/whip"), Some(TOKEN)).expect("a target");
    let reach = reaching(&stage, trust().expect("TLS must be there"), &anywhere());
    let publishing = publish(target, shown, reach);
    until(&publishing, |state| state.phase == Phase::Connected).await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let state = publishing.state().borrow().clone();
    assert_eq!((state.phase, &state.failure), (Phase::Connected, &None), "{state:?}");
    assert!(!state.is_acknowledged(Duration::from_secs(10), Instant::now()), "{state:?}");
    publishing.stop().await;
    assert_eq!(told(&server).await.posts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_found_or_never_answers_is_given_up_in_time() {
    let (start, reach) = (Instant::now(), anywhere());
    let (deaf, silent, ()) = tokio::join!(
        failure(&["--deaf"], TOKEN, &reach),
        failure(&["--silent"], TOKEN, &reach),
        is_kept_although_it_is_sent_nothing()
    );
    assert!(deaf.to_string().contains("no connection came about"), "{deaf}");
    assert_eq!(silent, Failure::Late { seconds: 10 });
    assert!(start.elapsed() < SOON);
}
