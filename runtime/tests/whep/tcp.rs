//! A real browser that UDP does not reach: behind a relay of TCP, which can hold up what passes it, or cut it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use understudy_devtools::Page;
use understudy_e2e::browser::{self, Chromium};
use understudy_e2e::wait;

use super::{CLEAN_UP, SDP, watch};
use crate::support::stage::{Stage, listen};

const DESCRIPTORS: u64 = 8192;
const CANDIDATE: &str = "a=candidate:";
/// A client needs some checks to see that a connection is gone or that a better one is there, and a keyframe.
const BACK: Duration = Duration::from_secs(20);

/// What passes between browsers and the media transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passes {
    All,
    /// Nothing to the browser, which goes on speaking.
    Held,
}

/// Stands where the media transport's port of TCP is announced.
struct Relay {
    http: SocketAddr,
    passes: watch::Sender<Passes>,
    cut: watch::Sender<()>,
    accepted: watch::Receiver<usize>,
}

impl Relay {
    async fn before(stage: &Stage) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
        let port = listener.local_addr().expect("it has an address").port();
        let target = stage.driver.tcp_port().expect("the transport listens");
        let reword =
            move |request: Request, next: Next| async move { reworded(next.run(request).await, port).await };
        let http = listen(stage.app.clone().layer(from_fn(reword))).await;
        let (passes, held) = watch::channel(Passes::All);
        let (cut, cuts) = watch::channel(());
        let (count, accepted) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                tokio::spawn(relay(client, target, held.clone(), cuts.clone()));
            }
        });
        Self { http, passes, cut, accepted }
    }

    fn view(&self) -> String {
        format!("http://{}/view/program", self.http)
    }

    /// A page that sees pictures, and begins no new session should they stop.
    async fn watch(&self, chromium: &Chromium) -> Page {
        let page = chromium.open(&format!("http://{}/view/nobody", self.http)).await;
        let sound = "peer.addTransceiver('audio', { direction: 'recvonly' })";
        page.evaluate(&super::WATCH_BEHIND.replace("FIRST", sound).replace("SETUP", "actpass"))
            .await
            .expect("the script must run");
        browser::becomes_true(&page, "pictures > 30").await;
        page
    }
}

/// The answer with candidates of TCP alone, at the relay's port.
async fn reworded(response: Response, port: u16) -> Response {
    if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != SDP) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("an answer has an end");
    let answer = String::from_utf8(body.to_vec()).expect("an answer is text");
    let reword = |line: &str| {
        let Some(candidate) = line.strip_prefix(CANDIDATE) else { return Some(line.to_owned()) };
        // Foundation, component, protocol, priority, address and port (RFC 8839 §5.1).
        let mut words: Vec<&str> = candidate.split(' ').collect();
        let port = port.to_string();
        words[5] = &port;
        (words[2] == "tcp").then(|| format!("{CANDIDATE}{}", words.join(" ")))
    };
    let body: String = answer.lines().filter_map(reword).flat_map(|line| [line, "\r\n".to_owned()]).collect();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(body))
}

