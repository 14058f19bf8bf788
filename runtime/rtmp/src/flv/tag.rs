//! What a body of media is, by its first bytes.

use super::Kind;

/// Names a codec in enhanced RTMP.
pub type FourCc = [u8; 4];

/// What it is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Tells a decoder how to begin, or a player what is to come.
    Header,
    /// A player can begin here. All sound is so.
    Key,
    /// Needs what came before.
    Delta,
    /// Neither picture nor sound, nor what describes them.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub sort: Sort,
    /// Of enhanced RTMP, which not every player reads.
    pub enhanced: Option<FourCc>,
}

const ENHANCED_VIDEO: u8 = 0x80;
const ENHANCED_AUDIO: u8 = 9;
const AVC: u8 = 7;
const AAC: u8 = 10;
const KEYFRAME: u8 = 1;
/// A message to the player, and no picture.
const COMMAND_FRAME: u8 = 5;

/// The name as AMF0 writes it.
const METADATA: &[u8] = b"\x02\0\x0aonMetaData";

/// Several tracks in one message: which codecs they have stands within.
pub const SEVERAL: FourCc = *b"****";

pub fn inspect(kind: Kind, body: &[u8]) -> Tag {
    let Some(first) = body.first().copied() else { return Tag { sort: Sort::Other, enhanced: None } };
    match kind {
        Kind::Data => Tag { sort: data(body), enhanced: None },
        Kind::Video if first & ENHANCED_VIDEO != 0 => enhanced_video(first, body),
        Kind::Video => Tag { sort: video(first, body.get(1).copied()), enhanced: None },
        Kind::Audio if first >> 4 == ENHANCED_AUDIO => enhanced_audio(first, body),
        Kind::Audio => Tag { sort: audio(first, body.get(1).copied()), enhanced: None },
    }
}

fn data(body: &[u8]) -> Sort {
    match body.starts_with(METADATA) {
        true => Sort::Header,
        false => Sort::Other,
    }
}

fn video(first: u8, packet: Option<u8>) -> Sort {
    match (first >> 4, first & 0x0f, packet) {
        (COMMAND_FRAME, ..) | (_, AVC, None | Some(2)) => Sort::Other,
        (_, AVC, Some(0)) => Sort::Header,
        (KEYFRAME, ..) => Sort::Key,
        _ => Sort::Delta,
    }
}

fn audio(first: u8, packet: Option<u8>) -> Sort {
    match (first >> 4, packet) {
        (AAC, Some(0)) => Sort::Header,
        (AAC, None) => Sort::Other,
        _ => Sort::Key,
    }
}

/// Enhanced RTMP, "ExVideoTagHeader".
fn enhanced_video(first: u8, body: &[u8]) -> Tag {
    let sort = match (first & 0x0f, (first >> 4) & 0x07) {
        (0 | 5, _) => Sort::Header,
        (_, COMMAND_FRAME) | (2 | 4, _) => Sort::Other,
        (_, KEYFRAME) => Sort::Key,
        _ => Sort::Delta,
    };
    Tag { sort, enhanced: Some(four_cc(body, first & 0x0f == 6)) }
}

/// Enhanced RTMP, "ExAudioTagHeader".
fn enhanced_audio(first: u8, body: &[u8]) -> Tag {
    let sort = match first & 0x0f {
        0 => Sort::Header,
        1 | 5 => Sort::Key,
        _ => Sort::Other,
    };
    Tag { sort, enhanced: Some(four_cc(body, first & 0x0f == 5)) }
}

fn four_cc(body: &[u8], several: bool) -> FourCc {
    let found = body.get(1..5).and_then(|bytes| bytes.try_into().ok());
    found.filter(|_| !several).unwrap_or(SEVERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_told_apart_by_their_first_bytes() {
        for (kind, body, sort) in [
            (Kind::Video, &[0x17, 0, 0, 0, 0][..], Sort::Header),
            (Kind::Video, &[0x17, 1, 0, 0, 0], Sort::Key),
            (Kind::Video, &[0x27, 1, 0, 0, 0], Sort::Delta),
            (Kind::Video, &[0x17, 2, 0, 0, 0], Sort::Other),
            (Kind::Video, &[0x12, 1], Sort::Key),
            (Kind::Video, &[0x57, 0], Sort::Other),
            (Kind::Video, &[], Sort::Other),
            (Kind::Audio, &[0xaf, 0], Sort::Header),
            (Kind::Audio, &[0xaf, 1], Sort::Key),
            (Kind::Audio, &[0x2f, 0xff], Sort::Key),
            (Kind::Data, &[2, 0], Sort::Other),
            (Kind::Data, b"\x02\0\x0aonMetaData\x08", Sort::Header),
            (Kind::Data, b"\x02\0\x0aonTextData\x08", Sort::Other),
        ] {
            assert_eq!(inspect(kind, body), Tag { sort, enhanced: None }, "{body:?}");
        }
    }

    #[test]
    fn what_is_of_enhanced_rtmp_says_its_codec() {
        for (kind, body, sort, codec) in [
            (Kind::Video, &b"\x90hvc1"[..], Sort::Header, *b"hvc1"),
            (Kind::Video, b"\x91hvc1", Sort::Key, *b"hvc1"),
            (Kind::Video, b"\xa3av01", Sort::Delta, *b"av01"),
            (Kind::Video, b"\x94hvc1", Sort::Other, *b"hvc1"),
            (Kind::Audio, b"\x90Opus", Sort::Header, *b"Opus"),
            (Kind::Audio, b"\x91Opus", Sort::Key, *b"Opus"),
            (Kind::Video, b"\x96\x01", Sort::Key, SEVERAL),
        ] {
            assert_eq!(inspect(kind, body), Tag { sort, enhanced: Some(codec) }, "{body:?}");
        }
    }
}
