//! A frame as RTP packets (RFC 3550 §5.1).

use bytes::{BufMut, Bytes, BytesMut};
use understudy_core::fanout::{clock, h264};
use understudy_core::media::{Kind, Unit};

const VERSION: u8 = 0x80;
const MARKER: u8 = 0x80;

/// One stream.
pub struct Packets {
    payload_type: u8,
    ssrc: u32,
    sequence: u16,
}

impl Packets {
    pub fn new(payload_type: u8, ssrc: u32) -> Self {
        Self { payload_type, ssrc, sequence: 0 }
    }

    pub fn of(&mut self, frame: &Unit) -> Vec<Bytes> {
        let payloads = match frame.kind() {
            Kind::Video => h264::packetize(&frame.payload),
            Kind::Audio => vec![frame.payload.clone()],
        };
        let timestamp = clock::timestamp(frame.kind(), frame.pts, 0);
        let last = payloads.len().saturating_sub(1);
        let packets = payloads.iter().enumerate().map(|(index, payload)| {
            let marker = if index == last && frame.kind() == Kind::Video { MARKER } else { 0 };
            let mut packet = BytesMut::with_capacity(12 + payload.len());
            packet.put_u8(VERSION);
            packet.put_u8(marker | self.payload_type);
            packet.put_u16(self.sequence);
            packet.put_u32(timestamp);
            packet.put_u32(self.ssrc);
            packet.put_slice(payload);
            self.sequence = self.sequence.wrapping_add(1);
            packet.freeze()
        });
        packets.collect()
    }
}
