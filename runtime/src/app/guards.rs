//! The guard's two doors: that of sources and outputs, and that of the browser.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::guard::{self, AllowPrivate, Audience, Checkpoint, Metrics, Opened, Policy};

/// Dropped, both are closed.
pub(super) struct Guards {
    pub(super) browser: Opened,
    pub(super) media: Opened,
    _end: DropGuard,
}

impl Guards {
    /// The browser may also reach what this process serves for it: the bundled pages on `http_port`, and the participant socket.
    pub(super) fn start(
        allow: &AllowPrivate,
        media: TcpListener,
        http_port: u16,
        socket: &[SocketAddr],
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let (metrics, end) = (Metrics::default(), CancellationToken::new());
        metrics.register(registry);
        let pages = [SocketAddr::from((Ipv4Addr::LOCALHOST, http_port))];
        let open = |listener, audience, own| {
            let policy = Policy { allow: allow.clone(), own };
            guard::serve(listener, Checkpoint { audience, policy, metrics: metrics.clone() }, end.clone())
        };
        let media = open(media, Audience::Media, vec![])?;
        let browser = guard::listener().context("the guard has no port")?;
        let browser = open(browser, Audience::Browser, [&pages, socket].concat())?;
        tracing::info!(browser = %browser.address, media = %media.address, private = %allow, "guarding what is fetched");
        Ok(Self { browser, media, _end: end.drop_guard() })
    }
}
