//! H.264 access units as RTP payloads (RFC 6184, packetization mode 1).
//!
//! Payloads are cut once for a broadcast and shared by its readers: a unit that fits is a slice of the frame, and only
//! fragments are copied, once, to get their two bytes in front.

use bytes::{BufMut, Bytes, BytesMut};

/// Leaves room for RTP, SRTP, UDP, IPv6 and a tunnel within 1280 bytes, the least that IPv6 promises.
pub const MAX_PAYLOAD_BYTES: usize = 1192;

const FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;
const FU_HEADER_BYTES: usize = 2;
/// A picture that nothing after it looks behind (Table 7-1 of H.264, as the next two).
pub(crate) const IDR: u8 = 5;
/// Access unit delimiters and filler say nothing that RTP does not.
pub(crate) const DELIMITER: u8 = 9;
pub(crate) const FILLER: u8 = 12;

/// The payloads of one access unit, in order. The marker bit belongs on the last.
pub fn packetize(access_unit: &Bytes) -> Vec<Bytes> {
    let mut payloads = Vec::with_capacity(access_unit.len() / MAX_PAYLOAD_BYTES + 3);
    for unit in units(access_unit) {
        match unit.first().map(|header| header & 0x1f) {
            None | Some(DELIMITER | FILLER) => {}
            Some(_) if unit.len() <= MAX_PAYLOAD_BYTES => payloads.push(unit),
            Some(_) => fragment(&unit, &mut payloads),
        }
    }
    payloads
}

/// FU-A (RFC 6184 §5.8), in parts of nearly equal size.
fn fragment(unit: &Bytes, payloads: &mut Vec<Bytes>) {
    let header = unit[0];
    let body = unit.slice(1..);
    let room = MAX_PAYLOAD_BYTES - FU_HEADER_BYTES;
    let count = body.len().div_ceil(room);
    let size = body.len().div_ceil(count);
    let mut out = BytesMut::with_capacity(body.len() + count * FU_HEADER_BYTES);
    for (index, part) in body.chunks(size).enumerate() {
        let start = if index == 0 { FU_START } else { 0 };
        let end = if (index + 1) * size >= body.len() { FU_END } else { 0 };
        out.put_u8((header & 0xe0) | FU_A);
        out.put_u8(start | end | (header & 0x1f));
        out.put_slice(part);
        payloads.push(out.split().freeze());
    }
}

/// The NAL units between the start codes of an Annex B stream.
pub fn units(stream: &Bytes) -> impl Iterator<Item = Bytes> + '_ {
    let mut next = start_code(stream, 0);
    std::iter::from_fn(move || {
        let (_, begin) = next?;
        next = start_code(stream, begin);
        let end = next.map_or(stream.len(), |(at, _)| at);
        Some(stream.slice(begin..end))
    })
}

/// Where the next start code begins, with its leading zeros, and where it ends.
fn start_code(stream: &[u8], from: usize) -> Option<(usize, usize)> {
    let found = stream.get(from..)?.windows(3).position(|window| window == [0, 0, 1])? + from;
    // Zeros before a start code are padding of the unit before it, never part of it (H.264 §B.1).
    let begin = stream[from..found].iter().rposition(|byte| *byte != 0).map_or(from, |last| from + last + 1);
    Some((begin, found + 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(units: &[&[u8]]) -> Bytes {
        let mut out = Vec::new();
        for unit in units {
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(unit);
        }
        out.into()
    }

    #[test]
    fn small_units_travel_whole_and_uncopied() {
        let frame = stream(&[&[0x67, 1, 2], &[0x68, 3], &[0x65, 4, 5]]);
        let payloads = packetize(&frame);
        assert_eq!(payloads, [&[0x67, 1, 2][..], &[0x68, 3], &[0x65, 4, 5]]);
        assert!(frame.as_ptr_range().contains(&payloads[2].as_ptr()));
    }

    #[test]
    fn three_byte_start_codes_and_padding_zeros_separate_units_too() {
        let frame = Bytes::from_static(&[0, 0, 1, 0x67, 9, 0, 0, 0, 0, 1, 0x65, 8, 7]);
        assert_eq!(packetize(&frame), [&[0x67, 9][..], &[0x65, 8, 7]]);
    }

    #[test]
    fn delimiters_are_left_out() {
        assert_eq!(packetize(&stream(&[&[0x09, 0xf0], &[0x41, 1]])), [&[0x41, 1][..]]);
    }

    #[test]
    fn a_large_unit_is_fragmented_and_can_be_put_together_again() {
        let mut unit = vec![0x65];
        unit.extend((0..10_000u32).map(|n| (n % 251) as u8 + 1));
        let payloads = packetize(&stream(&[&unit]));
        assert!(payloads.iter().all(|p| p.len() <= MAX_PAYLOAD_BYTES));
        assert_eq!(payloads[0][..2], [0x60 | FU_A, FU_START | 5]);
        assert_eq!(payloads.last().map(|p| p[1]), Some(FU_END | 5));
        assert!(payloads[1..payloads.len() - 1].iter().all(|p| p[1] == 5));
        let mut again = vec![(payloads[0][0] & 0xe0) | (payloads[0][1] & 0x1f)];
        payloads.iter().for_each(|p| again.extend_from_slice(&p[2..]));
        assert_eq!(again, unit);
    }

    #[test]
    fn what_is_no_stream_yields_nothing_and_does_not_fail() {
        for bytes in [&[][..], &[0], &[0, 0, 1], &[1, 2, 3], &[0, 0, 0, 1, 0, 0, 1]] {
            assert!(packetize(&Bytes::copy_from_slice(bytes)).is_empty(), "{bytes:?}");
        }
    }
}
