//! VP8 pictures (RFC 6386) and their RTP payloads (RFC 7741).
//!
//! What leaves here has the shortest descriptor there is, one byte: which picture a packet is of is said by its timestamp, and that it
//! begins one, by a bit.

use bytes::{BufMut, Bytes, BytesMut};

use super::h264::MAX_PAYLOAD_BYTES;

/// Of the payload descriptor (RFC 7741 §4.2): more of it follows; this begins a partition.
const EXTENDED: u8 = 0x80;
const BEGINS: u8 = 0x10;
const PARTITION: u8 = 0x07;
/// Of the frame header (RFC 6386 §9.1): what is encoded alone has it clear.
const DEPENDS: u8 = 0x01;
const START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];

/// Pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// The size of a picture that is decoded alone; none: it is not, or it is none.
pub fn keyframe(frame: &[u8]) -> Option<Size> {
    let (first, code, size) = (frame.first()?, frame.get(3..6)?, frame.get(6..10)?);
    if first & DEPENDS != 0 || code != START_CODE {
        return None;
    }
    // The two bits above say how to scale it, which nobody does.
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let size = Size { width: side(size[0], size[1]), height: side(size[2], size[3]) };
    (size.width > 0 && size.height > 0).then_some(size)
}

/// The payloads of one picture, in order, in parts of nearly equal size. The marker bit belongs on the last.
pub fn packetize(frame: &Bytes) -> Vec<Bytes> {
    if frame.is_empty() {
        return vec![];
    }
    let count = frame.len().div_ceil(MAX_PAYLOAD_BYTES - 1);
    let size = frame.len().div_ceil(count);
    let mut out = BytesMut::with_capacity(frame.len() + count);
    let parts = frame.chunks(size).enumerate().map(|(index, part)| {
        out.put_u8(if index == 0 { BEGINS } else { 0 });
        out.put_slice(part);
        out.split().freeze()
    });
    parts.collect()
}

/// A payload without its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// A picture begins with it.
    pub begins: bool,
    pub bytes: &'a [u8],
}

/// Reads a payload; none: it is not one.
pub fn part(payload: &[u8]) -> Option<Part<'_>> {
    let first = *payload.first()?;
    let mut length = 1;
    if first & EXTENDED != 0 {
        let has = *payload.get(1)?;
        length += 1;
        if has & 0x80 != 0 {
            // A number of two bytes says so.
            length += if payload.get(length)? & 0x80 != 0 { 2 } else { 1 };
        }
        length += usize::from(has & 0x40 != 0);
        length += usize::from(has & 0x30 != 0);
    }
    let bytes = payload.get(length..).filter(|bytes| !bytes.is_empty())?;
    Some(Part { begins: first & BEGINS != 0 && first & PARTITION == 0, bytes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_size_of_a_keyframe_is_read_and_of_nothing_else() {
        let frame = [0x50, 0x01, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x41, 7];
        assert_eq!(keyframe(&frame), Some(Size { width: 640, height: 480 }));
        let mut other = frame;
        other[0] |= DEPENDS;
        assert_eq!(keyframe(&other), None);
        other = frame;
        other[4] = 2;
        assert_eq!(keyframe(&other), None);
        assert_eq!(keyframe(&frame[..9]), None);
    }

    #[test]
    fn descriptors_of_every_length_are_taken_off() {
        let read = |payload: &[u8]| part(payload).map(|part| (part.begins, part.bytes.to_vec()));
        assert_eq!(read(&[0x10, 7]), Some((true, vec![7])));
        assert_eq!(read(&[0x00, 7]), Some((false, vec![7])));
        assert_eq!(read(&[0x11, 7]), Some((false, vec![7])), "it begins another partition");
        assert_eq!(read(&[0x90, 0x80, 0x12, 7]), Some((true, vec![7])));
        assert_eq!(read(&[0x90, 0x80, 0x81, 0x12, 7]), Some((true, vec![7])));
        assert_eq!(read(&[0x90, 0xf0, 0x81, 0x12, 1, 2, 7]), Some((true, vec![7])));
        assert_eq!(read(&[0x90, 0x20, 2, 7]), Some((true, vec![7])));
        for short in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x81, 1], &[0x90, 0x10, 2]] {
            assert_eq!(part(short), None, "{short:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_cut_into_payloads_comes_together_again(frame in prop::collection::vec(any::<u8>(), 1..5000)) {
            let payloads = packetize(&Bytes::from(frame.clone()));
            let parts: Vec<_> = payloads.iter().map(|payload| part(payload).unwrap()).collect();
            prop_assert!(payloads.iter().all(|payload| payload.len() <= MAX_PAYLOAD_BYTES));
            let begins: Vec<_> = parts.iter().map(|part| part.begins).collect();
            prop_assert!(begins[0] && !begins[1..].contains(&true));
            let whole: Vec<u8> = parts.iter().flat_map(|part| part.bytes.to_vec()).collect();
            prop_assert_eq!(whole, frame);
        }

        #[test]
        fn whatever_comes_is_read_or_not(payload in prop::collection::vec(any::<u8>(), 0..12)) {
            let _ = (part(&payload), keyframe(&payload));
        }
    }
}
