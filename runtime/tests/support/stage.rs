//! A hub with a real encoder behind it, served over real HTTP and UDP on loopback.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;

use axum::Router;
use prometheus_client::encoding::text::encode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_runtime::broadcast::{self, Renditions};
use understudy_runtime::egress::view;
use understudy_runtime::egress::whep;
use understudy_runtime::net::Families;
use understudy_runtime::program::{Program, Registry};
use understudy_runtime::rtc::{self, Handle};

use super::encoder::Encoder;

/// Whatever cores a machine has: the second viewer is in another loop than the first.
pub const LOOPS: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// More than any test needs, less than a machine minds.
const MAX_VIEWERS: usize = 64;

pub struct Stage {
    pub media: Renditions,
    /// What of it is shown as `program`.
    pub program: Program,
    pub driver: Handle,
    pub http: SocketAddr,
    pub metrics: rtc::Metrics,
    /// What is served there, for whoever serves it otherwise.
    pub app: Router,
    _encoder: Encoder,
    _shutdown: DropGuard,
}

impl Stage {
    pub async fn open() -> Self {
        Self::of(LOOPS, Ipv4Addr::LOCALHOST.into()).await
    }

    /// Viewers are told to send to that address alone. The socket takes all families, as in a pod.
    pub async fn announced_at(address: IpAddr) -> Self {
        Self::of(LOOPS, address).await
    }

    /// With that many loops.
    pub async fn of(loops: NonZeroUsize, address: IpAddr) -> Self {
        let media = Renditions::new(&broadcast::Metrics::default());
        let encoder = Encoder::start(&media);
        let shutdown = CancellationToken::new();
        let metrics = rtc::Metrics::default();
        let driver = transport(address, loops, metrics.clone(), shutdown.clone());
        let program = |shows| Program::of(&media, watch::channel(shows).1);
        let shown = program(true);
        let app = app(driver.clone(), [("program", shown.clone()), ("silent", program(false))]);
        let http = listen(app.clone()).await;
        Self {
            media,
            program: shown,
            driver,
            http,
            metrics,
            app,
            _encoder: encoder,
            _shutdown: shutdown.drop_guard(),
        }
    }

    pub fn whep(&self) -> String {
        format!("http://{}/whep/program", self.http)
    }

    /// What the transport counts.
    pub fn counted(&self, name: &str) -> f64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).expect("metrics are text");
        let line = text.lines().find(|line| line.starts_with(name)).expect("it must be counted");
        line.rsplit(' ').next().and_then(|value| value.parse().ok()).expect("a number")
    }

    pub fn view(&self) -> String {
        format!("http://{}/view/program", self.http)
    }
}

pub fn transport(
    address: IpAddr,
    loops: NonZeroUsize,
    metrics: rtc::Metrics,
    shutdown: CancellationToken,
) -> Handle {
    let config = rtc::Config {
        bind: (Families::here().unspecified(), 0).into(),
        tcp: rtc::TcpPort::Port(0),
        announce: vec![address],
        max_viewers: MAX_VIEWERS,
        loops,
    };
    rtc::spawn(&config, metrics, shutdown).expect("the socket must bind")
}

pub fn app<const N: usize>(driver: Handle, named: [(&str, Program); N]) -> Router {
    let programs = Registry::default();
    for (name, program) in named {
        programs.name(&program, [name.to_owned()]);
    }
    let none = whep::IceServers::default();
    whep::with_cors(whep::router(driver, programs, none.clone()), none).merge(view::router())
}

/// At a port of this machine.
pub async fn listen(app: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free");
    let address = listener.local_addr().expect("a listener must have an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}
