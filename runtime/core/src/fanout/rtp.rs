//! The bytes of an RTP packet around its payload, and what its protection begins with (RFC 3550 §5.1, RFC 3711).

/// Without contributors and extensions.
pub const HEADER_BYTES: usize = 12;
/// Of a header extension with two bytes, filled up (RFC 8285 §4.2).
pub const EXTENSION_BYTES: usize = 8;
/// Of AEAD_AES_128_GCM (RFC 7714 §12); no other profile's is longer.
pub const TAG_BYTES: usize = 16;
/// What a protected packet has beyond its payload, at most.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + EXTENSION_BYTES + TAG_BYTES;
pub const SALT_BYTES: usize = 12;

const VERSION: u8 = 0x80;
const EXTENDED: u8 = 0x10;
const MARKER: u8 = 0x80;

/// The index of a packet in its SRTP stream, 2^16 × ROC + SEQ (RFC 3711 §3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index(pub u64);

impl Index {
    pub const fn sequence(self) -> u16 {
        self.0 as u16
    }

    /// Of the packet that many after this one.
    pub const fn plus(self, packets: usize) -> Self {
        Self(self.0 + packets as u64)
    }

    /// The roll-over counter.
    pub const fn rollover(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub payload_type: u8,
    pub marker: bool,
    pub index: Index,
    pub timestamp: u32,
    pub ssrc: u32,
    /// The header extension in which it is counted, for whoever says of each packet whether it came: with its sequence number, so that
    /// a packet that is sent again is the same to the last bit.
    pub counted: Option<u8>,
}

impl Header {
    pub fn bytes(&self) -> [u8; HEADER_BYTES] {
        let marker = if self.marker { MARKER } else { 0 };
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = if self.counted.is_some() { VERSION | EXTENDED } else { VERSION };
        bytes[1] = marker | (self.payload_type & !MARKER);
        bytes[2..4].copy_from_slice(&self.index.sequence().to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }

    /// What follows those bytes, if it is counted: one element of two bytes (RFC 8285 §4.2).
    pub fn extension(&self) -> Option<[u8; EXTENSION_BYTES]> {
        let [high, low] = self.index.sequence().to_be_bytes();
        self.counted.map(|number| [0xbe, 0xde, 0, 1, number << 4 | 1, high, low, 0])
    }

    /// RFC 7714 §8.1. A nonce never serves two packets: the same one only ever goes with the same header and payload.
    pub fn nonce(&self, salt: &[u8; SALT_BYTES]) -> [u8; SALT_BYTES] {
        let mut nonce = [0; SALT_BYTES];
        nonce[2..6].copy_from_slice(&self.ssrc.to_be_bytes());
        nonce[6..10].copy_from_slice(&self.index.rollover().to_be_bytes());
        nonce[10..12].copy_from_slice(&self.index.sequence().to_be_bytes());
        nonce.iter_mut().zip(salt).for_each(|(byte, salt)| *byte ^= salt);
        nonce
    }

    /// Where the key stream of AES in counter mode begins (RFC 3711 §4.1.1).
    pub fn counter(&self, salt: &[u8; 14]) -> [u8; 16] {
        let mut counter = [0; 16];
        counter[4..8].copy_from_slice(&self.ssrc.to_be_bytes());
        counter[8..12].copy_from_slice(&self.index.rollover().to_be_bytes());
        counter[12..14].copy_from_slice(&self.index.sequence().to_be_bytes());
        counter.iter_mut().zip(salt).for_each(|(byte, salt)| *byte ^= salt);
        counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7714 §16.1.1.
    #[test]
    fn header_and_nonce_are_those_of_the_standards_example() {
        let header = Header {
            payload_type: 0x40,
            marker: false,
            index: Index(0xf17b),
            timestamp: 0x8041_f8d3,
            ssrc: 0x5501_a0b2,
            counted: None,
        };
        let salt = *b"\x51\x75\x69\x64\x20\x70\x72\x6f\x20\x71\x75\x6f";
        assert_eq!(header.bytes(), *b"\x80\x40\xf1\x7b\x80\x41\xf8\xd3\x55\x01\xa0\xb2");
        assert_eq!(header.nonce(&salt), *b"\x51\x75\x3c\x65\x80\xc2\x72\x6f\x20\x71\x84\x14");
    }

    #[test]
    fn a_packet_after_a_wrap_has_another_nonce_than_its_namesake_before() {
        let header =
            |index| Header { payload_type: 96, marker: true, index, timestamp: 0, ssrc: 1, counted: None };
        let (before, after) = (header(Index(7)), header(Index(65_536 + 7)));
        assert_eq!(before.bytes(), after.bytes());
        assert_ne!(before.nonce(&[0; 12]), after.nonce(&[0; 12]));
        assert_eq!(after.index.rollover(), 1);
    }

    #[test]
    fn a_packet_that_is_counted_has_its_number_in_an_extension_too() {
        let plain = Header {
            payload_type: 96,
            marker: true,
            index: Index(0x1_0203),
            timestamp: 0,
            ssrc: 1,
            counted: None,
        };
        let counted = Header { counted: Some(3), ..plain };
        assert_eq!((plain.extension(), plain.bytes()[0]), (None, 0x80));
        assert_eq!((counted.bytes()[0], &counted.bytes()[1..]), (0x90, &plain.bytes()[1..]));
        assert_eq!(counted.extension(), Some([0xbe, 0xde, 0, 1, 0x31, 2, 3, 0]));
    }
}
