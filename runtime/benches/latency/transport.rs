//! A film in an MPEG transport stream, cut into what belongs to each frame, and sent over a WebSocket.

use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures::SinkExt;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use tokio_tungstenite::tungstenite::Message;
use understudy_core::test_picture::FRAME_RATE;

use super::film::{self, Container, Encoding};

/// ISO/IEC 13818-1 §2.4.3.2.
const PACKET_BYTES: usize = 188;
const UNIT_START: u8 = 0x40;
/// Stream ids of pictures (Table 2-22).
const PICTURES: std::ops::RangeInclusive<u8> = 0xe0..=0xef;
/// No encoder of a short film takes a tenth of it.
const MUXED_WITHIN: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// What belongs to each frame, tables included. Blocks.
pub fn encode(encoding: Encoding, length: Duration) -> Vec<Bytes> {
    let (pipeline, entry, exit) = film::pipeline(encoding, Container::TransportStream);
    let pictures = std::thread::spawn(move || {
        for picture in film::pictures(length) {
            entry.push_buffer(picture).expect("the encoder must take a picture");
        }
        entry.end_of_stream().expect("the encoder must end");
    });
    let mut stream = Vec::new();
    while let Some(sample) = exit.try_pull_sample(MUXED_WITHIN) {
        let map = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
        stream.extend_from_slice(&map.expect("a piece must be readable"));
    }
    let error = pipeline.bus().and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
    assert!(error.is_none() && AppSink::is_eos(&exit), "the film must come to its end: {error:?}");
    pictures.join().expect("all pictures must be taken");
    pipeline.set_state(gst::State::Null).expect("the encoder must stop");
    cut(stream)
}

/// Cuts where a frame begins. The tables before the first belong to it.
fn cut(mut stream: Vec<u8>) -> Vec<Bytes> {
    let packets = stream.chunks_exact_mut(PACKET_BYTES).enumerate();
    let begins = packets.filter_map(|(index, packet)| begin(packet).then_some(index * PACKET_BYTES));
    let mut starts: Vec<usize> = begins.collect();
    starts[0] = 0;
    starts.push(stream.len());
    let stream = Bytes::from(stream);
    starts.windows(2).map(|pair| stream.slice(pair[0]..pair[1])).collect()
}

/// Whether a frame begins in this packet. If so, its length becomes unknown, as ffmpeg writes it (§2.4.3.7 allows it of
/// pictures): the frame ends where the next begins.
fn begin(packet: &mut [u8]) -> bool {
    let field = if packet[3] & 0x20 == 0 { 0 } else { 1 + usize::from(packet[4]) };
    let starts = packet[1] & UNIT_START != 0;
    let Some([0, 0, 1, id, high, low, ..]) = packet.get_mut(4 + field..) else { return false };
    let begins = starts && PICTURES.contains(id);
    if begins {
        (*high, *low) = (0, 0);
    }
    begins
}

/// Sends each frame at its time, in one message; when its last byte went to the kernel. That is before it is known to be
/// complete, which is when the next begins.
pub async fn send(url: &str, film: &[Bytes]) -> Vec<SystemTime> {
    let connected = tokio_tungstenite::connect_async(url).await;
    let (mut socket, _) = connected.expect("the door must be open");
    let (start, mut sent) = (Instant::now(), Vec::with_capacity(film.len()));
    for (number, frame) in (0..).zip(film) {
        tokio::time::sleep_until((start + Duration::from_secs(1) * number / FRAME_RATE).into()).await;
        socket.send(Message::Binary(frame.clone())).await.expect("a frame must be sent");
        sent.push(SystemTime::now());
    }
    socket.close(None).await.expect("the door must close");
    sent
}
