//! RTMP and RTMPS, put together.

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::listeners::Listeners;
use crate::config::Run;
use crate::egress::rtmp::{self, Rtmp};
use crate::net::Families;

/// Where they listen. A port that somebody else has is no reason to do without all the rest.
pub(super) struct Doors {
    plain: Option<Listeners>,
    secure: Option<Listeners>,
    tls: TlsAcceptor,
}

impl Doors {
    pub(super) fn open(config: &Run, families: Families) -> anyhow::Result<Self> {
        let identity = config.rtmp.rtmps_identity()?;
        let tls =
            rtmp::acceptor(identity).context("RTMPS has no certificate (RTMPS_CERT_PATH, RTMPS_KEY_PATH)")?;
        let plain = open("RTMP", &config.rtmp_addresses(families));
        let secure = open("RTMPS", &config.rtmps_addresses(families));
        Ok(Self { plain, secure, tls })
    }

    /// Of RTMP and RTMPS; none where it does not listen.
    pub(super) fn ports(&self) -> [Option<u16>; 2] {
        [&self.plain, &self.secure].map(|door| door.as_ref().map(|door| door.port))
    }

    /// Where RTMP listens, at the first of its addresses.
    pub(super) fn at(&self) -> Option<std::net::SocketAddr> {
        let listener = self.plain.as_ref()?.listeners.first()?;
        listener.local_addr().ok().map(crate::net::plain)
    }

    /// What serves them until `shutdown`.
    pub(super) fn serve(
        self,
        rtmp: &Rtmp,
        shutdown: &CancellationToken,
    ) -> Vec<(&'static str, BoxFuture<'static, ()>)> {
        let mut serving: Vec<(&'static str, BoxFuture<'static, ()>)> = Vec::new();
        for listener in self.plain.into_iter().flat_map(|door| door.listeners) {
            serving.push(("RTMP", rtmp::serve(listener, rtmp.clone(), shutdown.clone()).boxed()));
        }
        for listener in self.secure.into_iter().flat_map(|door| door.listeners) {
            let served = rtmp::serve_tls(listener, self.tls.clone(), rtmp.clone(), shutdown.clone());
            serving.push(("RTMPS", served.boxed()));
        }
        serving
    }
}

fn open(what: &str, addresses: &[std::net::SocketAddr]) -> Option<Listeners> {
    Listeners::open(addresses)
        .inspect_err(|error| tracing::error!(what, error = format!("{error:#}"), "it is not served"))
        .ok()
}