async fn relay(
    client: TcpStream,
    target: u16,
    mut held: watch::Receiver<Passes>,
    mut cuts: watch::Receiver<()>,
) {
    cuts.mark_unchanged();
    let server = TcpSocket::new_v4().expect("a socket");
    // Of what it does not read it holds little.
    server.set_recv_buffer_size(16 << 10).expect("a size");
    let target = (Ipv4Addr::LOCALHOST, target).into();
    let server = server.connect(target).await.expect("the transport listens");
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let down = async {
        let mut piece = vec![0; 16 << 10];
        loop {
            let _ = held.wait_for(|passes| *passes == Passes::All).await;
            match from_server.read(&mut piece).await {
                Ok(length) if length > 0 => {
                    if to_client.write_all(&piece[..length]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
        _ = cuts.changed() => {}
    }
}

const OVER_TCP: &str = "(async () => {
    const entries = [...(await understudy.peer.getStats()).values()];
    const pair = entries.find((entry) => entry.type === 'candidate-pair' && entry.nominated);
    window.over = entries.find((entry) => entry.id === pair.localCandidateId).protocol;
})(); true";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_udp_does_not_reach_watches_over_tcp() {
    let stage = Stage::open().await;
    let relay = Relay::before(&stage).await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&relay.view()).await;
    page.evaluate(super::WATCH_SKEW).await.expect("the script must run");
    browser::becomes_true(&page, "document.body.dataset.state === 'live' && understudy.frames > 60").await;
    browser::becomes_true(&page, "understudy.width === 1280 && understudy.height === 720").await;
    page.evaluate(OVER_TCP).await.expect("the script must run");
    browser::becomes_true(&page, "window.over === 'tcp'").await;
    browser::becomes_true(&page, "Math.abs(window.skew) < 100").await;
    assert!(stage.counted("understudy_rtc_tcp_sent_packets_total") > 200.0);

    let mut viewers = stage.driver.viewers("program");
    page.load("about:blank").await.expect("the page must leave");
    let gone = tokio::time::timeout(CLEAN_UP, viewers.wait_for(|count| *count == 0)).await;
    assert!(gone.is_ok(), "the viewer is still counted");
    // A connection that was never the peer's hangs up by itself.
    wait::until(CLEAN_UP, || async {
        let open = stage.counted("understudy_rtc_tcp_connections");
        if open == 0.0 { Ok(()) } else { Err(format!("{open} connections are open")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_whose_connection_breaks_goes_on_over_another_in_the_same_session() {
    let stage = Stage::open().await;
    let relay = Relay::before(&stage).await;
    let chromium = Chromium::launch().await;
    let page = relay.watch(&chromium).await;
    let before = *relay.accepted.borrow();
    relay.cut.send_replace(());
    let mut accepted = relay.accepted.clone();
    let again = tokio::time::timeout(BACK, accepted.wait_for(|count| *count > before)).await;
    assert!(again.is_ok(), "the browser does not connect again");
    goes_on(&page).await;
    assert_eq!(stage.counted("understudy_rtc_viewers_joined_total"), 1.0);
    let first = "understudy_rtc_first_frame_seconds_count{to=\"Viewer\"}";
    assert_eq!(stage.counted(first), 1.0, "it came once, whichever way it found then");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_is_held_up_slows_nobody_and_goes_on_with_a_keyframe() {
    let stage = Stage::open().await;
    let relay = Relay::before(&stage).await;
    let chromium = Chromium::launch().await;
    let page = relay.watch(&chromium).await;
    let (whep, mut viewers) = (stage.whep(), stage.driver.viewers("program"));
    let beside = tokio::spawn(async move { watch(&whep, 8).await });
    viewers.wait_for(|count| *count == 2).await.expect("the driver must run");
    // No longer than the other watches: a browser that hears nothing for some 15 s gives up for good.
    relay.passes.send_replace(Passes::Held);
    let seen = beside.await.expect("it must watch");
    relay.passes.send_replace(Passes::All);
    assert!(stage.counted("understudy_rtc_tcp_unsent_packets_total") > 0.0, "nothing is dropped");
    assert!(seen.distinct_per_second >= 28, "{seen:?}");
    assert!(seen.max_gap_frames <= 4, "{seen:?}");
    goes_on(&page).await;
    // It and the one beside it.
    assert_eq!(stage.counted("understudy_rtc_viewers_joined_total"), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_connections_that_say_nothing_keep_nobody_out() {
    // Both ends of each are in this process.
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most.min(DESCRIPTORS), most).expect("it may be used");
    let stage = Stage::open().await;
    let relay = Relay::before(&stage).await;
    let chromium = Chromium::launch().await;
    let page = relay.watch(&chromium).await;
    let port = stage.driver.tcp_port().expect("the transport listens");
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("it must listen"));
    }
    let other = relay.watch(&chromium).await;
    assert_eq!(*stage.media.video.demand().borrow(), 2, "they are in two loops");
    for page in [page, other] {
        goes_on(&page).await;
    }
    assert!(stage.counted("understudy_rtc_tcp_connections") < 140.0);
    assert!(stage.counted("understudy_rtc_tcp_refused_total{why=\"Crowded\"}") > 800.0);
}

async fn goes_on(page: &Page) {
    page.evaluate("window.seen = pictures; true").await.expect("the script must run");
    browser::becomes_true(page, "pictures > seen + 60").await;
}
