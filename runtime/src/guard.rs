//! The guard: a forward proxy on loopback that everything fetched for a user's URL passes, by GStreamer and by Chromium.
//!
//! Each request, redirects and the parts of playlists included, is judged by the addresses that its host resolved to, and
//! the connection goes to one of exactly these. One connection carries one request. What does not speak HTTP asks `pin`.

mod connection;
mod denial;
mod metrics;
mod reach;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use metrics::{Audience, Metrics};
pub use reach::{Refused, connect, obstacle, pin};
pub use understudy_core::guard::{AllowPrivate, Policy};

/// Connections at once, at each door; more wait to be accepted. Chromium opens 32 at a proxy, a source few. Two doors with
/// two descriptors for each connection take half of the 1024 that a process may usually open.
const MOST_CONNECTIONS: usize = 128;

/// Out of descriptors: some will have been closed by then.
const PAUSE: Duration = Duration::from_millis(100);

/// Variables that tell libraries in this process of the media door: `souphttpsrc` reads the first when it is made, GIO's
/// proxy resolver both (for the downloader of adaptive streams, and for whatever else connects through GIO).
pub const PROXY_VARIABLES: [&str; 2] = ["http_proxy", "https_proxy"];

/// Variables that would lead around it.
pub const DETOUR_VARIABLES: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// One way in: who comes through it, and what they may reach.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub audience: Audience,
    pub policy: Policy,
    pub metrics: Metrics,
}

/// A door that is served.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Where the HTTP proxy is.
    pub address: SocketAddr,
    /// For what asks without it: `pin` and `obstacle`.
    pub policy: Policy,
}

/// A port of loopback to serve a door at; bound before the runtime starts, since its address is put into the environment.
pub fn listener() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Lets requests through until `shutdown`, and ends those that are open then.
pub fn serve(listener: TcpListener, door: Checkpoint, shutdown: CancellationToken) -> io::Result<Opened> {
    let opened = Opened { address: listener.local_addr()?, policy: door.policy.clone() };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tokio::spawn(async move {
        tokio::select! {
            () = accept(listener, Arc::new(door)) => {}
            () = shutdown.cancelled() => {}
        }
    });
    Ok(opened)
}

async fn accept(listener: tokio::net::TcpListener, door: Arc<Checkpoint>) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    // Dropped with this future, it ends all of them.
    let mut open = JoinSet::new();
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        while open.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, _)) => {
                let door = Arc::clone(&door);
                open.spawn(async move {
                    serve_one(client, &door).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the guard cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve_one(client: TcpStream, door: &Checkpoint) {
    // Tunnels carry other protocols than ours, whose small messages shall not wait for one another.
    drop(client.set_nodelay(true));
    if let Err(error) = connection::serve(client, door).await {
        tracing::debug!(%error, "a guarded connection broke off");
    }
}
