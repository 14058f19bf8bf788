//! Levels of H.264 (its table A-1): how much of a picture a decoder takes.

use std::fmt;

/// By its `level_idc`: ten times its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

/// What has to be decoded.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub pictures_a_second: u32,
    pub bits_a_second: u32,
}

/// Of a picture in blocks of 16×16 pixels.
struct Most {
    level: Level,
    blocks_a_second: u32,
    blocks: u32,
    bits_a_second: u32,
}

const fn most(level: u8, blocks_a_second: u32, blocks: u32, kilobits_a_second: u32) -> Most {
    Most { level: Level(level), blocks_a_second, blocks, bits_a_second: kilobits_a_second * 1000 }
}

const TABLE: [Most; 15] = [
    most(10, 1485, 99, 64),
    most(11, 3000, 396, 192),
    most(12, 6000, 396, 384),
    most(13, 11_880, 396, 768),
    most(20, 11_880, 396, 2000),
    most(21, 19_800, 792, 4000),
    most(22, 20_250, 1620, 4000),
    most(30, 40_500, 1620, 10_000),
    most(31, 108_000, 3600, 14_000),
    most(32, 216_000, 5120, 20_000),
    most(40, 245_760, 8192, 20_000),
    most(41, 245_760, 8192, 50_000),
    most(42, 522_240, 8704, 50_000),
    most(50, 589_824, 22_080, 135_000),
    most(51, 983_040, 36_864, 240_000),
];

impl Level {
    /// Of 1280×720 with thirty pictures a second, which everybody takes.
    pub const HD: Self = Self(31);

    pub const fn of_idc(idc: u8) -> Self {
        Self(idc)
    }

    /// As GStreamer says it: `3.1`, `4`, `1b`.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "1b" {
            return Some(Self(10));
        }
        let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
        let whole: u8 = whole.parse().ok()?;
        whole.checked_mul(10)?.checked_add(tenths.parse().ok()?).map(Self)
    }

    /// The least that takes so much; the highest there is, if none does.
    pub fn of(load: Load) -> Self {
        TABLE.iter().find(|most| most.takes(load)).unwrap_or(&TABLE[TABLE.len() - 1]).level
    }

    pub const fn idc(self) -> u8 {
        self.0
    }

    pub fn takes(self, load: Load) -> bool {
        self.most().is_some_and(|most| most.takes(load))
    }

    /// Bits a second, at most.
    pub fn bits_a_second(self) -> u32 {
        self.most().map_or(0, |most| most.bits_a_second)
    }

    /// A level that nobody knows takes what the next below takes.
    fn most(self) -> Option<&'static Most> {
        TABLE.iter().rfind(|most| most.level <= self)
    }
}

impl Most {
    fn takes(&self, load: Load) -> bool {
        let blocks = u64::from(load.width.div_ceil(16)) * u64::from(load.height.div_ceil(16));
        blocks <= self.blocks.into()
            && blocks * u64::from(load.pictures_a_second) <= self.blocks_a_second.into()
            && load.bits_a_second <= self.bits_a_second
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenths) => write!(f, "{whole}.{tenths}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(width: u32, height: u32, pictures_a_second: u32, bits_a_second: u32) -> Load {
        Load { width, height, pictures_a_second, bits_a_second }
    }

    #[test]
    fn a_picture_needs_the_level_that_an_encoder_gives_it() {
        for (of, level) in [
            (load(320, 180, 30, 0), "1.3"),
            (load(640, 360, 30, 2_500_000), "3"),
            (load(1280, 720, 30, 2_500_000), "3.1"),
            (load(1280, 720, 30, 14_000_001), "3.2"),
            (load(1280, 720, 60, 0), "3.2"),
            (load(1920, 1080, 30, 0), "4"),
            (load(3840, 2160, 30, 0), "5.1"),
            (load(3840, 2160, 60, 0), "5.1"),
        ] {
            assert_eq!(Level::of(of).to_string(), level, "{of:?}");
        }
    }

    #[test]
    fn a_level_is_read_as_it_is_said() {
        for (text, idc) in [("3.1", Some(31)), ("4", Some(40)), ("1b", Some(10)), ("", None), ("99", None)] {
            assert_eq!(Level::parse(text).map(Level::idc), idc, "{text}");
        }
    }

    #[test]
    fn what_is_between_two_levels_takes_what_the_lower_takes() {
        let hd = load(1280, 720, 30, 2_500_000);
        assert!(Level::HD.takes(hd) && Level::of_idc(39).takes(hd) && !Level::of_idc(30).takes(hd));
        assert!(!Level::of_idc(9).takes(load(16, 16, 1, 1)));
    }
}
