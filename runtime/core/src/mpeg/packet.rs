//! Packets of a transport stream (13818-1 §2.4.3.2).

pub(super) const BYTES: usize = 188;
pub(super) const SYNC: u8 = 0x47;

const HEADER: usize = 4;

/// One packet, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) id: u16,
    /// The payload begins a section or a PES packet.
    pub(super) begins: bool,
    /// Counts packets with payload, modulo 16.
    pub(super) counter: u8,
    /// The sender says that the counter jumps here.
    pub(super) breaks: bool,
    /// It was filled up: there was no more to send of this unit.
    pub(super) stuffed: bool,
    pub(super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// None: damaged, scrambled, or without payload.
    pub(super) fn parse(bytes: &'a [u8; BYTES]) -> Option<Self> {
        let [SYNC, first, second, control, ..] = *bytes else { return None };
        let (damaged, scrambled) = (first & 0x80 != 0, control & 0xc0 != 0);
        if damaged || scrambled || control & 0x10 == 0 {
            return None;
        }
        let adaptation = if control & 0x20 == 0 { &[][..] } else { adaptation(bytes)? };
        let skipped = if control & 0x20 == 0 { HEADER } else { HEADER + 1 + adaptation.len() };
        Some(Self {
            id: u16::from(first & 0x1f) << 8 | u16::from(second),
            begins: first & 0x40 != 0,
            counter: control & 0x0f,
            breaks: adaptation.first().is_some_and(|flags| flags & 0x80 != 0),
            stuffed: control & 0x20 != 0 && is_stuffed(adaptation),
            payload: bytes.get(skipped..).filter(|payload| !payload.is_empty())?,
        })
    }
}

/// The adaptation field without its length.
fn adaptation(bytes: &[u8; BYTES]) -> Option<&[u8]> {
    let length = usize::from(bytes[HEADER]);
    bytes.get(HEADER + 1..HEADER + 1 + length)
}

/// Whether it is longer than what it says (§2.4.3.4). An empty one fills up a single byte.
fn is_stuffed(adaptation: &[u8]) -> bool {
    let Some(flags) = adaptation.first() else { return true };
    let mut said = 1;
    said += if flags & 0x10 != 0 { 6 } else { 0 }; // program clock reference
    said += if flags & 0x08 != 0 { 6 } else { 0 }; // the original one
    said += if flags & 0x04 != 0 { 1 } else { 0 }; // splice countdown
    for present in [flags & 0x02 != 0, flags & 0x01 != 0] {
        // Private data, and an extension: each with its length.
        if present {
            said += 1 + adaptation.get(said).map_or(0, |length| usize::from(*length));
        }
    }
    adaptation.len() > said
}
