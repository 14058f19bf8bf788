//! What a packet of the elementary stream holds: its timestamp, and whether a decoder can begin with it (§2.4.3.6).

use std::time::Duration;

use super::Codec;
use super::Stamp;

/// Up to the flags and the length of what is optional.
const HEADER: usize = 9;
/// Sixteen pictures, the most that a decoder keeps, at the lowest rate that is usual.
const LONGEST_REORDER: Duration = Duration::from_secs(1);

/// How long a PES packet says it is, with its header. None: it does not say, or not yet.
pub(super) fn length(packet: &[u8]) -> Option<usize> {
    match packet {
        [0, 0, 1, 0xe0..=0xef, high, low, ..] => {
            let length = usize::from(*high) << 8 | usize::from(*low);
            (length > 0).then_some(6 + length)
        }
        _ => None,
    }
}

/// What stands before the data of a PES packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    /// When it is decoded.
    pub(super) stamp: Option<Stamp>,
    /// How long after that it is shown.
    pub(super) reorder: Duration,
    /// Where the data begins.
    pub(super) bytes: usize,
}

/// None: it is no PES packet of a picture.
pub(super) fn header(packet: &[u8]) -> Option<Header> {
    let [0, 0, 1, 0xe0..=0xef, _, _, marks, flags, more, ..] = packet else { return None };
    if marks & 0xc0 != 0x80 {
        return None;
    }
    let bytes = HEADER + usize::from(*more);
    let at = |from: usize| packet.get(from..from + 5).and_then(stamp);
    let (shown, decoded) = match flags >> 6 {
        0b11 => (at(9), at(14)),
        0b10 => (at(9), at(9)),
        _ => (None, None),
    };
    let apart = shown.zip(decoded).map_or(0, |(shown, decoded)| shown.nanoseconds_since(decoded));
    let reorder = Duration::from_nanos(apart.max(0).cast_unsigned()).min(LONGEST_REORDER);
    Some(Header { stamp: decoded, reorder, bytes })
}

fn stamp(bytes: &[u8]) -> Option<Stamp> {
    let [a, b, c, d, e] = *bytes else { return None };
    let bits = |byte: u8, mask: u8| u64::from((byte & mask) >> 1);
    let marked = a & c & e & 1 == 1;
    let ticks =
        bits(a, 0x0e) << 30 | u64::from(b) << 22 | bits(c, 0xfe) << 15 | u64::from(d) << 7 | bits(e, 0xfe);
    marked.then_some(Stamp::new(ticks))
}

/// Whether a decoder that knows nothing yet can begin here.
pub(super) fn is_start(codec: Codec, unit: &[u8]) -> bool {
    let mut rest = unit;
    while let Some(at) = rest.windows(3).position(|window| window == [0, 0, 1]) {
        rest = &rest[at + 3..];
        let Some(code) = rest.first() else { return false };
        match (codec, code) {
            // A sequence header; a picture without one.
            (Codec::Mpeg, 0xb3) => return true,
            (Codec::Mpeg, 0x00) => return false,
            (Codec::Mpeg, _) => {}
            (Codec::H264, code) => match code & 0x1f {
                5 | 7 => return true,
                1..=4 => return false,
                _ => {}
            },
        }
    }
    false
}
