//! IVF: the simplest container for a stream of video frames, which pages unpack in a few lines.
//!
//! Source: the layout that libvpx and libaom write (`ivfenc.c`); there is no standard. Little-endian throughout.

use crate::offer::Encoding;

pub const HEADER_BYTES: usize = 32;
pub const FRAME_HEADER_BYTES: usize = 12;

const SIGNATURE: [u8; 4] = *b"DKIF";

/// What the frames are. Times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub fourcc: [u8; 4],
    pub width: u16,
    pub height: u16,
}

/// How IVF names an encoding; none: it holds no sound.
pub const fn fourcc(encoding: Encoding) -> Option<[u8; 4]> {
    match encoding {
        Encoding::Vp8 => Some(*b"VP80"),
        Encoding::Vp9 => Some(*b"VP90"),
        Encoding::H264 => Some(*b"H264"),
        Encoding::Opus => None,
    }
}

impl Header {
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&SIGNATURE);
        // Bytes 4 and 5: version 0.
        bytes[6..8].copy_from_slice(&(HEADER_BYTES as u16).to_le_bytes());
        bytes[8..12].copy_from_slice(&self.fourcc);
        bytes[12..14].copy_from_slice(&self.width.to_le_bytes());
        bytes[14..16].copy_from_slice(&self.height.to_le_bytes());
        bytes[16..20].copy_from_slice(&1000_u32.to_le_bytes());
        bytes[20..24].copy_from_slice(&1_u32.to_le_bytes());
        // Bytes 24 to 27: how many frames follow; a live stream does not know.
        bytes
    }
}

/// One frame with its header, at `milliseconds`.
pub fn frame(payload: &[u8], milliseconds: u64) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&milliseconds.to_le_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_what_the_frames_are() {
        let header = Header { fourcc: *b"VP90", width: 1280, height: 720 };
        let expected = [
            b"DKIF".as_slice(),
            &[0, 0, 32, 0],
            b"VP90",
            &[0x00, 0x05, 0xd0, 0x02],
            &[0xe8, 3, 0, 0, 1, 0, 0, 0],
            &[0; 8],
        ];
        assert_eq!(header.to_bytes().as_slice(), expected.concat());
    }

    #[test]
    fn a_frame_follows_its_length_and_time() {
        assert_eq!(frame(b"abc", 0x0102), [3, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, b'a', b'b', b'c']);
    }

    #[test]
    fn each_picture_encoding_has_a_name_of_its_own() {
        let names = [Encoding::Vp8, Encoding::Vp9, Encoding::H264, Encoding::Opus].map(fourcc);
        assert_eq!(names, [Some(*b"VP80"), Some(*b"VP90"), Some(*b"H264"), None]);
    }
}
