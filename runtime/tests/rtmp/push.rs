//! Push to servers that are not ours, that take nothing, and that are not there.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Buf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use understudy_core::rendition::Video;
use understudy_e2e::client;
use understudy_rtmp::chunk;
use understudy_rtmp::handshake;
use understudy_rtmp::message::Message;
use understudy_rtmp::outbox::Outbox;
use understudy_runtime::egress::push::{Destination, Push, Reach, State, Wanted};
use understudy_runtime::egress::rtmp;
use understudy_runtime::egress::trust;
use understudy_runtime::guard::Policy;

use crate::support::rtmp::Broadcast;

/// For what takes a moment on an idle machine.
const SOON: Duration = Duration::from_secs(30);

fn start(broadcast: &Broadcast, url: &str) -> Push {
    let wanted = Wanted {
        target: Destination::parse(url).unwrap(),
        program: broadcast.program.clone(),
        rendition: Video::default(),
    };
    Push::start(wanted, reach(broadcast, "*"))
}

fn reach(broadcast: &Broadcast, allow: &str) -> Reach {
    let guard = Policy { allow: allow.parse().unwrap(), own: vec![] };
    Reach { streams: broadcast.rtmp.streams.clone(), guard, tls: trust().unwrap() }
}

async fn until(state: &mut watch::Receiver<State>, is: impl Fn(&State) -> bool) -> State {
    let waited = tokio::time::timeout(SOON, state.wait_for(is)).await;
    waited.unwrap_or_else(|_| panic!("it did not come")).expect("the push must run").clone()
}

