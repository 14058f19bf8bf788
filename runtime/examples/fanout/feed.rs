//! The film as plain RTP, for another server to serve.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use understudy_core::media::Kind;

use super::film::Film;
use super::packets::Packets;
use super::playback::Playback;

/// As the mountpoint of that server says.
const VIDEO: u8 = 96;
const AUDIO: u8 = 111;
/// To the sound's port.
const NEXT_BUT_ONE: u16 = 2;

pub async fn run(film: &Film, address: SocketAddr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((address.ip(), 0)).await?;
    let sound = SocketAddr::new(address.ip(), address.port() + NEXT_BUT_ONE);
    let (mut video, mut audio) = (Packets::new(VIDEO, 1), Packets::new(AUDIO, 2));
    let mut playback = Playback::new(film);
    loop {
        let frame = playback.next().await;
        let (packets, to) = match frame.kind() {
            Kind::Video => (video.of(&frame), address),
            Kind::Audio => (audio.of(&frame), sound),
        };
        for packet in packets {
            // Nobody may listen yet.
            drop(socket.send_to(&packet, to).await);
        }
    }
}
