//! A program of a display, served over all ways out that are measured.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_core::spec::{Encoding, FrameRate, Resolution};
use understudy_runtime::access::Policy;
use understudy_runtime::broadcast::Metrics;
use understudy_runtime::capture::{self, Screen, Subjects, View};
use understudy_runtime::display::Display;
use understudy_runtime::egress::{self, rtmp, socket, whep};
use understudy_runtime::program::{Program, Registry};
use understudy_runtime::rtc as peers;

/// Where it is found.
pub struct Served {
    http: SocketAddr,
    rtmp: SocketAddr,
    _speaker: Kept,
}

type Kept = watch::Sender<Option<capture::Speaker>>;

impl Served {
    pub fn whep(&self) -> String {
        format!("http://{}/whep/program", self.http)
    }

    pub fn socket(&self) -> String {
        format!("ws://{}/stream/socket/program", self.http)
    }

    pub fn rtmp(&self) -> String {
        format!("rtmp://{}/live/program", self.rtmp)
    }
}

/// Until `shutdown`.
pub async fn serve(display: &Display, shutdown: &CancellationToken) -> anyhow::Result<Served> {
    let here = Ipv4Addr::LOCALHOST;
    let (program, speaker) = program(display);
    let programs = Registry::default();
    programs.name(&program, ["program".to_owned()]);
    let config = peers::Config {
        bind: (here, 0).into(),
        tcp: peers::TcpPort::Off,
        announce: vec![here.into()],
        max_viewers: 1,
        loops: peers::loops_here(),
    };
    let driver = peers::spawn(&config, peers::Metrics::default(), shutdown.clone())?;
    let sockets = socket::router(programs.clone(), |_| true, egress::Metrics::default());
    let app = whep::router(driver, programs.clone(), whep::IceServers::default()).merge(sockets);
    let (web, plain) = (TcpListener::bind((here, 0)).await?, TcpListener::bind((here, 0)).await?);
    let (http, rtmp) = (web.local_addr()?, plain.local_addr()?);
    tokio::spawn(async move { axum::serve(web, app).await });
    tokio::spawn(rtmp::serve(plain, players(programs), shutdown.clone()));
    Ok(Served { http, rtmp, _speaker: speaker })
}

fn players(programs: Registry) -> rtmp::Rtmp {
    rtmp::Rtmp {
        streams: rtmp::Streams::new(programs),
        policy: watch::channel(Policy::Local).1,
        own_token: "nobody".into(),
        metrics: rtmp::Metrics::default(),
    }
}

fn program(display: &Display) -> (Program, Kept) {
    let screen = Screen {
        view: View::Display(display.name.clone()),
        size: Resolution::HD,
        frame_rate: FrameRate::THIRTY,
        bitrate: Encoding::default().video,
    };
    let (speaker, speakers) = watch::channel(None);
    let subjects = Subjects {
        screen: watch::channel(Some(screen)).1,
        speaker: speakers,
        shows: watch::channel(true).1,
        ffmpeg: "ffmpeg".into(),
        silence: watch::Sender::default(),
    };
    (capture::program(subjects, &Metrics::default(), |why| tracing::error!(why)), speaker)
}
