//! Messages to many viewers in one call of the kernel (`sendmmsg`), each segmented by it (UDP GSO).

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Instant;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use tokio::io::Interest;
use understudy_core::fanout::waiting::Waiting;

use super::super::metrics::Metrics;
use super::super::spread::{Burst, Part, Spread};
use super::Socket;

/// `UIO_MAXIOV`: what the kernel looks at in one call.
const MAX_MESSAGES: usize = 1024;

/// Messages that the kernel had no room for, with their bytes.
pub(super) struct Held {
    messages: Vec<Burst>,
    bytes: Vec<u8>,
}

/// What became of the first of some messages, and of those behind it.
enum Tried {
    /// So many left whole.
    Sent(usize),
    /// The first is left to be sent as these.
    Singly(Vec<Burst>),
    NoRoom,
    NoWay,
}

impl Socket {
    /// Returns when there is room again for what waits; without end if nothing does.
    pub async fn room(&self) -> io::Result<()> {
        if self.waiting.is_empty() {
            std::future::pending::<()>().await;
        }
        self.port.io.writable().await
    }

    /// When something has waited too long.
    pub fn expires_at(&self) -> Option<Instant> {
        self.waiting.expires_at()
    }

    /// Hands over what waits. Tells what did not leave in time.
    pub fn resume(&mut self, metrics: &Metrics) -> Vec<Part> {
        let mut missed = Vec::new();
        let mut waiting = std::mem::replace(&mut self.waiting, Waiting::new(0));
        while let Some(Held { messages, .. }) = waiting.expired(Instant::now()) {
            messages.iter().for_each(|message| missed_one(message, metrics, &mut missed));
        }
        while let Some(Held { messages, bytes }) = waiting.first_mut() {
            let Some(first) = messages.first() else {
                waiting.pop();
                continue;
            };
            match self.offer(bytes, messages, metrics) {
                Tried::Sent(count) => drop(messages.drain(..count)),
                Tried::Singly(rest) => drop(messages.splice(..1, rest)),
                Tried::NoRoom => break,
                Tried::NoWay => {
                    missed_one(first, metrics, &mut missed);
                    messages.remove(0);
                }
            }
        }
        self.waiting = waiting;
        missed
    }

    /// Hands over what was spread. Tells what could not leave: the kernel had no room for long, or no way.
    pub fn spread(&mut self, spread: &mut Spread, metrics: &Metrics) -> Vec<Part> {
        let mut messages: Vec<Burst> = Vec::with_capacity(spread.messages().len());
        for message in spread.messages() {
            if self.segments(message.part.path.to.ip()) {
                messages.push(message.clone());
            } else {
                messages.extend(message.singly());
            }
        }
        // The order to each viewer stays, and those that are alike are together.
        messages.sort_by_key(|message| (message.part.turn, message.shape()));
        let mut missed = Vec::new();
        for alike in messages.chunk_by(|one, other| one.shape() == other.shape()) {
            for call in alike.chunks(MAX_MESSAGES) {
                self.send_all(spread.bytes(), call, metrics, &mut missed);
            }
        }
        spread.clear();
        missed
    }

    fn send_all(&mut self, bytes: &[u8], mut messages: &[Burst], metrics: &Metrics, missed: &mut Vec<Part>) {
        // Nothing overtakes what waits.
        while self.waiting.is_empty()
            && let Some(first) = messages.first()
        {
            match self.offer(bytes, messages, metrics) {
                Tried::Sent(count) => messages = &messages[count..],
                Tried::Singly(rest) => {
                    self.send_all(bytes, &rest, metrics, missed);
                    messages = &messages[1..];
                }
                Tried::NoRoom => break,
                Tried::NoWay => {
                    missed_one(first, metrics, missed);
                    messages = &messages[1..];
                }
            }
        }
        for message in messages {
            self.hold(bytes, message, metrics, missed);
        }
    }

    fn hold(&mut self, bytes: &[u8], message: &Burst, metrics: &Metrics, missed: &mut Vec<Part>) {
        let bytes = &bytes[message.range.clone()];
        let part = &message.part;
        // Whoever misses a part misses the rest of it too.
        let misses = |other: &Part| (other.viewer, other.kind) == (part.viewer, part.kind);
        if missed.iter().any(misses) || !self.waiting.fits(bytes.len()) {
            return missed_one(message, metrics, missed);
        }
        let messages = vec![Burst { range: 0..bytes.len(), ..message.clone() }];
        self.waiting.push(Held { messages, bytes: bytes.to_vec() }, bytes.len(), Instant::now());
    }

