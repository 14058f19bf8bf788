//! Whole keyframes in a stream of RTP packets of H.264 (RFC 6184).
//!
//! A keyframe is there when all packets of its access unit are, from the one with the sequence parameter set to the one with
//! the marker, and a picture parameter set and a slice of an IDR picture are among them. Packets may come in any order.

use std::collections::BTreeMap;

/// Pictures that may be under way at once: what a retransmission is late by.
const PICTURES: usize = 16;
/// RFC 6184 §5.2 and ITU-T H.264 table 7-1.
const SLICE_OF_IDR: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// A decrypted packet.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// Counted on over wraps.
    pub number: u64,
    pub timestamp: u32,
    pub marker: bool,
    pub payload: &'a [u8],
}

/// Finds keyframes.
#[derive(Debug, Default)]
pub struct Keyframes {
    /// By the time of each.
    pictures: Vec<(u32, Picture)>,
}

/// What is known of one picture, by packet.
#[derive(Debug, Default)]
struct Picture(BTreeMap<u64, Holds>);

/// What a packet has in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holds {
    sequence_parameters: bool,
    picture_parameters: bool,
    idr: bool,
    marker: bool,
}

impl Keyframes {
    /// Whether this packet made a keyframe whole.
    pub fn take(&mut self, part: Part<'_>) -> bool {
        let mut holds = Holds { marker: part.marker, ..Holds::default() };
        holds.look(part.payload);
        let place = self.pictures.iter().position(|(timestamp, _)| *timestamp == part.timestamp);
        let place = place.unwrap_or_else(|| {
            if self.pictures.len() == PICTURES {
                self.pictures.remove(0);
            }
            self.pictures.push((part.timestamp, Picture::default()));
            self.pictures.len() - 1
        });
        let picture = &mut self.pictures[place].1;
        let known = picture.0.insert(part.number, holds).is_some();
        !known && picture.is_keyframe()
    }
}

impl Picture {
    fn is_keyframe(&self) -> bool {
        let all = &self.0;
        let first = all.iter().find(|(_, holds)| holds.sequence_parameters).map(|(number, _)| *number);
        let last = all.iter().find(|(_, holds)| holds.marker).map(|(number, _)| *number);
        let (Some(first), Some(last)) = (first, last) else { return false };
        if first > last || all.range(first..=last).count() as u64 != last - first + 1 {
            return false;
        }
        let has = |what: fn(&Holds) -> bool| all.range(first..=last).any(|(_, holds)| what(holds));
        has(|holds| holds.picture_parameters) && has(|holds| holds.idr)
    }
}

impl Holds {
    fn look(&mut self, payload: &[u8]) {
        match payload {
            [kind, rest @ ..] if kind & 0x1f == STAP_A => self.look_inside(rest),
            [kind, header, ..] if kind & 0x1f == FU_A => self.note(header & 0x1f),
            [kind, ..] => self.note(kind & 0x1f),
            [] => {}
        }
    }

    /// RFC 6184 §5.7.1: each unit after its size.
    fn look_inside(&mut self, mut rest: &[u8]) {
        while let [high, low, units @ ..] = rest {
            let size = usize::from(u16::from_be_bytes([*high, *low]));
            let Some((unit, next)) = units.split_at_checked(size) else { return };
            if let Some(kind) = unit.first() {
                self.note(kind & 0x1f);
            }
            rest = next;
        }
    }

    fn note(&mut self, kind: u8) {
        match kind {
            SEQUENCE_PARAMETERS => self.sequence_parameters = true,
            PICTURE_PARAMETERS => self.picture_parameters = true,
            SLICE_OF_IDR => self.idr = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPS: &[u8] = &[0x67, 1];
    const PPS: &[u8] = &[0x68, 1];
    /// A slice in three fragments: start, middle, end.
    const SLICE: [&[u8]; 3] = [&[0x7c, 0x85, 1], &[0x7c, 0x05, 2], &[0x7c, 0x45, 3]];

    /// Of a keyframe in five packets, those whose places are given, in that order; which of them made it whole.
    fn fed(order: &[usize]) -> Option<usize> {
        let payloads = [SPS, PPS, SLICE[0], SLICE[1], SLICE[2]];
        let mut keyframes = Keyframes::default();
        order.iter().position(|place| {
            let (number, marker) = (65_534 + *place as u64, *place == 4);
            keyframes.take(Part { number, timestamp: 7, marker, payload: payloads[*place] })
        })
    }

    #[test]
    fn a_keyframe_is_whole_with_its_last_packet() {
        assert_eq!(fed(&[0, 1, 2, 3, 4]), Some(4));
    }

    #[test]
    fn the_last_packet_to_come_makes_it_whole_whichever_it_is() {
        assert_eq!(fed(&[0, 1, 4, 2, 3]), Some(4));
        assert_eq!(fed(&[1, 2, 3, 4, 0]), Some(4));
    }

    #[test]
    fn a_picture_that_lacks_a_packet_is_not_whole() {
        for lacking in 0..5 {
            let order: Vec<usize> = (0..5).filter(|place| *place != lacking).collect();
            assert_eq!(fed(&order), None, "without {lacking}");
        }
    }

    #[test]
    fn a_picture_that_needs_another_is_no_keyframe() {
        let mut keyframes = Keyframes::default();
        assert!(!keyframes.take(Part { number: 1, timestamp: 1, marker: true, payload: &[0x61, 1] }));
    }

    #[test]
    fn parameters_may_share_a_packet() {
        let mut keyframes = Keyframes::default();
        let both = [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1];
        assert!(!keyframes.take(Part { number: 1, timestamp: 1, marker: false, payload: &both }));
        assert!(keyframes.take(Part { number: 2, timestamp: 1, marker: true, payload: &[0x65, 1] }));
    }

    #[test]
    fn a_keyframe_counts_once() {
        let mut keyframes = Keyframes::default();
        let all = [0x78, 0, 1, 0x67, 0, 1, 0x68, 0, 1, 0x65];
        let part = Part { number: 1, timestamp: 1, marker: true, payload: &all };
        assert!(keyframes.take(part));
        assert!(!keyframes.take(part));
    }

    #[test]
    fn what_is_broken_is_nothing() {
        let mut keyframes = Keyframes::default();
        for payload in [&[][..], &[0x78], &[0x78, 0xff, 0xff, 0x67], &[0x7c]] {
            assert!(!keyframes.take(Part { number: 1, timestamp: 1, marker: true, payload }));
        }
    }
}
