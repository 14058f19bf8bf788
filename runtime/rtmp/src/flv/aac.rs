//! AAC-LC as FLV carries it: one description, and bare access units.

use bytes::{BufMut, Bytes, BytesMut};
use understudy_core::aac::Format;

/// AAC; rate, size and channels beside it say 44.1 kHz, 16 bits and stereo, always (§E.4.2.1).
const AAC: u8 = 0xaf;
const HEADER: u8 = 0;
const SOUND: u8 = 1;

/// The body of the message that comes before all sound.
pub fn header(format: Format) -> Bytes {
    [&[AAC, HEADER][..], &format.config()].concat().into()
}

/// The body of a message of sound.
pub fn sound(access_unit: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(access_unit.len() + 2);
    out.put_slice(&[AAC, SOUND]);
    out.put_slice(access_unit);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_channels_are_described() {
        let header = |rate, channels| header(Format::new(rate, channels).unwrap());
        assert_eq!(header(48_000, 2)[..], [0xaf, 0, 0x11, 0x90]);
        assert_eq!(header(44_100, 1)[..], [0xaf, 0, 0x12, 0x08]);
    }

    #[test]
    fn a_sound_is_as_it_was() {
        assert_eq!(sound(&[1, 2])[..], [0xaf, 1, 1, 2]);
    }
}
