//! Connections as they are accepted. Whoever connects is a stranger until a session, or a caller of the control API, has shown who it
//! is on it. Strangers
//! have little time, for their TLS handshake as for all else, and there are only so many of them at a time: when there are,
//! others wait in the kernel's queue until one is known or its time is over. Known ones are as many as there are sessions.

use futures::Stream;
use futures::stream;
use parking_lot::Mutex;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tonic::transport::server::Connected;

/// How many may be there at a time: after a hand-over all sessions come at once, and each takes milliseconds.
const STRANGERS: usize = 1024;
/// TLS, Hello and a token review fit into it, on a busy machine too. Health and reflection are asked for in less.
const UNKNOWN_TIMEOUT: Duration = Duration::from_secs(15);
/// After an accept that failed: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What is known of a connection; every request on it carries it.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// From where it dials.
    pub(crate) address: IpAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Sessions that speak on it.
    sessions: AtomicUsize,
    stranger: Mutex<Option<OwnedSemaphorePermit>>,
}

/// As long as it is held, the connection is a session's.
#[derive(Debug)]
pub(crate) struct Stay(Arc<Shared>);

impl Guest {
    /// A session has shown who it is.
    pub(crate) fn welcome(&self) -> Stay {
        self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        self.shared.stranger.lock().take();
        Stay(Arc::clone(&self.shared))
    }

    /// Somebody has shown who they are, for as long as the connection lasts.
    pub(crate) fn know(&self) {
        if self.shared.stranger.lock().take().is_some() {
            self.shared.sessions.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Bytes of one connection.
pub(crate) struct Connection {
    stream: TcpStream,
    guest: Guest,
    /// When it is looked at whether the connection is a session's, and how often.
    check: Pin<Box<Sleep>>,
    timeout: Duration,
}

/// All connections that come, without end.
pub(crate) fn accept(listener: TcpListener) -> impl Stream<Item = io::Result<Connection>> {
    accept_with(listener, STRANGERS, UNKNOWN_TIMEOUT)
}

fn accept_with(
    listener: TcpListener,
    strangers: usize,
    timeout: Duration,
) -> impl Stream<Item = io::Result<Connection>> {
    let strangers = Arc::new(Semaphore::new(strangers));
    stream::unfold((listener, strangers), move |(listener, strangers)| async move {
        let permit = Arc::clone(&strangers).acquire_owned().await.ok()?;
        let accepted = listener.accept().await.and_then(|(stream, address)| {
            stream.set_nodelay(true)?; // messages are small, and each is waited for
            let shared = Shared { sessions: AtomicUsize::new(0), stranger: Mutex::new(Some(permit)) };
            let guest = Guest { address: address.ip(), shared: Arc::new(shared) };
            Ok(Connection { stream, guest, check: Box::pin(sleep(timeout)), timeout })
        });
        if let Err(error) = &accepted {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
        }
        Some((accepted, (listener, strangers)))
    })
}

impl Connection {
    /// A connection that is nobody's, or nobody's any more, ends.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        while self.check.as_mut().poll(context).is_ready() {
            if self.guest.shared.sessions.load(Ordering::Relaxed) == 0 {
                tracing::debug!(address = %self.guest.address, "a connection of nobody who is known is closed");
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.check.as_mut().reset(Instant::now() + self.timeout);
        }
        Ok(())
    }
}

impl Connected for Connection {
    type ConnectInfo = Guest;

    fn connect_info(&self) -> Guest {
        self.guest.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Err(ended) = self.check(context) {
            return Poll::Ready(Err(ended));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;
    use std::net::SocketAddr;
    use tokio::io::AsyncReadExt;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(200);
    /// Longer than any test may take.
    const PATIENCE: Duration = Duration::from_secs(20);

    async fn listening(
        strangers: usize,
        timeout: Duration,
    ) -> (Pin<Box<impl Stream<Item = io::Result<Connection>>>>, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Box::pin(accept_with(listener, strangers, timeout)), address)
    }

    #[tokio::test]
    async fn small_messages_are_sent_at_once() {
        let (mut accepted, address) = listening(1, PATIENCE).await;
        let _peer = TcpStream::connect(address).await.unwrap();
        let connection = accepted.next().await.unwrap().unwrap();
        assert!(connection.stream.nodelay().unwrap());
        assert_eq!(connection.connect_info().address, address.ip());
    }

    #[tokio::test]
    async fn a_stranger_has_little_time_and_a_session_as_much_as_it_likes() {
        let (mut accepted, address) = listening(2, SHORT).await;
        let _peers = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let mut stranger = accepted.next().await.unwrap().unwrap();
        let mut session = accepted.next().await.unwrap().unwrap();
        let stay = session.connect_info().welcome();
        let ended = timeout(PATIENCE, stranger.read_u8()).await.expect("a stranger must not stay");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(timeout(3 * SHORT, session.read_u8()).await.is_err(), "nothing was said, and nothing ended");
        drop(stay);
        let ended = timeout(PATIENCE, session.read_u8()).await.expect("what is no session's must not stay");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn beyond_as_many_strangers_as_there_may_be_others_wait_until_one_is_known_or_gone() {
        let (mut accepted, address) = listening(1, PATIENCE).await;
        let mut peers = Vec::new();
        for _ in 0..3 {
            peers.push(TcpStream::connect(address).await.unwrap());
        }
        let first = accepted.next().await.unwrap().unwrap();
        assert!(timeout(SHORT, accepted.next()).await.is_err());
        let _stay = first.connect_info().welcome();
        let second = timeout(PATIENCE, accepted.next()).await.unwrap().unwrap().unwrap();
        assert!(timeout(SHORT, accepted.next()).await.is_err());
        drop(second);
        assert!(timeout(PATIENCE, accepted.next()).await.unwrap().unwrap().is_ok());
    }
}
