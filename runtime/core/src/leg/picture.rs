//! RTP packets of H.264 as access units (RFC 6184, packetization mode 1).
//!
//! A unit leaves as all of ours are: Annex B, without delimiters and filler, with parameter sets before a picture that can be
//! decoded alone. After a loss nothing leaves until the next of those.

use bytes::{BufMut, Bytes, BytesMut};

use super::packet::Packet;
use super::parameters::{self, Format};
use super::sets::{self, Sets};

pub(super) const START: [u8; 4] = [0, 0, 0, 1];
/// RFC 6184 §5.2.
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_BEGINS: u8 = 0x80;
const FU_ENDS: u8 = 0x40;
const KIND: u8 = 0x1f;
const REFERENCE: u8 = 0xe0;
/// Table 7-1 of H.264.
const SLICES: std::ops::RangeInclusive<u8> = 1..=5;
const SLICE: u8 = 1;
const IDR: u8 = 5;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;
const LAST_SINGLE: u8 = 23;
/// No picture is larger: what goes on after it is nonsense.
const MOST_BYTES: usize = 16 << 20;

/// A picture that came whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    pub timestamp: u32,
    /// It can be decoded alone.
    pub key: bool,
    /// None: no sequence parameter set came yet.
    pub format: Option<Format>,
    pub bytes: Bytes,
}

/// Puts them together.
#[derive(Debug, Default)]
pub struct Assembly {
    source: Option<u32>,
    next: Option<u16>,
    /// Of the picture that is being put together.
    timestamp: u32,
    bytes: BytesMut,
    has: Has,
    /// A unit of which more is to come begins here.
    fragment: Option<usize>,
    sets: Sets,
    /// What comes builds on what is known.
    follows: bool,
    lost: u64,
    /// Pictures that came whole since somebody asked.
    whole: u64,
    has_b_frames: bool,
    lacks_sets: bool,
}

/// What there is in the picture so far.
#[derive(Clone, Copy, Debug, Default)]
struct Has {
    slice: bool,
    key: bool,
    sets: bool,
    /// Something is missing.
    gap: bool,
}

impl Assembly {
    /// Packets that did not arrive.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Pictures that came whole since this was last asked, also those that nothing decodes for want of a keyframe.
    pub fn take_whole(&mut self) -> u64 {
        std::mem::take(&mut self.whole)
    }

    pub fn has_b_frames(&self) -> bool {
        self.has_b_frames
    }

    /// A picture that could be decoded alone came without them, and none came before it.
    pub fn lacks_parameter_sets(&self) -> bool {
        self.lacks_sets
    }

    /// What it completes is added to `whole`.
    pub fn push(&mut self, packet: &Packet<'_>, whole: &mut Vec<Picture>) {
        if self.source.replace(packet.source).is_some_and(|source| source != packet.source) {
            self.anew();
        }
        let gap = self.next.map_or(0, |next| packet.sequence.wrapping_sub(next));
        if gap > u16::MAX / 2 {
            return; // it is late, or came twice
        }
        self.next = Some(packet.sequence.wrapping_add(1));
        self.lost += u64::from(gap);
        if gap > 0 {
            // Of the picture before this one, or of one that is missing whole; what is missing of this one shows by its slices.
            self.clear();
            self.follows = false;
            self.has.gap = self.timestamp == packet.timestamp;
        }
        if self.timestamp != packet.timestamp {
            whole.extend(self.finish());
            self.timestamp = packet.timestamp;
        }
        self.add(packet.payload);
        if packet.marker {
            whole.extend(self.finish());
        }
    }

    /// Another sends; what the one before it said holds no more.
    fn anew(&mut self) {
        *self = Self { source: self.source, lost: self.lost, ..Self::default() };
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.has, self.fragment) = (Has::default(), None);
    }

    fn add(&mut self, payload: &[u8]) {
        let Some(header) = payload.first() else { return };
        match header & KIND {
            STAP_A => self.aggregate(&payload[1..]),
            FU_A => self.fragment(payload),
            1..=LAST_SINGLE => self.unit(payload),
            _ => self.has.gap = true,
        }
        if self.bytes.len() > MOST_BYTES {
            self.clear();
            self.has.gap = true;
        }
    }

    fn aggregate(&mut self, mut rest: &[u8]) {
        while let Some((size, behind)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(*size));
            let Some((unit, behind)) = behind.split_at_checked(size) else {
                self.has.gap = true;
                return;
            };
            self.unit(unit);
            rest = behind;
        }
    }

    fn fragment(&mut self, payload: &[u8]) {
        let [indicator, header, part @ ..] = payload else { return };
        if header & FU_BEGINS != 0 {
            let first = indicator & REFERENCE | header & KIND;
            self.before(first);
            self.fragment = Some(self.bytes.len());
            self.bytes.put_slice(&START);
            self.bytes.put_u8(first);
        }
        let Some(begin) = self.fragment else {
            self.has.gap = true;
            return;
        };
        self.bytes.put_slice(part);
        if header & FU_ENDS != 0 {
            self.fragment = None;
            let unit = self.bytes.split_off(begin);
            self.took(&unit[START.len()..]);
            self.bytes.unsplit(unit);
        }
    }

    fn unit(&mut self, unit: &[u8]) {
        let Some(first) = unit.first() else { return };
        if matches!(first & KIND, DELIMITER | FILLER) {
            return;
        }
        self.before(*first);
        self.bytes.put_slice(&START);
        self.bytes.put_slice(unit);
        self.took(unit);
    }

    /// What a unit with that header is to find before it.
    fn before(&mut self, header: u8) {
        if header & KIND == IDR && !self.has.sets && self.sets.are_there() {
            self.sets.write(&mut self.bytes);
            self.has.sets = true;
        }
    }

    /// A unit is there, whole.
    fn took(&mut self, unit: &[u8]) {
        let kind = unit.first().map_or(0, |header| header & KIND);
        if SLICES.contains(&kind) {
            self.has.gap |= !self.has.slice && !parameters::is_first(unit);
            self.has.slice = true;
        }
        self.has.key |= kind == IDR;
        self.has.sets |= kind == sets::SEQUENCE;
        self.has_b_frames |= kind == SLICE && parameters::is_bidirectional(unit);
        self.sets.keep(unit);
    }

    /// The picture, if it is whole and follows what left before it.
    fn finish(&mut self) -> Option<Picture> {
        let Has { slice, key, gap, .. } = self.has;
        let is_whole = slice && !gap && self.fragment.is_none();
        self.whole += u64::from(is_whole);
        self.follows = (self.follows || key) && (is_whole || !slice && !gap);
        let decodes = self.sets.are_there();
        self.lacks_sets |= key && is_whole && !decodes;
        let bytes = self.bytes.split();
        self.clear();
        if !is_whole || !self.follows {
            return None;
        }
        let format = self.sets.format().filter(|_| decodes);
        Some(Picture { timestamp: self.timestamp, key, format, bytes: bytes.freeze() })
    }
}
