//! What H.264 says of itself: of a sequence (H.264 §7.3.2.1.1) and of a slice (§7.3.3).

use crate::level::Level;

/// A picture as its sequence parameter set describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Rounded up; none where it does not say.
    pub frames_per_second: Option<u32>,
    /// That it says it needs (`level_idc`).
    pub level: Level,
}

/// Larger than any that is shown; larger numbers are nonsense, and would overflow.
const MOST_MACROBLOCKS: u32 = 1 << 10;
const MOST_RATE: u32 = 240;
/// Those that say what their colours are sampled like (§7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// A shape of pixels that is written out (Table E-1).
const EXTENDED_SHAPE: u32 = 255;

/// Of a sequence parameter set, without its header. None: it is none.
pub fn format(set: &[u8]) -> Option<Format> {
    let plain = unescaped(set);
    let mut bits = Bits::new(&plain);
    let profile = bits.take(8)?;
    bits.take(8)?;
    let level = Level::of_idc(u8::try_from(bits.take(8)?).ok()?);
    bits.unsigned()?;
    let chroma = if HIGH_PROFILES.contains(&profile) { chroma(&mut bits)? } else { 1 };
    bits.unsigned()?;
    match bits.unsigned()? {
        0 => drop(bits.unsigned()?),
        1 => {
            bits.take(1)?;
            bits.signed()?;
            bits.signed()?;
            for _ in 0..bits.unsigned()?.min(255) {
                bits.signed()?;
            }
        }
        _ => {}
    }
    bits.unsigned()?;
    bits.take(1)?;
    let across = bits.unsigned()?.checked_add(1).filter(|count| *count <= MOST_MACROBLOCKS)?;
    let down = bits.unsigned()?.checked_add(1).filter(|count| *count <= MOST_MACROBLOCKS)?;
    let whole = bits.take(1)?;
    if whole == 0 {
        bits.take(1)?;
    }
    bits.take(1)?;
    let rows = 2 - whole;
    let [left, right, top, bottom] = if bits.take(1)? == 1 {
        [bits.unsigned()?, bits.unsigned()?, bits.unsigned()?, bits.unsigned()?]
    } else {
        [0; 4]
    };
    let (x, y) = match chroma {
        1 => (2, 2 * rows),
        2 => (2, rows),
        _ => (1, rows),
    };
    let cut = |whole: u32, one: u32, other: u32, unit: u32| {
        one.checked_add(other)?
            .checked_mul(unit)
            .and_then(|cut| whole.checked_sub(cut))
            .filter(|left| *left > 0)
    };
    let width = cut(across * 16, left, right, x)?;
    let height = cut(down * 16 * rows, top, bottom, y)?;
    Some(Format { width, height, frames_per_second: rate(&mut bits), level })
}

/// How colours are sampled (`chroma_format_idc`); what follows it is passed over.
fn chroma(bits: &mut Bits<'_>) -> Option<u32> {
    let chroma = bits.unsigned()?;
    if chroma == 3 {
        bits.take(1)?;
    }
    bits.unsigned()?;
    bits.unsigned()?;
    bits.take(1)?;
    if bits.take(1)? == 1 {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.take(1)? == 1 {
                scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(chroma)
}

/// §7.3.2.1.1.1.
fn scaling_list(bits: &mut Bits<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..size {
        if next != 0 {
            next = last.wrapping_add(bits.signed()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// §E.1.1, as far as the rate.
fn rate(bits: &mut Bits<'_>) -> Option<u32> {
    if bits.take(1)? == 0 {
        return None;
    }
    if bits.take(1)? == 1 && bits.take(8)? == EXTENDED_SHAPE {
        bits.take(32)?;
    }
    if bits.take(1)? == 1 {
        bits.take(1)?;
    }
    if bits.take(1)? == 1 {
        bits.take(4)?;
        if bits.take(1)? == 1 {
            bits.take(24)?;
        }
    }
    if bits.take(1)? == 1 {
        bits.unsigned()?;
        bits.unsigned()?;
    }
    if bits.take(1)? == 0 {
        return None;
    }
    let (each, scale) = (bits.take(32)?, bits.take(32)?);
    // A picture is two ticks: each of its fields is one.
    let two = each.checked_mul(2).filter(|two| *two > 0)?;
    Some(scale.div_ceil(two)).filter(|rate| (1..=MOST_RATE).contains(rate))
}

/// Whether a slice, with its header, is the first of its picture.
pub fn is_first(slice: &[u8]) -> bool {
    Bits::new(slice.get(1..).unwrap_or_default()).unsigned() == Some(0)
}

/// Whether a slice is of a picture that may look ahead of itself. `slice`: with its header.
pub fn is_bidirectional(slice: &[u8]) -> bool {
    const B: u32 = 1;
    let mut bits = Bits::new(slice.get(1..).unwrap_or_default());
    // The first slice of a picture says enough, and has no escapes so early.
    bits.unsigned() == Some(0) && bits.unsigned().is_some_and(|kind| kind % 5 == B)
}

/// The number with which a parameter set begins, after `skip` bytes.
pub fn number(set: &[u8], skip: usize) -> Option<u32> {
    let plain = unescaped(set.get(..set.len().min(16))?);
    Bits::new(plain.get(skip..)?).unsigned()
}

/// Without what keeps start codes from appearing (§7.4.1).
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let (mut plain, mut zeros) = (Vec::with_capacity(bytes.len()), 0);
    for byte in bytes {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

/// Read from the front.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At most 32. None: there are no more.
    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    /// §9.1: `ue(v)`.
    fn unsigned(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
        }
        if zeros > 31 {
            return None;
        }
        Some((1 << zeros) - 1 + self.take(zeros)?)
    }

    /// §9.1.1: `se(v)`.
    fn signed(&mut self) -> Option<i32> {
        let code = self.unsigned()?;
        let half = (code / 2 + code % 2).cast_signed();
        Some(if code % 2 == 1 { half } else { -half })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of libx264, as ffmpeg tells them (`sprop-parameter-sets`): 640×360 at 30 in baseline, 1920×1080 at 25 in high, which is cut.
    const BASELINE: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
        0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e,
    ];

    #[test]
    fn a_sequence_says_how_large_its_pictures_are_and_how_many_come() {
        let format = format(&BASELINE[1..]).unwrap();
        assert_eq!(
            format,
            Format { width: 640, height: 360, frames_per_second: Some(30), level: Level::of_idc(30) }
        );
    }

    #[test]
    fn what_is_cut_short_is_nothing_and_never_fails() {
        for length in 0..BASELINE.len() {
            let _ = format(&BASELINE[1..][..length.min(BASELINE.len() - 1)]);
        }
        assert_eq!(format(&[66, 0, 30]), None);
        assert_eq!(format(&[0; 40]), None);
        let _ = format(&[0xff; 40]);
    }

    #[test]
    fn a_slice_says_whether_it_looks_ahead() {
        // first_mb 0, slice_type 0 (P), 1 (B), 5 (P), 6 (B), 7 (I).
        for (bits, looks) in [
            (0b1100_0000, false),
            (0b1010_0000, true),
            (0b1001_1000, false),
            (0b1001_1100, true),
            (0b1000_1000, false),
        ] {
            assert_eq!(is_bidirectional(&[0x41, bits, 0]), looks, "{bits:#b}");
        }
        assert!(!is_bidirectional(&[0x41]));
    }
}
