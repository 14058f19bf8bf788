//! A transport stream, whose bytes come in any pieces, as access units of its first picture.
//!
//! A unit is complete when its PES packet has the length that it says. Most muxers do not say one for pictures; then it
//! is complete with a packet that was filled up, since muxers fill up the last packet of a unit only. A sender of which
//! that is not true is found out by the first unit that goes on: from then on units end where the next begins.

use std::time::Duration;

use bytes::Bytes;

use super::packet::{self, Packet};
use super::picture;
use super::section::{self, Sections};
use super::{Codec, Stamp};

/// Larger than any picture that a camera needs: what goes on for longer is thrown away.
const LARGEST_UNIT: usize = 8 << 20;
/// Programs of a stream that are looked at for a picture.
const MOST_PROGRAMS: usize = 16;
const ASSOCIATION: u16 = 0;

/// One access unit, in the order of decoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    pub codec: Codec,
    /// When it is to be decoded.
    pub stamp: Option<Stamp>,
    /// How long after that it is to be shown.
    pub reorder: Duration,
    /// A decoder can begin with it.
    pub is_start: bool,
    pub data: Bytes,
}

#[derive(Clone, Debug, Default)]
pub struct Demuxer {
    /// The beginning of a packet.
    rest: Vec<u8>,
    /// Where packets end is known.
    aligned: bool,
    association: Sections,
    programs: Vec<(u16, Sections)>,
    picture: Option<Picture>,
}

#[derive(Clone, Debug)]
struct Picture {
    id: u16,
    codec: Codec,
    counter: Option<u8>,
    unit: Progress,
    fills_up_ends_only: bool,
}

/// Where the unit that comes in stands.
#[derive(Clone, Debug)]
enum Progress {
    /// Until a unit begins nothing is of use.
    None,
    Begun(Vec<u8>),
    /// Handed out because its last packet was filled up.
    Ended,
}

impl Codec {
    /// Of a stream type (13818-1 table 2-34).
    pub(super) const fn of_stream(kind: u8) -> Option<Self> {
        match kind {
            0x01 | 0x02 => Some(Self::Mpeg),
            0x1b => Some(Self::H264),
            _ => None,
        }
    }
}

impl Demuxer {
    /// The units that are complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Unit> {
        let mut units = Vec::new();
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            bytes = self.complete(bytes, &mut units);
        }
        let left = self.packets(bytes, &mut units);
        self.rest.extend_from_slice(left);
        units
    }

    /// What is left over is completed to two packets, enough to find out where packets begin.
    fn complete<'a>(&mut self, bytes: &'a [u8], units: &mut Vec<Unit>) -> &'a [u8] {
        let mut rest = std::mem::take(&mut self.rest);
        let before = rest.len();
        rest.extend_from_slice(&bytes[..bytes.len().min(2 * packet::BYTES)]);
        let left = self.packets(&rest, units).len();
        match (rest.len() - left).checked_sub(before) {
            // All that was left over has been read: the bytes go on from there.
            Some(read) => &bytes[read..],
            None => {
                self.rest = rest.split_off(rest.len() - left);
                &[]
            }
        }
    }

    /// Reads whole packets; what is left is less than two.
    fn packets<'a>(&mut self, bytes: &'a [u8], units: &mut Vec<Unit>) -> &'a [u8] {
        let mut bytes = bytes;
        loop {
            if !self.aligned {
                let Some(at) = boundary(bytes) else {
                    return &bytes[bytes.len() - bytes.len().min(packet::BYTES)..];
                };
                bytes = &bytes[at..];
                self.aligned = true;
            }
            let Some((packet, rest)) = bytes.split_first_chunk() else { return bytes };
            if packet[0] != packet::SYNC {
                self.aligned = false;
                bytes = &bytes[1..];
                continue;
            }
            bytes = rest;
            if let Some(packet) = Packet::parse(packet) {
                self.packet(&packet, units);
            }
        }
    }

    fn packet(&mut self, packet: &Packet<'_>, units: &mut Vec<Unit>) {
        if packet.id == ASSOCIATION {
            for section in self.association.push(packet.begins, packet.payload) {
                self.associate(&section::programs(&section));
            }
        } else if let Some(picture) = self.picture.as_mut().filter(|picture| picture.id == packet.id) {
            picture.packet(packet, units);
        } else if let Some((_, sections)) = self.programs.iter_mut().find(|(id, _)| *id == packet.id) {
            let sections = sections.push(packet.begins, packet.payload);
            if let Some(found) = sections.iter().find_map(|section| section::picture(section)) {
                self.map(found);
            }
        }
    }

    fn associate(&mut self, programs: &[u16]) {
        let same = self.programs.iter().map(|(id, _)| *id).eq(programs.iter().copied().take(MOST_PROGRAMS));
        if !same {
            let programs = programs.iter().take(MOST_PROGRAMS);
            self.programs = programs.map(|id| (*id, Sections::default())).collect();
        }
    }

    fn map(&mut self, (id, codec): (u16, Codec)) {
        if self.picture.as_ref().is_none_or(|picture| (picture.id, picture.codec) != (id, codec)) {
            let (counter, unit) = (None, Progress::None);
            self.picture = Some(Picture { id, codec, counter, unit, fills_up_ends_only: true });
        }
    }
}

impl Picture {
    fn packet(&mut self, packet: &Packet<'_>, units: &mut Vec<Unit>) {
        let last = self.counter.replace(packet.counter);
        if last == Some(packet.counter) && !packet.begins && !packet.breaks {
            return; // sent twice, which is allowed (§2.4.3.3)
        }
        let lost = last.is_some_and(|last| (last + 1) & 0x0f != packet.counter) && !packet.breaks;
        if lost {
            self.unit = Progress::None;
        }
        if packet.begins {
            units.extend(self.take());
            self.unit = Progress::Begun(Vec::new());
        }
        match &mut self.unit {
            Progress::Begun(unit) if unit.len() < LARGEST_UNIT => unit.extend_from_slice(packet.payload),
            Progress::Begun(_) => self.unit = Progress::None,
            Progress::Ended => self.fills_up_ends_only = false,
            Progress::None => {}
        }
        if self.is_complete(packet.stuffed) {
            units.extend(self.take());
            self.unit = Progress::Ended;
        }
    }

    fn is_complete(&self, stuffed: bool) -> bool {
        let Progress::Begun(unit) = &self.unit else { return false };
        match picture::length(unit) {
            Some(length) => unit.len() >= length,
            None => stuffed && self.fills_up_ends_only,
        }
    }

    /// The unit as it is, if it is one.
    fn take(&mut self) -> Option<Unit> {
        let Progress::Begun(unit) = std::mem::replace(&mut self.unit, Progress::None) else { return None };
        let picture::Header { stamp, reorder, bytes: begin } = picture::header(&unit)?;
        let end = picture::length(&unit).map_or(unit.len(), |length| unit.len().min(length));
        let data = Bytes::from(unit);
        let data = (begin < end).then(|| data.slice(begin..end))?;
        let is_start = picture::is_start(self.codec, &data);
        Some(Unit { codec: self.codec, stamp, reorder, is_start, data })
    }
}

/// Where two packets follow each other.
fn boundary(bytes: &[u8]) -> Option<usize> {
    let next = bytes.get(packet::BYTES..)?;
    bytes.iter().zip(next).position(|(here, there)| *here == packet::SYNC && *there == packet::SYNC)
}

#[cfg(test)]
mod tests;
