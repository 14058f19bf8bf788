//! The feed page for those who may look and no more: a session behind tokens, as an operator would have given it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_core::recording::Limits;
use understudy_core::spec::{FrameRate, Resolution};
use understudy_e2e::browser::{self, Chromium};
use understudy_proto::v1::{AccessTokens, Ports};
use understudy_runtime::access::Policy;
use understudy_runtime::broadcast;
use understudy_runtime::camera::Place;
use understudy_runtime::egress::{Recorder, Senders, recording, whep};
use understudy_runtime::feed::Feed;
use understudy_runtime::ingest::Ingest;
use understudy_runtime::{api, guard, program, rtc, session, sound, source};

/// A session without a page: nothing is started, and its inputs are steered all the same.
struct Guarded {
    address: SocketAddr,
    _folder: TempDir,
    _end: DropGuard,
}

impl Guarded {
    async fn open() -> Self {
        let (folder, end) = (tempfile::tempdir().unwrap(), CancellationToken::new());
        let peers = peers(&end);
        let (setup, audience) = (setup(folder.path()), peers.clone());
        let (ingest, feed, programs) = (setup.ingest.clone(), setup.feed.clone(), setup.programs.clone());
        let (session, _) = session::start(setup, move |name: &str| audience.viewers(name), end.clone());
        let tokens = AccessTokens { view: "v".into(), control: "c".into(), admin: "a".into() };
        let app = api::router(api::Surface {
            session,
            whep: whep::router(peers.clone(), programs.clone(), whep::IceServers::default()),
            ice_servers: whep::IceServers::default(),
            policy: watch::channel(Policy::Tokens(Box::new(tokens))).1,
            devices: devices(folder.path()),
            ingest,
            feed,
            transport: peers,
            programs,
            streams: api::StreamSettings { frame_rate: None, rtmp_port: None, rtmps_port: None },
            recordings: api::RecordingSettings { frame_rate: None, limits: Limits::default() },
            players: Path::new(env!("CARGO_MANIFEST_DIR")).join("../share/players"),
            core: axum::Router::new(),
            streamers: axum::Router::new(),
            calls: axum::Router::new(),
            participant_socket_port: 0,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, _folder: folder, _end: end.drop_guard() }
    }

    /// What whoever holds the token of control does.
    async fn configure(&self, url: &str) {
        let body = json!({"video": {"type": "stream", "url": url}});
        let place = format!("http://{}/input/devices/virtual/configure", self.address);
        let asked = reqwest::Client::new().post(place).bearer_auth("c").body(body.to_string());
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }

    /// The text of the page that is served for this token.
    async fn page(&self, token: &str) -> String {
        reqwest::get(self.feed(token)).await.unwrap().text().await.unwrap()
    }

    fn feed(&self, token: &str) -> String {
        format!("http://{}/input/devices/virtual/feed?token={token}", self.address)
    }
}

fn peers(end: &CancellationToken) -> rtc::Handle {
    let config = rtc::Config {
        bind: (Ipv4Addr::LOCALHOST, 0).into(),
        tcp: rtc::TcpPort::Off,
        announce: vec![Ipv4Addr::LOCALHOST.into()],
        max_viewers: 1,
        loops: rtc::loops_here(),
    };
    rtc::spawn(&config, rtc::Metrics::default(), end.clone()).unwrap()
}

fn setup(folder: &Path) -> session::Config {
    let nowhere = guard::Opened { address: ([127, 0, 0, 1], 9).into(), policy: guard::Policy::default() };
    session::Config {
        directory: folder.to_owned(),
        chromium: "chromium".into(),
        ffmpeg: "ffmpeg".into(),
        processes: None,
        senders: Senders::by(|_, _, _| Err("nobody is reached".to_owned())),
        recorder: Recorder::new(
            folder.to_owned(),
            recording::Room::unbounded(),
            recording::Metrics::default(),
        ),
        recording_limits: Default::default(),
        bundled_media: folder.to_owned(),
        media: folder.to_owned(),
        bundled_pages: String::new(),
        camera: Some(Place::File { path: folder.join("video.y4m") }),
        program: "program".to_owned(),
        display_number: None,
        sound: sound::Names::default(),
        camera_size: Resolution::HD,
        camera_frame_rate: FrameRate::THIRTY,
        ports: Ports::default(),
        has_operator: false,
        ingest: Ingest::default(),
        feed: Feed::default(),
        programs: program::Registry::default(),
        broadcast_metrics: broadcast::Metrics::default(),
        browser_guard: nowhere.clone(),
        media_guard: nowhere,
        metrics: session::Metrics::default(),
        source_metrics: source::Metrics::default(),
    }
}

fn devices(folder: &Path) -> api::Devices {
    let names = sound::Names::default();
    api::Devices {
        video_device: "/dev/video20".into(),
        audio_sink: names.sink,
        microphone_source: names.source,
        files: folder.to_owned(),
        size: Resolution::HD,
        frame_rate: FrameRate::THIRTY,
    }
}

fn says(text: &str) -> String {
    format!("document.body.innerText.includes('{text}')")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_told_that_a_source_is_not_shown_to_them_and_the_page_stays_until_that_changes() {
    let session = Guarded::open().await;
    let chromium = Chromium::launch().await;
    let page = chromium.open(&session.feed("v")).await;
    browser::becomes_true(&page, &says("No virtual video feed is configured yet.")).await;
    session.configure("https://camera.example/live.m3u8?key=opensesame").await;
    browser::becomes_true(&page, &says("The source of this feed is not shown to viewers.")).await;
    browser::photograph(&page, "feed-hidden.png").await;
    // A page that is loaded again has asked only once, and does not remember.
    page.evaluate("window.stays = true").await.unwrap();
    let looks =
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/status')).length";
    browser::becomes_true(&page, &format!("window.stays && {looks} >= 3")).await;
    assert_eq!(page.evaluate(&says("not shown to viewers")).await.unwrap(), true);
    let text = page.evaluate("document.documentElement.outerHTML").await.unwrap().to_string();
    assert!(!text.contains("opensesame"), "{text}");
    session.configure("rtmp://camera.example/live").await;
    browser::becomes_true(&page, &says("A browser cannot play rtmp addresses.")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_steers_is_given_the_source_that_a_viewer_is_not() {
    let session = Guarded::open().await;
    session.configure("rtmp://camera.example/live/opensesame").await;
    assert!(session.page("c").await.contains("opensesame"));
    let viewers = session.page("v").await;
    assert!(viewers.contains("const defaultSource = \"\";") && !viewers.contains("opensesame"), "{viewers}");
}
