//! One port: whose packets come is found out once, then the kernel drops all others.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::UdpSocket;

use super::sender;
use crate::net;

/// A keyframe of a large picture comes at once. The kernel gives what it may.
const BUFFER_BYTES: usize = 4 << 20;
/// Whoever was found to be a stranger stays one for so long: looking costs more than sending.
const STRANGER: Duration = Duration::from_secs(1);
/// So many are looked at within that time.
const MOST_STRANGERS: usize = 32;

pub(super) struct Port {
    io: UdpSocket,
    /// The address from which the child sends.
    sender: Option<SocketAddr>,
    strangers: Vec<SocketAddr>,
    looked: Option<Instant>,
}

impl Port {
    /// 0 takes any.
    pub fn open(number: u16) -> io::Result<Self> {
        let socket = net::udp((Ipv4Addr::LOCALHOST, number).into())?;
        SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES)?;
        Ok(Self { io: UdpSocket::from_std(socket)?, sender: None, strangers: Vec::new(), looked: None })
    }

    pub fn number(&self) -> io::Result<u16> {
        Ok(self.io.local_addr()?.port())
    }

    /// Another child is to send.
    pub fn release(&mut self) -> io::Result<()> {
        self.strangers.clear();
        if self.sender.take().is_some() {
            rustix::net::connect_unspec(&self.io)?;
        }
        Ok(())
    }

    pub async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    /// The next datagram, and who sent it. None: none waits.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.io.try_recv_from(buffer).ok()
    }

    /// Whether it is the child with that number who sends from there.
    pub fn admits(&mut self, from: SocketAddr, pid: i32) -> bool {
        if self.sender.is_some() {
            return self.sender == Some(from);
        }
        if self.looked.is_none_or(|at| at.elapsed() > STRANGER) {
            self.strangers.clear();
            self.looked = Some(Instant::now());
        }
        if self.strangers.contains(&from) || self.strangers.len() == MOST_STRANGERS {
            return false;
        }
        match sender::sends_from(pid, from.port()) {
            Ok(true) => {
                self.take(from);
                true
            }
            Ok(false) => {
                self.strangers.push(from);
                false
            }
            Err(error) => {
                tracing::warn!(%error, pid, "who sends to a process's port cannot be told");
                self.strangers.push(from);
                false
            }
        }
    }

    /// From now on the kernel drops what others send.
    fn take(&mut self, from: SocketAddr) {
        self.sender = Some(from);
        if let Err(error) = SockRef::from(&self.io).connect(&from.into()) {
            tracing::warn!(%error, "what others send to a process's port is dropped here and not by the kernel");
        }
    }
}