    fn offer(&mut self, bytes: &[u8], messages: &[Burst], metrics: &Metrics) -> Tried {
        match self.send_some(bytes, messages, metrics) {
            Ok(sent) => Tried::Sent(sent.clamp(1, messages.len())),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Tried::NoRoom,
            Err(error) => match messages.first().filter(|first| first.datagrams() > 1) {
                Some(first) if refuses_segments(&error) => self.offer_singly(bytes, first, metrics),
                _ => Tried::NoWay,
            },
        }
    }

    /// What was refused segmented leaves singly on a device without checksums, in some tunnels; if it does not, segments are
    /// not why.
    fn offer_singly(&mut self, bytes: &[u8], message: &Burst, metrics: &Metrics) -> Tried {
        let mut singly: Vec<Burst> = message.singly().collect();
        match self.send_some(bytes, &singly, metrics) {
            Ok(sent) => {
                self.remember_unsegmented(message.part.path.to.ip());
                singly.drain(..sent.min(singly.len()));
                Tried::Singly(singly)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Tried::NoRoom,
            Err(_) => Tried::NoWay,
        }
    }

    /// How many of the messages the kernel took.
    fn send_some(&self, bytes: &[u8], messages: &[Burst], metrics: &Metrics) -> io::Result<usize> {
        let outer: Vec<_> = messages.iter().map(|message| self.outer(message.part.path)).collect();
        let to: Vec<_> = outer.iter().map(|path| Some(SockaddrStorage::from(path.to))).collect();
        let slices: Vec<_> =
            messages.iter().map(|message| [IoSlice::new(&bytes[message.range.clone()])]).collect();
        let source = outer.first().and_then(|path| path.source);
        let segment = messages.first().map_or(0, |message| message.shape().0);
        let send = || call(self.port.io.as_raw_fd(), &slices, &to, segment, source);
        let sent = self.port.io.try_io(Interest::WRITABLE, send)?;
        let taken = &messages[..sent.min(messages.len())];
        metrics.send_calls.inc();
        metrics.sent_datagrams.inc_by(taken.iter().map(|message| message.datagrams() as u64).sum());
        metrics.sent_bytes.inc_by(taken.iter().map(|message| message.range.len() as u64).sum());
        Ok(sent)
    }
}

fn missed_one(message: &Burst, metrics: &Metrics, missed: &mut Vec<Part>) {
    metrics.unsent_datagrams.inc_by(message.datagrams() as u64);
    missed.push(message.part);
}

pub(super) fn refuses_segments(error: &io::Error) -> bool {
    [Errno::EIO, Errno::EINVAL].iter().any(|refusal| error.raw_os_error() == Some(*refusal as i32))
}

fn call(
    socket: RawFd,
    slices: &[[IoSlice<'_>; 1]],
    to: &[Option<SockaddrStorage>],
    segment: usize,
    source: Option<IpAddr>,
) -> io::Result<usize> {
    let segment = u16::try_from(segment).unwrap_or_default();
    let (v4, v6) = (source.and_then(pktinfo), source.and_then(pktinfo6));
    let mut control = Vec::new();
    let mut space = 0;
    if segment > 0 {
        control.push(ControlMessage::UdpGsoSegments(&segment));
        space += cmsg_space!(u16).len();
    }
    if let Some(source) = &v4 {
        control.push(ControlMessage::Ipv4PacketInfo(source));
        space += cmsg_space!(in_pktinfo).len();
    }
    if let Some(source) = &v6 {
        control.push(ControlMessage::Ipv6PacketInfo(source));
        space += cmsg_space!(in6_pktinfo).len();
    }
    // To the byte: room that is left reads as a control message without a length.
    let room = (space > 0).then(|| vec![0; space]);
    let mut headers = MultiHeaders::preallocate(slices.len(), room);
    let sent = sendmmsg(socket, &mut headers, slices, to, control, MsgFlags::empty())?;
    Ok(sent.count())
}

fn pktinfo(source: IpAddr) -> Option<in_pktinfo> {
    let IpAddr::V4(source) = source else { return None };
    let source = in_addr { s_addr: u32::from_ne_bytes(source.octets()) };
    Some(in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: in_addr { s_addr: 0 } })
}

fn pktinfo6(source: IpAddr) -> Option<in6_pktinfo> {
    let IpAddr::V6(source) = source else { return None };
    Some(in6_pktinfo { ipi6_addr: in6_addr { s6_addr: source.octets() }, ipi6_ifindex: 0 })
}

#[cfg(test)]
mod tests;
