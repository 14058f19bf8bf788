//! Parameter sets, of which the newest under each number holds (H.264 §7.4.1.2.1).

use bytes::{BufMut, Bytes, BytesMut};

use super::parameters::{self, Format};

pub(super) const SEQUENCE: u8 = 7;
pub(super) const PICTURE: u8 = 8;

/// More than any encoder makes of one kind.
const MOST: usize = 16;

/// They are of one sequence: a new one of another number does not end what came before it.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sequences: Vec<(u32, Bytes)>,
    pictures: Vec<(u32, Bytes)>,
    format: Option<Format>,
}

impl Sets {
    /// A unit that may be one.
    pub fn keep(&mut self, unit: &[u8]) {
        match unit.first().map(|header| header & 0x1f) {
            // Behind its header, profile, constraints and level.
            Some(SEQUENCE) if keep(&mut self.sequences, unit, 4) => {
                self.format = parameters::format(&unit[1..]).or(self.format);
            }
            Some(PICTURE) => drop(keep(&mut self.pictures, unit, 1)),
            _ => {}
        }
    }

    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// Whether there are some of both kinds.
    pub fn are_there(&self) -> bool {
        !self.sequences.is_empty() && !self.pictures.is_empty()
    }

    /// All of them, each behind a start code.
    pub fn write(&self, out: &mut BytesMut) {
        for (_, set) in self.sequences.iter().chain(&self.pictures) {
            out.put_slice(&super::picture::START);
            out.put_slice(set);
        }
    }
}

/// False: it is known already, or none.
fn keep(sets: &mut Vec<(u32, Bytes)>, unit: &[u8], skip: usize) -> bool {
    let Some(number) = parameters::number(unit, skip) else { return false };
    let known = sets.iter().position(|(other, _)| *other == number);
    let place = known.unwrap_or(sets.len());
    if place == MOST || known.is_some_and(|at| sets[at].1 == unit) {
        return false;
    }
    let set = (number, Bytes::copy_from_slice(unit));
    match sets.get_mut(place) {
        Some(known) => *known = set,
        None => sets.push(set),
    }
    true
}
