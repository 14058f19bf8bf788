//! A unit with what is said of it (13818-1 §2.4.3.6).

use crate::media::Kind;
use crate::mpeg::Stamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) shown: Stamp,
    pub(super) decoded: Stamp,
}

/// The unit, before which stands `before`.
pub(super) fn packet(header: &Header, before: &[u8], unit: &[u8]) -> Vec<u8> {
    let stamps = stamps(header);
    let stream = match header.kind {
        Kind::Video => 0xe0,
        Kind::Audio => 0xc0,
    };
    // A receiver that is told the length need not wait for the next unit. Of pictures it may be left open, as zero.
    let length = u16::try_from(3 + stamps.len() + before.len() + unit.len()).unwrap_or_default();
    let [high, low] = length.to_be_bytes();
    let flags = if stamps.len() == STAMP { 0x80 } else { 0xc0 };
    let more = if stamps.len() == STAMP { 5 } else { 10 };
    // Marked as aligned: it begins with the unit.
    let mut packet = vec![0, 0, 1, stream, high, low, 0x84, flags, more];
    packet.reserve(stamps.len() + before.len() + unit.len());
    packet.extend_from_slice(&stamps);
    packet.extend_from_slice(before);
    packet.extend_from_slice(unit);
    packet
}

const STAMP: usize = 5;

/// One, or two if it is decoded earlier than shown.
fn stamps(header: &Header) -> Vec<u8> {
    match header.shown == header.decoded {
        true => stamp(2, header.shown).to_vec(),
        false => [stamp(3, header.shown), stamp(1, header.decoded)].concat(),
    }
}

/// Four bits that say which it is, and 33 bits, each part of which ends with a bit that is set.
pub(in crate::mpeg) fn stamp(which: u8, stamp: Stamp) -> [u8; STAMP] {
    let ticks = stamp.ticks();
    let part = |shift: u32| (ticks >> shift & 0xff) as u8;
    [which << 4 | part(29) & 0x0e | 1, part(22), part(14) | 1, part(7), part(0) << 1 | 1]
}
