//! Connections as they come in: as many at once as there are seats.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use understudy_rtmp::handshake;

use super::Rtmp;
use super::connection::{Connection, Ended};
use crate::net;
use crate::seats::Seats;

/// Players and publishers at one port. Beyond that, connections wait in the kernel's queue.
const SEATS: usize = 512;

/// After an error that is not about one connection, as when descriptors are used up: it must not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// A handshake of TLS takes two round trips.
const TLS_DEADLINE: Duration = Duration::from_secs(10);

/// For those whose last words are on their way.
const FAREWELL: Duration = Duration::from_secs(2);

/// Of what waits in the kernel: what a player is behind by, before it is behind by our own count. A third of a second of a good
/// picture.
const UNSENT_BYTES: u32 = 128 << 10;

/// Whoever acknowledges nothing of what it was sent for so long is gone (RFC 5482). Who is sent nothing is asked by the kernel
/// instead: a connection inherits that from where it came in.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves RTMP until `shutdown`.
pub async fn serve(listener: TcpListener, rtmp: Rtmp, shutdown: CancellationToken) {
    accept(listener, shutdown.clone(), move |io, shutdown| answer(io, rtmp.clone(), None, shutdown)).await;
}

/// The same over TLS.
pub async fn serve_tls(listener: TcpListener, tls: TlsAcceptor, rtmp: Rtmp, shutdown: CancellationToken) {
    let answer = move |io, shutdown| answer(io, rtmp.clone(), Some(tls.clone()), shutdown);
    accept(listener, shutdown.clone(), answer).await;
}

#[tracing::instrument(name = "rtmp", skip_all)]
async fn accept<F>(
    listener: TcpListener,
    shutdown: CancellationToken,
    answer: impl Fn(TcpStream, CancellationToken) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let seats = Seats::new(SEATS);
    let mut connections = JoinSet::new();
    loop {
        let next = async { (seats.wait().await, listener.accept().await) };
        let (seat, accepted) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        match accepted {
            Ok((io, _)) => {
                let answered = answer(io, shutdown.clone());
                connections.spawn(async move {
                    answered.await;
                    drop(seat);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, ended).await.is_err() {
        connections.shutdown().await;
    }
}

async fn answer(io: TcpStream, rtmp: Rtmp, tls: Option<TlsAcceptor>, shutdown: CancellationToken) {
    let Ok(peer) = io.peer_addr().map(net::plain) else { return };
    // One that is gone by now says so when it is read.
    let _ = io.set_nodelay(true);
    let socket = socket2::SockRef::from(&io);
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_TIMEOUT));
    let Some(tls) = tls else { return converse(io, peer.ip(), rtmp, &shutdown).await };
    match tokio::time::timeout(TLS_DEADLINE, tls.accept(io)).await {
        Ok(Ok(io)) => converse(io, peer.ip(), rtmp, &shutdown).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS was agreed upon"),
        Err(_) => tracing::debug!(%peer, "no TLS was agreed upon in time"),
    }
}

async fn converse(
    io: impl AsyncRead + AsyncWrite,
    peer: std::net::IpAddr,
    rtmp: Rtmp,
    shutdown: &CancellationToken,
) {
    let mut random = [0; handshake::BYTES];
    rand::fill(&mut random);
    let metrics = rtmp.metrics.clone();
    match Connection::new(rtmp, peer, random).serve(io, shutdown).await {
        Ok(()) => tracing::debug!(%peer, "a connection ended"),
        Err(ended) => {
            if matches!(ended, Ended::Stalled) {
                metrics.stalled.inc();
            }
            tracing::debug!(%peer, why = %ended, "a connection was ended");
        }
    }
}
