//! The film, served over WHEP as a session serves its programme.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use understudy_runtime::broadcast::{self, Renditions};
use understudy_runtime::egress::whep;
use understudy_runtime::program::{Program, Registry};
use understudy_runtime::rtc;

use super::film::Film;
use super::playback::Playback;

/// More than one core serves.
const MAX_VIEWERS: usize = 2000;

/// Serves `/whep/program`, and at `/keyframes` how many were published, until it is ended.
pub async fn run(film: Film, address: SocketAddr) -> anyhow::Result<()> {
    let media = Renditions::new(&broadcast::Metrics::default());
    let config = rtc::Config {
        bind: (address.ip(), 0).into(),
        tcp: rtc::TcpPort::Same,
        announce: vec![address.ip()],
        max_viewers: MAX_VIEWERS,
        loops: rtc::loops_here(),
    };
    let driver = rtc::spawn(&config, rtc::Metrics::default(), CancellationToken::new())?;
    let played = media.clone();
    tokio::spawn(async move { play(&film, &played).await });
    let programs = Registry::default();
    programs.name(&Program::of(&media, watch::channel(true).1), ["program".to_owned()]);
    let keyframes = media.video.keyframes();
    let count = get(move || std::future::ready(keyframes.borrow().to_string()));
    let app: Router = whep::router(driver, programs, whep::IceServers::default()).route("/keyframes", count);
    let listener = TcpListener::bind(address).await.with_context(|| format!("{address} must be free"))?;
    Ok(axum::serve(listener, app).await?)
}

async fn play(film: &Film, media: &Renditions) {
    let mut playback = Playback::new(film);
    let mut wishes = media.video.keyframe_requests();
    loop {
        tokio::select! {
            biased;
            _ = wishes.next() => playback.refresh(),
            frame = playback.next() => media.of(frame.kind()).publish(frame),
        }
    }
}
