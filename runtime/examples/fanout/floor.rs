//! The same packets without a stack: what the kernel takes to send them.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use tokio::net::UdpSocket;
use understudy_core::media::Kind;

use super::film::Film;
use super::packets::Packets;
use super::playback::Playback;

/// What SRTP adds to a packet with AES-GCM (RFC 7714 §5.2).
const TAG: [u8; 16] = [0; 16];
/// UIO_MAXIOV: messages that one call takes.
const MESSAGES: usize = 1024;
/// What one datagram of the kernel holds before it is cut, in segments and in bytes.
const SEGMENTS: usize = 64;
const BYTES: usize = 65_507;
const DATAGRAM_BYTES: usize = 2048;

/// Sends to `count` ports from that of `address` on, with one message for each run of packets of one size.
pub async fn send(film: &Film, address: SocketAddr, count: u16) -> anyhow::Result<()> {
    let any: SocketAddr = if address.is_ipv4() { ([0; 4], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = std::net::UdpSocket::bind(any)?;
    let to: Vec<Option<SockaddrStorage>> =
        (0..count).map(|place| Some(SocketAddr::new(address.ip(), address.port() + place).into())).collect();
    let (mut video, mut audio) = (Packets::new(96, 1), Packets::new(111, 2));
    let mut playback = Playback::new(film);
    loop {
        let frame = playback.next().await;
        let packets = match frame.kind() {
            Kind::Video => video.of(&frame),
            Kind::Audio => audio.of(&frame),
        };
        let datagrams: Vec<Vec<u8>> = packets.iter().map(|packet| [&packet[..], &TAG[..]].concat()).collect();
        for run in runs(&datagrams) {
            send_to_all(&socket, &run.concat(), run[0].len(), &to)?;
        }
    }
}

/// Of equal size each, but for the last of a run.
fn runs(datagrams: &[Vec<u8>]) -> Vec<&[Vec<u8>]> {
    let (mut runs, mut rest) = (Vec::new(), datagrams);
    while let Some(first) = rest.first() {
        let most = SEGMENTS.min(BYTES / first.len()).min(rest.len());
        let equal = rest[..most].iter().take_while(|datagram| datagram.len() == first.len()).count();
        let tail = rest[..most].get(equal).is_some_and(|datagram| datagram.len() < first.len());
        let (run, others) = rest.split_at(equal + usize::from(tail));
        runs.push(run);
        rest = others;
    }
    runs
}

fn send_to_all(
    socket: &std::net::UdpSocket,
    bytes: &[u8],
    segment: usize,
    to: &[Option<SockaddrStorage>],
) -> anyhow::Result<()> {
    let segment = u16::try_from(segment)?;
    let offload = [ControlMessage::UdpGsoSegments(&segment)];
    for part in to.chunks(MESSAGES) {
        let slices = vec![[IoSlice::new(bytes)]; part.len()];
        let mut headers = MultiHeaders::preallocate(part.len(), Some(nix::cmsg_space!(u16)));
        sendmmsg(socket.as_raw_fd(), &mut headers, &slices, part, offload, MsgFlags::empty())?;
    }
    Ok(())
}

/// Takes what comes to `count` ports, until it is ended.
pub async fn take(address: SocketAddr, count: u16) -> anyhow::Result<()> {
    for place in 0..count {
        let socket = UdpSocket::bind(SocketAddr::new(address.ip(), address.port() + place)).await?;
        tokio::spawn(async move {
            let mut buffer = [0; DATAGRAM_BYTES];
            while socket.recv_from(&mut buffer).await.is_ok() {}
        });
    }
    std::future::pending().await
}
