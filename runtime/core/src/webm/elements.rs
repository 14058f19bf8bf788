//! The elements that a stream is made of (RFC 8794, RFC 9559): an id, a length, and what is in it.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::number;
use crate::fanout::vp8::Size;
use crate::media::{Kind, Unit};

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
/// A length that nobody knows (RFC 8794 §6.2).
const UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const KEY: u8 = 0x80;

/// What times are counted in.
const TICK_NANOSECONDS: u64 = 1_000_000;
const RATE_HZ: u32 = 48_000;
/// What an encoder of Opus puts before the sound (RFC 7845 §5.1), in samples.
const PRE_SKIP: u16 = 312;
/// What a decoder of Opus has to hear before what it says is right (RFC 7845 §4.6).
const PRE_ROLL: Duration = Duration::from_millis(80);
const PICTURES: u64 = 1;
const SOUNDS: u64 = 2;

/// Something on a track, when its stream's time has begun.
#[derive(Debug)]
pub(super) struct Block {
    track: u8,
    /// Milliseconds.
    at: u64,
    key: bool,
    payload: Bytes,
}

impl Block {
    /// None: it was before the beginning.
    pub fn new(unit: &Unit, origin: Duration) -> Option<Self> {
        let at = unit.pts.checked_sub(origin)?.as_millis();
        let (track, payload) = (number(unit.kind()), unit.payload.clone());
        Some(Self { track, at: u64::try_from(at).ok()?, key: unit.key, payload })
    }
}

/// The initialization segment: what is to come. Without a size there is no picture.
pub(super) fn initialization(size: Option<Size>, channels: Option<u32>) -> Bytes {
    let tracks = size.map(picture).into_iter().chain(channels.map(sound)).flatten().collect::<Vec<u8>>();
    let info =
        [whole(0x2a_d7b1, TICK_NANOSECONDS), element(0x4d80, b"understudy"), element(0x5741, b"understudy")];
    let head = [
        whole(0x4286, 1),
        whole(0x42f7, 1),
        whole(0x42f2, 4),
        whole(0x42f3, 8),
        element(0x4282, b"webm"),
        whole(0x4287, 4),
        whole(0x4285, 2),
    ];
    let mut out = BytesMut::new();
    out.put_slice(&element(EBML, &head.concat()));
    out.put_slice(&id(SEGMENT));
    out.put_slice(&UNKNOWN);
    out.put_slice(&element(INFO, &info.concat()));
    out.put_slice(&element(TRACKS, &tracks));
    out.freeze()
}

fn picture(size: Size) -> Vec<u8> {
    let shape = [whole(0xb0, size.width.into()), whole(0xba, size.height.into())];
    let entry = [head(Kind::Video, PICTURES), element(0x86, b"V_VP8"), element(0xe0, &shape.concat())];
    element(TRACK, &entry.concat())
}

fn sound(channels: u32) -> Vec<u8> {
    let shape = [element(0xb5, &f64::from(RATE_HZ).to_be_bytes()), whole(0x9f, channels.into())];
    let skipped = u64::from(PRE_SKIP) * 1_000_000_000 / u64::from(RATE_HZ);
    let entry = [
        head(Kind::Audio, SOUNDS),
        element(0x86, b"A_OPUS"),
        element(0x63a2, &opus_head(channels)),
        whole(0x56aa, skipped),
        whole(0x56bb, u64::try_from(PRE_ROLL.as_nanos()).unwrap_or_default()),
        element(0xe1, &shape.concat()),
    ];
    element(TRACK, &entry.concat())
}

/// Without lacing.
fn head(kind: Kind, typ: u64) -> Vec<u8> {
    let track = u64::from(number(kind));
    [whole(0xd7, track), whole(0x73c5, track), whole(0x83, typ), whole(0x9c, 0)].concat()
}

/// RFC 7845 §5.1: little-endian, unlike all around it.
fn opus_head(channels: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(19);
    out.put_slice(b"OpusHead");
    out.put_u8(1);
    out.put_u8(u8::try_from(channels).unwrap_or(2));
    out.put_u16_le(PRE_SKIP);
    out.put_u32_le(RATE_HZ);
    out.put_i16_le(0);
    out.put_u8(0);
    out
}

/// One cluster of these, which are in order; none of none. A block that is too far from the first is left out: it has 16 bits.
pub(super) fn cluster(blocks: &[Block]) -> Option<Bytes> {
    let first = blocks.first()?.at;
    let mut out = BytesMut::new();
    out.put_slice(&whole(TIMESTAMP, first));
    for block in blocks {
        let Ok(after) = i16::try_from(block.at.saturating_sub(first)) else { continue };
        out.put_slice(&id(SIMPLE_BLOCK));
        out.put_slice(&length(block.payload.len() + 4));
        out.put_u8(0x80 | block.track);
        out.put_i16(after);
        out.put_u8(if block.key { KEY } else { 0 });
        out.put_slice(&block.payload);
    }
    Some(element(CLUSTER, &out).into())
}

fn element(name: u32, content: &[u8]) -> Vec<u8> {
    [&id(name), &length(content.len())[..], content].concat()
}

fn whole(name: u32, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count().min(7);
    element(name, &bytes[zeros..])
}

/// As it is written: without what is zero before it.
fn id(name: u32) -> Vec<u8> {
    name.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// In the fewest bytes: each more doubles what fits 128 times, and all ones means that nobody knows.
fn length(length: usize) -> Vec<u8> {
    let length = length as u64;
    let bytes = (1..8).find(|bytes| length < (1 << (7 * bytes)) - 1).unwrap_or(8);
    let marked = length | 1 << (7 * bytes);
    marked.to_be_bytes()[8 - bytes as usize..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_bytes_as_they_can_and_none_says_that_it_is_unknown() {
        assert_eq!(length(0), [0x80]);
        assert_eq!(length(126), [0xfe]);
        assert_eq!(length(127), [0x40, 0x7f]);
        assert_eq!(length(16_382), [0x7f, 0xfe]);
        assert_eq!(length(16_383), [0x20, 0x3f, 0xff]);
        assert_eq!(id(TRACK), [0xae]);
        assert_eq!(whole(TIMESTAMP, 0), [0xe7, 0x81, 0]);
        assert_eq!(whole(TIMESTAMP, 256), [0xe7, 0x82, 1, 0]);
    }
}
