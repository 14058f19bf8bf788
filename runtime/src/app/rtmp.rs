//! RTMP and RTMPS, put together.

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::listeners::Listeners;
use crate::config::Run;
use crate::egress::rtmp::{self, Rtmp};
use crate::net::Families;

/// What serves them until `shutdown`. A port that somebody else has is no reason to do without all the rest.
pub(super) fn serve(
    config: &Run,
    families: Families,
    rtmp: &Rtmp,
    shutdown: &CancellationToken,
) -> anyhow::Result<Vec<(&'static str, BoxFuture<'static, ()>)>> {
    let identity = config.rtmp.rtmps_identity()?;
    let tls =
        rtmp::acceptor(identity).context("RTMPS has no certificate (RTMPS_CERT_PATH, RTMPS_KEY_PATH)")?;
    let mut serving: Vec<(&'static str, BoxFuture<'static, ()>)> = Vec::new();
    for listener in open("RTMP", &config.rtmp_addresses(families)) {
        serving.push(("RTMP", rtmp::serve(listener, rtmp.clone(), shutdown.clone()).boxed()));
    }
    for listener in open("RTMPS", &config.rtmps_addresses(families)) {
        let served = rtmp::serve_tls(listener, tls.clone(), rtmp.clone(), shutdown.clone());
        serving.push(("RTMPS", served.boxed()));
    }
    Ok(serving)
}

fn open(what: &str, addresses: &[std::net::SocketAddr]) -> Vec<tokio::net::TcpListener> {
    match Listeners::open(addresses) {
        Ok(opened) => opened.listeners,
        Err(error) => {
            tracing::error!(what, error = format!("{error:#}"), "it is not served");
            Vec::new()
        }
    }
}
