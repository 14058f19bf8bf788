//! The end of the socket that is read.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use quinn_udp::{RecvMeta, UdpSockRef};
use tokio::io::Interest;

use super::Port;
use crate::net;

/// Datagrams taken in one call.
const RECEIVE_BATCH: usize = 16;
/// What receive offload may put into one buffer.
const RECEIVE_BYTES: usize = 65_536;

pub(in super::super) struct Reader {
    port: Arc<Port>,
    buffer: Vec<u8>,
}

/// A datagram that arrived.
pub(in super::super) struct Arrived<'a> {
    pub from: SocketAddr,
    /// The address of ours that it was sent to.
    pub local: Option<IpAddr>,
    pub bytes: &'a [u8],
}

impl Reader {
    pub(super) fn new(port: Arc<Port>) -> Self {
        Self { port, buffer: vec![0; RECEIVE_BATCH * RECEIVE_BYTES] }
    }

    /// Which of our ports it is of.
    pub fn port(&self) -> u16 {
        self.port.local.port()
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.port.io.readable().await
    }

    /// Everything that fits into one call; nothing if nothing waits.
    pub fn receive(&mut self, mut each: impl FnMut(Arrived<'_>)) -> io::Result<()> {
        let mut meta = [RecvMeta::default(); RECEIVE_BATCH];
        let mut slices: Vec<IoSliceMut<'_>> =
            self.buffer.chunks_mut(RECEIVE_BYTES).map(IoSliceMut::new).collect();
        let Port { io, state, .. } = &*self.port;
        let received =
            io.try_io(Interest::READABLE, || state.recv(UdpSockRef::from(io), &mut slices, &mut meta));
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
}
