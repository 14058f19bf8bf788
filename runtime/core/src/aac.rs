//! AAC-LC (ISO/IEC 14496-3): what stands before its access units, once or before each.

use std::time::Duration;

/// In each channel of an access unit (§4.5.1.1).
pub const SAMPLES: u32 = 1024;

/// What stands before each unit where nothing else says how long it is (§1.A.2.2).
pub const ADTS_BYTES: usize = 7;

/// The length of a unit with its header has so many bits.
const MOST_BYTES: usize = (1 << 13) - 1;

/// AAC-LC among the object types (table 1.17).
const LOW_COMPLEXITY: u8 = 2;

/// By their index (table 1.18).
const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// As headers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    rate_index: u8,
    /// 1 to 6 are so many channels (table 1.19).
    channels: u8,
}

impl Format {
    /// None: a rate or a number of channels for which headers have no word.
    pub fn new(sample_rate_hz: u32, channels: u32) -> Option<Self> {
        let rate_index = RATES_HZ.iter().position(|rate| *rate == sample_rate_hz)?;
        let channels = u8::try_from(channels).ok().filter(|channels| (1..=6).contains(channels))?;
        Some(Self { rate_index: u8::try_from(rate_index).ok()?, channels })
    }

    /// The `AudioSpecificConfig` (§1.6.2.1): what a decoder is told where units come bare, as in FLV and MP4.
    pub const fn config(self) -> [u8; 2] {
        [LOW_COMPLEXITY << 3 | self.rate_index >> 1, self.rate_index << 7 | self.channels << 3]
    }

    /// What stands before a unit of so many bytes. None: it is too long for it.
    pub fn adts(self, bytes: usize) -> Option<[u8; ADTS_BYTES]> {
        let length = bytes.checked_add(ADTS_BYTES).filter(|length| *length <= MOST_BYTES)?;
        let [_, _, high, low] = u32::try_from(length << 5).ok()?.to_be_bytes();
        let top = u8::try_from(length >> 11).ok()?;
        Some([
            0xff,
            0xf1, // MPEG-4, and no checksum
            (LOW_COMPLEXITY - 1) << 6 | self.rate_index << 2 | self.channels >> 2,
            self.channels << 6 | top,
            high,
            low | 0x1f, // how full the buffer is: not said
            0xfc,
        ])
    }
}

/// How long a unit sounds.
pub fn duration(sample_rate_hz: u32) -> Duration {
    Duration::from_nanos(u64::from(SAMPLES) * 1_000_000_000 / u64::from(sample_rate_hz.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_is_told_in_two_bytes() {
        let config = |rate, channels| Format::new(rate, channels).map(Format::config);
        assert_eq!(config(48_000, 2), Some([0x11, 0x90]));
        assert_eq!(config(44_100, 2), Some([0x12, 0x10]));
        assert_eq!(config(48_000, 1), Some([0x11, 0x88]));
        assert_eq!(config(47_999, 2), None);
        assert_eq!(config(48_000, 7), None);
    }

    #[test]
    fn each_unit_says_its_length_and_one_that_is_too_long_is_none() {
        let format = Format::new(44_100, 2).unwrap();
        // As ffmpeg writes it.
        assert_eq!(format.adts(364), Some([0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc]));
        assert_eq!(format.adts(MOST_BYTES - ADTS_BYTES).map(|header| header[3] & 3), Some(3));
        assert_eq!(format.adts(MOST_BYTES), None);
        assert_eq!(format.adts(usize::MAX), None);
    }

    #[test]
    fn a_unit_lasts_as_long_as_its_samples() {
        assert_eq!(duration(48_000), Duration::from_nanos(21_333_333));
    }
}
