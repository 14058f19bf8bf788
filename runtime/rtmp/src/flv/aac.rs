//! AAC-LC as FLV carries it: one description, and access units without any header of their own.

use bytes::{BufMut, Bytes, BytesMut};

/// AAC; rate, size and channels beside it say 44.1 kHz, 16 bits and stereo, always (§E.4.2.1).
const AAC: u8 = 0xaf;
const HEADER: u8 = 0;
const SOUND: u8 = 1;

/// The rates that have a number (ISO/IEC 14496-3 §1.6.3.4).
const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Stands for a rate that is written out.
const OTHER_RATE: u32 = 15;
const LOW_COMPLEXITY: u32 = 2;

/// The body of the message that comes before all sound.
pub fn header(sample_rate_hz: u32, channels: u32) -> Bytes {
    let mut out = BytesMut::new();
    out.put_slice(&[AAC, HEADER]);
    let channels = channels & 0x0f;
    match (0..).zip(RATES_HZ).find(|(_, rate)| *rate == sample_rate_hz) {
        Some((number, _)) => out.put_uint(u64::from(LOW_COMPLEXITY << 11 | number << 7 | channels << 3), 2),
        None => {
            let head = u64::from(LOW_COMPLEXITY << 4 | OTHER_RATE) << 31;
            out.put_uint(head | u64::from(sample_rate_hz & 0x00ff_ffff) << 7 | u64::from(channels << 3), 5);
        }
    }
    out.freeze()
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
        assert_eq!(header(48_000, 2)[..], [0xaf, 0, 0x11, 0x90]);
        assert_eq!(header(44_100, 2)[..], [0xaf, 0, 0x12, 0x10]);
        assert_eq!(header(44_100, 1)[..], [0xaf, 0, 0x12, 0x08]);
    }

    #[test]
    fn a_rate_without_a_number_is_written_out() {
        // 2 in five bits, 15 in four, the rate in 24, the channels in four, and three of padding.
        assert_eq!(header(50_000, 2)[..], [0xaf, 0, 0x17, 0x80, 0x61, 0xa8, 0x10]);
    }

    #[test]
    fn a_sound_is_as_it_was() {
        assert_eq!(sound(&[1, 2])[..], [0xaf, 1, 1, 2]);
    }
}