async fn why(state: &mut watch::Receiver<State>) -> String {
    match until(state, |state| matches!(state, State::Failed { .. })).await {
        State::Failed { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

async fn free_port() -> u16 {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    held.local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_s_listener_gets_picture_and_sound_and_hears_the_end() {
    let broadcast = Broadcast::open().await;
    let url = format!("rtmp://127.0.0.1:{}/app/key", free_port().await);
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("timeout 40 ffmpeg -v error -listen 1 -i {url} -c copy -f matroska got.mkv");
    let place = folder.path().to_owned();
    let listening = tokio::spawn(async move { client::shell(&listen, &place).await });
    let push = start(&broadcast, &url);
    let mut state = push.state();
    // Some tries may come before it listens.
    let enough = |state: &State| matches!(state, State::Sending { bytes_acknowledged, .. } if *bytes_acknowledged > 300_000);
    until(&mut state, enough).await;
    push.stop().await;
    tokio::time::timeout(SOON, listening).await.expect("it must end").unwrap().expect("it must end well");
    let probe = "ffprobe -v error -show_entries stream=codec_name -of csv=p=0 got.mkv";
    let got = client::shell(probe, folder.path()).await.unwrap();
    assert!(got.contains("h264") && got.contains("aac"), "{got}");
}

/// A server that passes on what is published.
#[expect(clippy::disallowed_methods, reason = "a test's own child, not the runtime's")]
fn nginx(folder: &Path, port: u16) -> tokio::process::Child {
    let config = format!(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; master_process off; pid {0}/pid; \
         error_log {0}/log; events {{}} \
         rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, config).expect("its configuration must be written");
    let mut command = tokio::process::Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file).kill_on_drop(true);
    command.spawn().expect("nginx and libnginx-mod-rtmp must be installed: scripts/packages install test")
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_passes_on_what_is_pushed_and_a_new_one_after_its_death_as_well() {
    let broadcast = Broadcast::open().await;
    let (port, folder) = (free_port().await, tempfile::tempdir().unwrap());
    let mut first = nginx(folder.path(), port);
    let url = format!("rtmp://127.0.0.1:{port}/live/key");
    let push = start(&broadcast, &url);
    let mut state = push.state();
    let sends = |state: &State| matches!(state, State::Sending { .. });
    until(&mut state, sends).await;
    let probe = format!(
        "timeout 20 ffprobe -v error -rw_timeout 15000000 -show_entries stream=codec_name,width -of csv=p=0 {url}"
    );
    let seen = client::shell(&probe, Path::new("/")).await.unwrap();
    assert!(seen.contains("h264,1280") && seen.contains("aac"), "{seen}");
    first.kill().await.unwrap();
    assert!(
        why(&mut state).await.contains("the destination closed the connection") || !sends(&state.borrow())
    );
    let _second = nginx(folder.path(), port);
    until(&mut state, sends).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_is_not_there_or_may_not_be_reached_is_told_without_its_key() {
    let broadcast = Broadcast::open().await;
    let url = format!("rtmp://127.0.0.1:{}/live/secretkey", free_port().await);
    let told = why(&mut start(&broadcast, &url).state()).await;
    assert!(told.contains("cannot be reached") && !told.contains("secretkey"), "{told}");
    let wanted = Wanted {
        target: Destination::parse(&url).unwrap(),
        program: broadcast.program.clone(),
        rendition: Video::default(),
    };
    let told = why(&mut Push::start(wanted, reach(&broadcast, "")).state()).await;
    assert!(told.contains("UNDERSTUDY_ALLOW_PRIVATE_URLS"), "{told}");
    let own = broadcast.secure_url("live/secretkey");
    let told = why(&mut start(&broadcast, &own).state()).await;
    assert!(told.contains("cannot prove who it is"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_refuses_is_quoted_without_the_key() {
    let broadcast = Broadcast::open().await;
    let told = why(&mut start(&broadcast, &broadcast.url("live/ours")).state()).await;
    assert!(told.contains("does not take this key") && told.contains("this name is a program's"), "{told}");
}

/// Passes on what comes until it is told to stand still.
async fn wedging(to: SocketAddr, stand: watch::Receiver<bool>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut from, _)) = listener.accept().await {
            let (mut to, mut stand) = (TcpStream::connect(to).await.unwrap(), stand.clone());
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut from, &mut to) => {}
                _ = stand.wait_for(|stand| *stand) => {}
            }
            let _ = to.shutdown().await;
            held.push(from);
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_reads_nothing_any_more_is_noticed_within_half_a_minute() {
    let broadcast = Broadcast::open().await;
    let stands = watch::Sender::new(false);
    let address = wedging(broadcast.address(), stands.subscribe()).await;
    let push = start(&broadcast, &format!("rtmp://{address}/live/pushed"));
    let mut state = push.state();
    until(&mut state, |state| matches!(state, State::Sending { bytes_acknowledged: 50_000.., .. })).await;
    stands.send_replace(true);
    let since = Instant::now();
    let told = tokio::time::timeout(Duration::from_secs(60), why_after(&mut state))
        .await
        .expect("it must be noticed");
    println!("noticed after {:?}", since.elapsed());
    assert!(told.contains("acknowledged nothing"), "{told}");
    assert!(since.elapsed() < Duration::from_secs(30));
}

async fn why_after(state: &mut watch::Receiver<State>) -> String {
    loop {
        if let State::Failed { why, .. } = &*state.borrow_and_update() {
            return why.clone();
        }
        state.changed().await.expect("the push must run");
    }
}

/// Of pings that wait in both kernels before one that reads nothing is not read either.
const WAITING_BYTES: usize = 24 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_asks_and_takes_no_answers_is_read_no_more_and_given_up() {
    let broadcast = Broadcast::open().await;
    let listening = TcpSocket::new_v4().unwrap();
    listening.set_recv_buffer_size(4096).unwrap();
    listening.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = listening.listen(1).unwrap();
    let push = start(&broadcast, &format!("rtmp://{}/live/key", listener.local_addr().unwrap()));
    let (mut to, _) = listener.accept().await.unwrap();
    to.write_all(&[3; 1 + 2 * handshake::BYTES]).await.unwrap();
    let mut pings = Outbox::default();
    let (lane, ping) = Message::Ping(1).write();
    (0..1000).for_each(|_| chunk::write(&mut pings, 128, lane, &ping));
    let pings = pings.copy_to_bytes(pings.len());
    let asks = async {
        let mut asked = 0;
        while to.write_all(&pings).await.is_ok() {
            asked += pings.len();
            assert!(asked < WAITING_BYTES, "it must not be read any more");
        }
        std::future::pending().await
    };
    let mut state = push.state();
    let told = tokio::select! {
        told = asks => told,
        told = why(&mut state) => told,
    };
    assert!(told.contains("did not answer"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_nothing_or_no_rtmp_is_told_so() {
    let broadcast = Broadcast::open().await;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("rtmp://{}/live/key", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let _ = from.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = from.read(&mut [0; 4096]).await;
        }
    });
    let told = why(&mut start(&broadcast, &url).state()).await;
    assert!(told.contains("speaks no RTMP"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_with_tls_is_sent_to_where_it_proves_who_it_is() {
    let (from, to) = (Broadcast::open().await, Broadcast::open().await);
    let folder = tempfile::tempdir().unwrap();
    let [certificate, secret] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    let key = rcgen::KeyPair::generate().unwrap();
    let made =
        rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&certificate, made.pem()).unwrap();
    std::fs::write(&secret, key.serialize_pem()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("rtmps://localhost:{}/live/pushed", listener.local_addr().unwrap().port());
    let acceptor = rtmp::acceptor(Some((certificate, secret))).unwrap();
    tokio::spawn(rtmp::serve_tls(listener, acceptor, to.rtmp.clone(), CancellationToken::new()));
    let mut trusted = rustls::RootCertStore::empty();
    trusted.add(made.der().clone()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(trusted)
            .with_no_client_auth();
    let wanted = Wanted {
        target: Destination::parse(&url).unwrap(),
        program: from.program.clone(),
        rendition: Video::default(),
    };
    let push = Push::start(wanted, Reach { tls: TlsConnector::from(Arc::new(config)), ..reach(&from, "*") });
    until(&mut push.state(), |state| matches!(state, State::Sending { bytes_acknowledged: 50_000.., .. }))
        .await;
    let probe =
        "timeout 20 ffprobe -v error -rw_timeout 15000000 -show_entries stream=codec_name -of csv=p=0";
    let seen = client::shell(&format!("{probe} {}", to.url("live/pushed")), Path::new("/")).await.unwrap();
    assert!(seen.contains("h264") && seen.contains("aac"), "{seen}");
}
