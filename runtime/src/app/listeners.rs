//! One port, on one or more addresses of this machine.

use std::net::SocketAddr;

use anyhow::Context;
use futures::FutureExt;
use futures::future::BoxFuture;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::connections::{self, HEAD_TIMEOUT};
use crate::config::Run;
use crate::net::{self, Families};

/// Below the idle limits of common proxies and translators.
const KEEPALIVE_SECONDS: u32 = 10;
/// Who does not answer so often is gone: a sender whose network went away keeps its place for half a minute.
const KEEPALIVE_TRIES: u32 = 2;
/// A ping waits behind the data of a sender that is too fast: about two seconds of a good picture, not twenty.
const RECEIVE_BUFFER_BYTES: usize = 256 << 10;

pub(super) struct Listeners {
    pub(super) listeners: Vec<TcpListener>,
    pub(super) port: u16,
}

/// What speaks HTTP, at first.
pub(super) struct Entrances {
    pub(super) http: Listeners,
    pub(super) admin: Listeners,
    pub(super) devtools: Listeners,
    pub(super) participant: Listeners,
}

impl Entrances {
    pub(super) fn open(config: &Run, families: Families) -> anyhow::Result<Self> {
        let participant = Listeners::open(&config.participant_addresses(families));
        let how = "the participant socket (UNDERSTUDY_PARTICIPANT_SOCKET_PORT; 0 turns it off)";
        Ok(Self {
            http: Listeners::open(&config.http_addresses(families))?,
            admin: Listeners::open(&config.admin_addresses(families))?,
            devtools: Listeners::open(&config.devtools_addresses(families))
                .context("DevTools (--devtools-port)")?,
            participant: participant.context(how)?,
        })
    }
}

impl Listeners {
    /// Listens on the same port of each address; port 0 takes any.
    pub(super) fn open(addresses: &[SocketAddr]) -> anyhow::Result<Self> {
        let (mut listeners, mut port) = (Vec::new(), None);
        for address in addresses {
            let address = SocketAddr::new(address.ip(), port.unwrap_or(address.port()));
            let listener = listen(address).with_context(|| format!("cannot listen on {address}"))?;
            port = Some(listener.local_addr()?.port());
            listeners.push(listener);
        }
        Ok(Self { listeners, port: port.unwrap_or_default() })
    }

    /// What serves each address until `shutdown`.
    pub(super) fn serve(
        self,
        router: &axum::Router,
        shutdown: &CancellationToken,
    ) -> Vec<BoxFuture<'static, ()>> {
        let serve = |listener| connections::serve(listener, router.clone(), HEAD_TIMEOUT, shutdown.clone());
        self.listeners.into_iter().map(|listener| serve(listener).boxed()).collect()
    }
}

fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = net::tcp(address)?;
    // A client whose network went away says nothing any more; connections inherit this.
    setsockopt(&listener, sockopt::KeepAlive, &true)?;
    setsockopt(&listener, sockopt::TcpKeepIdle, &KEEPALIVE_SECONDS)?;
    setsockopt(&listener, sockopt::TcpKeepInterval, &KEEPALIVE_SECONDS)?;
    setsockopt(&listener, sockopt::TcpKeepCount, &KEEPALIVE_TRIES)?;
    setsockopt(&listener, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    Ok(TcpListener::from_std(listener)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_addresses_of_a_door_have_one_port() {
        let loopbacks = Families::here().loopbacks();
        let addresses: Vec<_> = loopbacks.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        let door = Listeners::open(&addresses).unwrap();
        assert_eq!(door.listeners.len(), loopbacks.len());
        for loopback in loopbacks {
            tokio::net::TcpStream::connect((loopback, door.port)).await.unwrap();
        }
    }
}
