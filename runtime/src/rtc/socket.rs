//! The one UDP socket, as a loop sends by it. All loops send by the same, each with what waits for it; one task reads it ([`Reader`]).

mod many;
mod reader;

pub(super) use reader::Reader;

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use understudy_core::fanout::waiting::{MAX_BYTES, Waiting};

use super::batch::{Added, Batch, Path};
use super::metrics::Metrics;
use crate::net;

/// Two keyframes for a hundred viewers.
const SEND_BUFFER_BYTES: usize = 4 << 20;
/// Checks and reports of a thousand viewers that speak at once.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// Hosts that segments do not reach; more means that none of them need be remembered for long.
const MAX_UNSEGMENTED: usize = 256;

pub(super) struct Socket {
    port: Arc<Port>,
    batch: Batch,
    /// Hosts on whose way nothing segments.
    unsegmented: HashSet<IpAddr>,
    waiting: Waiting<many::Held>,
}

/// What all have in common.
struct Port {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    /// Segments that the kernel makes of one message, at most.
    segments: usize,
}

impl Socket {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = net::udp(address)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The kernel may grant less (net.core.wmem_max); that costs packets under load, not correctness.
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SEND_BUFFER_BYTES);
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER_BYTES);
        let (local, segments) = (socket.local_addr()?, state.max_gso_segments());
        let io = UdpSocket::from_std(socket)?;
        Ok(Self::of(Arc::new(Port { io, state, local, segments }), MAX_BYTES))
    }

    fn of(port: Arc<Port>, most_waiting: usize) -> Self {
        let (batch, unsegmented, waiting) = (Batch::default(), HashSet::new(), Waiting::new(most_waiting));
        Self { port, batch, unsegmented, waiting }
    }

    /// The same, for one of that many loops.
    pub fn share(&self, loops: usize) -> Self {
        Self::of(Arc::clone(&self.port), MAX_BYTES / loops.max(1))
    }

    /// The same, by which nothing waits: what the kernel has no room for is lost.
    pub fn unhurried(self) -> Self {
        Self { waiting: Waiting::new(0), ..self }
    }

    /// Its other end, for one task.
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.port))
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.port.local
    }

    /// Queues a datagram behind others to the same viewer; a different one pushes them out.
    pub fn send(&mut self, path: Path, datagram: &[u8], metrics: &Metrics) {
        let most = if self.segments(path.to.ip()) { self.port.segments } else { 1 };
        if self.batch.add(path, datagram, most) == Added::Full {
            self.flush(metrics);
            self.batch.add(path, datagram, most);
        }
    }

    /// Hands what is queued to the kernel. What it does not take is lost, as on any network.
    pub fn flush(&mut self, metrics: &Metrics) {
        let mut refuses = None;
        if let Some((path, contents, segment, count)) = self.batch.contents() {
            match self.hand(path, contents, (count > 1).then_some(segment)) {
                Ok(()) => sent(metrics, count, contents.len()),
                Err(error) if count > 1 && many::refuses_segments(&error) => {
                    for datagram in contents.chunks(segment) {
                        match self.hand(path, datagram, None) {
                            Ok(()) => {
                                // If none leaves, segments are not why.
                                refuses = Some(path.to.ip());
                                sent(metrics, 1, datagram.len());
                            }
                            Err(_) => unsent(metrics, 1),
                        }
                    }
                }
                Err(_) => unsent(metrics, count),
            }
        }
        self.batch.clear();
        if let Some(host) = refuses {
            self.remember_unsegmented(host);
        }
    }

    fn hand(&self, path: Path, contents: &[u8], segment_size: Option<usize>) -> io::Result<()> {
        let Path { to, source, .. } = self.outer(path);
        let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: source };
        let Port { io, state, .. } = &*self.port;
        io.try_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(io), &transmit))
    }

    /// Whether the kernel may segment on the way to that host. Not what the library says of all: it gives up for everybody
    /// what one way refuses.
    fn segments(&self, to: IpAddr) -> bool {
        self.port.segments > 1 && !self.unsegmented.contains(&to)
    }

    fn remember_unsegmented(&mut self, host: IpAddr) {
        if self.unsegmented.len() >= MAX_UNSEGMENTED {
            self.unsegmented.clear();
        }
        self.unsegmented.insert(host);
    }

    /// As the socket's family writes it.
    fn outer(&self, path: Path) -> Path {
        match (self.port.local.is_ipv6(), path.to) {
            (true, SocketAddr::V4(to)) => Path::udp(
                SocketAddr::new(net::mapped((*to.ip()).into()), to.port()),
                path.source.map(net::mapped),
            ),
            _ => path,
        }
    }
}

fn sent(metrics: &Metrics, datagrams: usize, bytes: usize) {
    metrics.send_calls.inc();
    metrics.sent_datagrams.inc_by(datagrams as u64);
    metrics.sent_bytes.inc_by(bytes as u64);
}

fn unsent(metrics: &Metrics, datagrams: usize) {
    metrics.unsent_datagrams.inc_by(datagrams as u64);
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket as Peer;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn peers_of_both_families_are_known_and_answered_by_their_own_addresses() {
        let families = net::Families::here();
        let mut socket = Socket::bind(SocketAddr::new(families.unspecified(), 0)).unwrap();
        let port = socket.local_addr().port();
        for loopback in families.loopbacks() {
            let peer = Peer::bind((loopback, 0)).unwrap();
            peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            peer.send_to(b"hello", (loopback, port)).unwrap();
            let mut reader = socket.reader();
            reader.readable().await.unwrap();
            let mut path = None;
            reader.receive(|arrived| path = Some(Path::udp(arrived.from, arrived.local))).unwrap();
            let path = path.expect("a datagram must have arrived");
            assert_eq!(path, Path::udp(peer.local_addr().unwrap(), Some(loopback)));
            socket.port.io.writable().await.unwrap();
            socket.send(path, b"welcome", &Metrics::default());
            socket.flush(&Metrics::default());
            let mut answer = [0; 16];
            let (length, from) = peer.recv_from(&mut answer).unwrap();
            assert_eq!((&answer[..length], from), (&b"welcome"[..], SocketAddr::new(loopback, port)));
        }
    }

    #[tokio::test]
    async fn what_one_way_refuses_is_segmented_for_all_others_as_before() {
        let mut socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (metrics, host) = (Metrics::default(), socket.local_addr().ip());
        let before = socket.segments(host);
        socket.port.io.writable().await.unwrap();
        // The kernel calls a port that is none invalid, as it calls segments that it does not take.
        let nowhere = Path::udp(SocketAddr::new(host, 0), Some(host));
        for _ in 0..2 {
            socket.send(nowhere, b"four", &metrics);
        }
        socket.flush(&metrics);
        assert_eq!((metrics.sent_datagrams.get(), metrics.unsent_datagrams.get()), (0, 2));
        assert_eq!(socket.segments(host), before);
        let peer = Peer::bind((host, 0)).unwrap();
        let path = Path::udp(peer.local_addr().unwrap(), Some(host));
        for _ in 0..2 {
            socket.send(path, b"four", &metrics);
        }
        socket.flush(&metrics);
        assert_eq!((metrics.sent_datagrams.get(), metrics.send_calls.get()), (2, if before { 1 } else { 2 }));
    }
}
