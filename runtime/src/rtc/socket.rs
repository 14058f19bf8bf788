//! The one UDP socket.

mod many;

use std::collections::HashSet;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use understudy_core::fanout::waiting::Waiting;

use super::batch::{Added, Batch, Path};
use super::metrics::Metrics;
use crate::net;

/// Two keyframes for a hundred viewers.
const SEND_BUFFER_BYTES: usize = 4 << 20;
/// Checks and reports of a thousand viewers that speak at once.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// Datagrams taken in one call.
const RECEIVE_BATCH: usize = 16;
/// What receive offload may put into one buffer.
const RECEIVE_BYTES: usize = 65_536;

pub(super) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
    local: SocketAddr,
    batch: Batch,
    /// Hosts on whose way nothing segments.
    unsegmented: HashSet<IpAddr>,
    waiting: Waiting<many::Held>,
    buffer: Vec<u8>,
}

/// A datagram that arrived.
pub(super) struct Arrived<'a> {
    pub from: SocketAddr,
    /// The address of ours that it was sent to.
    pub local: Option<IpAddr>,
    pub bytes: &'a [u8],
}

impl Socket {
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = net::udp(address)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // The kernel may grant less (net.core.wmem_max); that costs packets under load, not correctness.
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), SEND_BUFFER_BYTES);
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), RECEIVE_BUFFER_BYTES);
        let local = socket.local_addr()?;
        let io = UdpSocket::from_std(socket)?;
        let (batch, unsegmented, waiting) = (Batch::default(), HashSet::new(), Waiting::default());
        let buffer = vec![0; RECEIVE_BATCH * RECEIVE_BYTES];
        Ok(Self { io, state, local, batch, unsegmented, waiting, buffer })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// Everything that fits into one call; nothing if nothing waits.
    pub fn receive(&mut self, mut each: impl FnMut(Arrived<'_>)) -> io::Result<()> {
        let mut meta = [RecvMeta::default(); RECEIVE_BATCH];
        let mut slices: Vec<IoSliceMut<'_>> =
            self.buffer.chunks_mut(RECEIVE_BYTES).map(IoSliceMut::new).collect();
        let received = self.io.try_io(Interest::READABLE, || {
            self.state.recv(UdpSockRef::from(&self.io), &mut slices, &mut meta)
        });
        let count = match received {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for (meta, buffer) in meta.iter().zip(self.buffer.chunks(RECEIVE_BYTES)).take(count) {
            for bytes in buffer[..meta.len].chunks(meta.stride.max(1)) {
                let local = meta.dst_ip.map(|ip| ip.to_canonical());
                each(Arrived { from: net::plain(meta.addr), local, bytes });
            }
        }
        Ok(())
    }

    /// Queues a datagram behind others to the same viewer; a different one pushes them out.
    pub fn send(&mut self, path: Path, datagram: &[u8], metrics: &Metrics) {
        let most = self.state.max_gso_segments();
        if self.batch.add(path, datagram, most) == Added::Full {
            self.flush(metrics);
            self.batch.add(path, datagram, most);
        }
    }

    /// Hands what is queued to the kernel. What it does not take is lost, as on any network.
    pub fn flush(&mut self, metrics: &Metrics) {
        if let Some((path, contents, segment, count)) = self.batch.contents() {
            let segment_size = (count > 1).then_some(segment);
            let Path { to, source } = self.outer(path);
            let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: source };
            let sent = self
                .io
                .try_io(Interest::WRITABLE, || self.state.try_send(UdpSockRef::from(&self.io), &transmit));
            match sent {
                Ok(()) => {
                    metrics.send_calls.inc();
                    metrics.sent_datagrams.inc_by(count as u64);
                    metrics.sent_bytes.inc_by(contents.len() as u64);
                }
                Err(_) => {
                    metrics.unsent_datagrams.inc_by(count as u64);
                }
            }
        }
        self.batch.clear();
    }

    /// As the socket's family writes it.
    fn outer(&self, path: Path) -> Path {
        match (self.local.is_ipv6(), path.to) {
            (true, SocketAddr::V4(to)) => Path {
                to: SocketAddr::new(net::mapped((*to.ip()).into()), to.port()),
                source: path.source.map(net::mapped),
            },
            _ => path,
        }
    }
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
            socket.readable().await.unwrap();
            let mut path = None;
            socket.receive(|arrived| path = Some(Path { to: arrived.from, source: arrived.local })).unwrap();
            let path = path.expect("a datagram must have arrived");
            assert_eq!(path, Path { to: peer.local_addr().unwrap(), source: Some(loopback) });
            socket.io.writable().await.unwrap();
            socket.send(path, b"welcome", &Metrics::default());
            socket.flush(&Metrics::default());
            let mut answer = [0; 16];
            let (length, from) = peer.recv_from(&mut answer).unwrap();
            assert_eq!((&answer[..length], from), (&b"welcome"[..], SocketAddr::new(loopback, port)));
        }
    }
}
