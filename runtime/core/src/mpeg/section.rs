//! Tables of a transport stream: which program there is, and which of its streams is a picture (§2.4.4).

use super::Codec;

/// The longest section that a program table may have (§2.4.4.5, §2.4.4.9).
const LONGEST: usize = 1024;

/// What stands in the place of a table where there are no more (§2.4.4.1).
const FILLING: u8 = 0xff;

/// Puts a section together from packets.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections(Vec<u8>);

impl Sections {
    /// The sections that are complete with this packet, and intact.
    pub(super) fn push(&mut self, begins: bool, payload: &[u8]) -> Vec<Vec<u8>> {
        let mut sections = Vec::new();
        let mut payload = payload;
        if begins {
            // What stands before the place that is pointed at belongs to the section that was begun (§2.4.4.2).
            let split = payload.split_first().and_then(|(at, rest)| rest.split_at_checked(usize::from(*at)));
            let (end, rest) = split.unwrap_or_default();
            if !self.0.is_empty() {
                self.0.extend_from_slice(end);
                self.take(&mut sections);
            }
            self.0.clear();
            payload = rest;
        } else if self.0.is_empty() {
            return sections;
        }
        self.0.extend_from_slice(payload);
        self.take(&mut sections);
        sections
    }

    /// Takes what is complete. One section may follow the other, and after the last one the packet is filled up.
    fn take(&mut self, sections: &mut Vec<Vec<u8>>) {
        while let [table, high, low, ..] = *self.0 {
            let length = 3 + (usize::from(high & 0x0f) << 8 | usize::from(low));
            if table == FILLING || length > LONGEST {
                self.0.clear();
            }
            if self.0.len() < length {
                return;
            }
            let rest = self.0.split_off(length);
            let section = std::mem::replace(&mut self.0, rest);
            sections.extend(Some(section).filter(|section| checksum(section) == 0));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn section(bytes: usize) -> Vec<u8> {
        let length = bytes - 3;
        let mut section = vec![0x02, 0xb0 | u8::try_from(length >> 8).unwrap(), (length & 0xff) as u8];
        section.extend((0..bytes - 7).map(|n| (n * 7 % 251) as u8));
        let sum = checksum(&section);
        section.extend(sum.to_be_bytes());
        section
    }

    #[test]
    fn what_stands_before_the_pointer_ends_the_section_that_was_begun() {
        let (first, second) = (section(300), section(40));
        let (begin, end) = first.split_at(183);
        let pointer = u8::try_from(end.len()).unwrap();
        let next = [&[pointer][..], end, &second, &[0xff; 26]].concat();
        let mut sections = Sections::default();
        assert_eq!(sections.push(true, &[&[0][..], begin].concat()), Vec::<Vec<u8>>::new());
        assert_eq!(sections.push(true, &next), [first.clone(), second.clone()]);
        // Who comes in the middle takes what begins.
        assert_eq!(Sections::default().push(true, &next), [second]);
    }

    #[test]
    fn a_pointer_beyond_the_packet_and_a_lost_packet_lose_their_section_alone() {
        let whole = section(300);
        let (begin, end) = whole.split_at(183);
        let mut sections = Sections::default();
        assert_eq!(sections.push(true, &[200, 1, 2]), Vec::<Vec<u8>>::new());
        sections.push(true, &[&[0][..], begin].concat());
        assert_eq!(sections.push(true, &[&[0][..], begin].concat()), Vec::<Vec<u8>>::new());
        assert_eq!(sections.push(false, end), [whole]);
    }
}
