//! Connections of one listener: as many at once as there are seats, and each of them says what it wants within a time.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use futures::{StreamExt, stream};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::seats::Seats;

/// Whoever connects and says nothing is no client. It counts between two requests as well: longer than the 60 s for which proxies
/// keep a connection, so that it is they who close it.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Whoever takes nothing of an answer for so long is gone (RFC 5482).
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// So much may wait in the kernel, which nobody can take back: of what is live, a third of a second of a good picture. Without
/// a limit a slow reader has its programme up to 4 MB late, and one that reads nothing is found out only then.
const UNSENT_BYTES: u32 = 128 << 10;

/// For those whose answers are on their way at the end; the whole process has [`super::SHUTDOWN`].
const LAST_WORDS: Duration = Duration::from_secs(3);

/// From a request's head to the end of its body, the largest of which is an offer of a few kilobytes.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Far more than watch and steer one session, each of which asks for a moment: what is upgraded to a WebSocket gives its seat
/// back. Beyond that, connections wait in the kernel's queue.
pub(super) const SEATS: usize = 256;

/// After an error that is not about one connection, as when descriptors are used up: it must not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, and then until those who were answered have their answer.
pub(super) async fn serve(
    listener: TcpListener,
    router: axum::Router,
    head_timeout: Duration,
    shutdown: CancellationToken,
) {
    let router =
        router.layer(axum::middleware::map_request(async |request: Request| request.map(within_time)));
    let seats = Seats::new(SEATS);
    let mut connections = JoinSet::new();
    loop {
        let seat = tokio::select! {
            seat = seats.wait() => seat,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => break,
        };
        let (router, shutdown) = (router.clone(), shutdown.clone());
        connections.spawn(async move {
            answer(stream, peer, router, head_timeout, shutdown).await;
            drop(seat);
        });
        while connections.try_join_next().is_some() {}
    }
    let answered = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(LAST_WORDS, answered).await.is_err() {
        connections.shutdown().await;
    }
}

/// A body that ends with an error where it is not whole in time.
fn within_time(body: Body) -> Body {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let pieces = stream::unfold(body.into_data_stream(), move |mut pieces| async move {
        let piece = match tokio::time::timeout_at(deadline, pieces.next()).await {
            Ok(piece) => piece?,
            Err(elapsed) => Err(axum::Error::new(elapsed)),
        };
        Some((piece, pieces))
    });
    Body::from_stream(pieces)
}

async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    router: axum::Router,
    head_timeout: Duration,
    shutdown: CancellationToken,
) {
    // Answers and frames are written whole: waiting for more of them only delays the last piece (RFC 896).
    let unread = u32::try_from(UNREAD_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    let set_up = stream
        .set_nodelay(true)
        .and_then(|()| Ok(setsockopt(&stream, sockopt::TcpUserTimeout, &unread)?))
        .and_then(|()| SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES));
    if let Err(error) = set_up {
        tracing::debug!(%error, %peer, "a connection could not be set up");
        return;
    }
    // Who asks is a part of the request.
    let router = router.layer(axum::Extension(ConnectInfo(peer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SHORT: Duration = Duration::from_secs(1);

    async fn open(head_timeout: Duration) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = axum::Router::new().route("/", get(|| async { "here" }));
        let served = tokio::spawn(serve(listener, router, head_timeout, shutdown.clone()));
        (address, shutdown, served)
    }

    #[tokio::test]
    async fn who_says_nothing_is_let_go_and_makes_room() {
        let (address, _shutdown, _served) = open(SHORT).await;
        let (mut silent, began) = (Vec::new(), Instant::now());
        for _ in 0..SEATS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let answer = reqwest::get(format!("http://{address}/")).await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "here");
        assert!(began.elapsed() >= SHORT, "there was no seat before");
        assert_eq!(silent[0].read(&mut [0]).await.unwrap(), 0, "it was closed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_an_error_and_one_that_comes_is_whole() {
        let whole = within_time(Body::from("all of it"));
        assert_eq!(axum::body::to_bytes(whole, 100).await.unwrap(), "all of it");
        let began = Instant::now();
        let half = stream::iter([Ok::<_, std::io::Error>("half")]).chain(stream::pending());
        let half = within_time(Body::from_stream(half));
        assert!(axum::body::to_bytes(half, 100).await.is_err());
        assert_eq!(began.elapsed().as_secs(), BODY_TIMEOUT.as_secs());
    }

    #[tokio::test]
    async fn at_the_end_who_takes_no_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = axum::Router::new().route("/", get(|| async { "long".repeat(8 << 20) }));
        let served = tokio::spawn(serve(listener, router, HEAD_TIMEOUT, shutdown.clone()));
        let mut lazy = TcpStream::connect(address).await.unwrap();
        lazy.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        lazy.readable().await.unwrap();
        shutdown.cancel();
        tokio::time::timeout(2 * LAST_WORDS, served).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn at_the_end_idle_connections_are_closed_at_once() {
        let (address, shutdown, served) = open(HEAD_TIMEOUT).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
        assert!(idle.read(&mut [0; 512]).await.unwrap() > 0);
        shutdown.cancel();
        tokio::time::timeout(HEAD_TIMEOUT / 2, served).await.unwrap().unwrap();
    }
}
