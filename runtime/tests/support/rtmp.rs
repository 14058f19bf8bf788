//! RTMP and RTMPS on loopback, with a real encoder behind the one program.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use understudy_runtime::access::Policy;
use understudy_runtime::broadcast::{self, Renditions};
use understudy_runtime::egress::rtmp::{self, Metrics, Rtmp, Streams};
use understudy_runtime::program::{Program, Registry};

use super::encoder::Encoder;

/// What is played as `live/program` and `live/ours`.
pub struct Broadcast {
    pub media: Renditions,
    pub programs: Registry,
    pub program: Program,
    pub rtmp: Rtmp,
    pub policy: watch::Sender<Policy>,
    plain: SocketAddr,
    secure: SocketAddr,
    _encoder: Encoder,
    _shutdown: DropGuard,
}

impl Broadcast {
    pub async fn open() -> Self {
        let media = Renditions::new(&broadcast::Metrics::default());
        let encoder = Encoder::start_with_aac(&media);
        let programs = Registry::default();
        let program = Program::of(&media, watch::channel(true).1);
        programs.name(&program, ["program", "ours"].map(str::to_owned));
        let (policy, policies) = watch::channel(Policy::Local);
        let rtmp = Rtmp {
            streams: Streams::new(programs.clone()),
            policy: policies,
            own_token: "own".into(),
            metrics: Metrics::default(),
        };
        let shutdown = CancellationToken::new();
        let (plain, secure) = (port().await, port().await);
        let addresses = [&plain, &secure].map(|listener| listener.local_addr().expect("it must have one"));
        let tls = rtmp::acceptor(None).expect("a certificate must be made");
        tokio::spawn(rtmp::serve(plain, rtmp.clone(), shutdown.clone()));
        tokio::spawn(rtmp::serve_tls(secure, tls, rtmp.clone(), shutdown.clone()));
        Self {
            media,
            programs,
            program,
            rtmp,
            policy,
            plain: addresses[0],
            secure: addresses[1],
            _encoder: encoder,
            _shutdown: shutdown.drop_guard(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.plain
    }

    pub fn url(&self, path: &str) -> String {
        format!("rtmp://{}/{path}", self.plain)
    }

    pub fn secure_url(&self, path: &str) -> String {
        format!("rtmps://{}/{path}", self.secure)
    }
}

async fn port() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port must be free")
}
