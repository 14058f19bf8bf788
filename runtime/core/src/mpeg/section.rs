//! Tables of a transport stream: which program there is, and which of its streams is a picture (§2.4.4).

use super::transport::Codec;

/// The longest section that a program table may have (§2.4.4.5, §2.4.4.9).
const LONGEST: usize = 1024;

/// Puts a section together from packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections(Vec<u8>);

impl Sections {
    /// A section that is complete with this packet, and intact.
    pub(super) fn push(&mut self, begins: bool, payload: &[u8]) -> Option<Vec<u8>> {
        let mut payload = payload;
        if begins {
            let (pointer, rest) = payload.split_first()?;
            payload = rest.get(usize::from(*pointer)..)?;
            self.0.clear();
        } else if self.0.is_empty() {
            return None;
        }
        self.0.extend_from_slice(payload);
        let length = 3 + (usize::from(*self.0.get(1)? & 0x0f) << 8 | usize::from(*self.0.get(2)?));
        if length > LONGEST {
            self.0.clear();
        }
        if self.0.len() < length || self.0.is_empty() {
            return None;
        }
        let mut section = std::mem::take(&mut self.0);
        section.truncate(length);
        (checksum(&section) == 0).then_some(section)
    }
}

/// Where the tables of the programs are (program association section).
pub(super) fn programs(section: &[u8]) -> Vec<u16> {
    let Some(entries) = body(section, 0x00, 8) else { return Vec::new() };
    let programs = entries.chunks_exact(4).filter(|entry| entry[..2] != [0, 0]);
    programs.map(|entry| id(&entry[2..])).collect()
}

/// The first picture of a program (program map section): its packets' id and its codec.
pub(super) fn picture(section: &[u8]) -> Option<(u16, Codec)> {
    let fixed = body(section, 0x02, 12)?;
    let mut streams = fixed.get(length(section.get(10..12)?)..)?;
    while let [kind, high, low, info_high, info_low, rest @ ..] = streams {
        if let Some(codec) = Codec::of_stream(*kind) {
            return Some((id(&[*high, *low]), codec));
        }
        streams = rest.get(length(&[*info_high, *info_low])..)?;
    }
    None
}

/// What follows the first `fixed` bytes of a table of this kind that is in force, without the checksum.
fn body(section: &[u8], table: u8, fixed: usize) -> Option<&[u8]> {
    let in_force = section.first() == Some(&table) && section.get(5)? & 1 == 1;
    if in_force { section.get(fixed..section.len().checked_sub(4)?) } else { None }
}

fn id(bytes: &[u8]) -> u16 {
    u16::from(bytes[0] & 0x1f) << 8 | u16::from(bytes[1])
}

fn length(bytes: &[u8]) -> usize {
    usize::from(bytes[0] & 0x0f) << 8 | usize::from(bytes[1])
}

/// Zero over a section with its own checksum (§2.4.4, Annex A).
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            if sum >> 31 == 1 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 }
        })
    })
}
