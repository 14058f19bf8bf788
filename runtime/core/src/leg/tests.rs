//! What packets make of access units, and what is made of what is no packet at all.

use proptest::prelude::*;

use super::*;
use crate::fanout::h264;

const SEQUENCE: [u8; 24] = [
    0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00,
    0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e,
];
const SET: [u8; 5] = [0x68, 0xcb, 0x8c, 0xb2, 0x80];
/// A slice of a picture that looks back, and one that looks ahead.
const BACK: [u8; 3] = [0x41, 0xc0, 0x11];
const AHEAD: [u8; 3] = [0x01, 0xa0, 0x11];
const ALONE: [u8; 3] = [0x65, 0x88, 0x84];

/// Sends pictures.
#[derive(Default)]
struct Sender {
    sequence: u16,
    number: u32,
}

impl Sender {
    fn packet(&mut self, payload: &[u8], marker: bool) -> Vec<u8> {
        let mut bytes = vec![0x80, if marker { 0xe6 } else { 0x66 }];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend((self.number * 3000).to_be_bytes());
        bytes.extend(9_u32.to_be_bytes());
        bytes.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.number += u32::from(marker);
        bytes
    }

    /// The packets of one picture.
    fn picture(&mut self, units: &[&[u8]]) -> Vec<Vec<u8>> {
        let last = units.len() - 1;
        units.iter().enumerate().map(|(at, unit)| self.packet(unit, at == last)).collect()
    }
}

fn annex_b(units: &[&[u8]]) -> Bytes {
    units.iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect()
}

#[derive(Default)]
struct Receiver {
    intake: Intake,
    now: Duration,
    units: Vec<Unit>,
}

impl Receiver {
    fn take(&mut self, datagrams: impl IntoIterator<Item = Vec<u8>>) {
        for datagram in datagrams {
            self.intake.take(Kind::Video, &datagram, self.now, |unit| self.units.push(unit));
        }
        self.now += Duration::from_millis(33);
    }

    /// Which came since, and whether they can be decoded alone.
    fn came(&mut self) -> Vec<(bool, Bytes)> {
        self.units.drain(..).map(|unit| (unit.key, unit.payload)).collect()
    }
}

#[test]
fn parameter_sets_stand_before_each_picture_that_can_be_decoded_alone() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    receiver.take(sender.picture(&[&SEQUENCE, &SET, &ALONE]));
    receiver.take(sender.picture(&[&[9, 0xf0], &BACK]));
    receiver.take(sender.picture(&[&[6, 1], &ALONE]));
    let whole = annex_b(&[&SEQUENCE, &SET, &ALONE]);
    let again = annex_b(&[&[6, 1], &SEQUENCE, &SET, &ALONE]);
    let track = receiver.units[0].track;
    assert_eq!(track, Track::h264(640, 360, 30));
    assert_eq!(receiver.came(), [(true, whole), (false, annex_b(&[&BACK])), (true, again)]);
}

#[test]
fn units_that_travel_together_or_in_parts_are_whole_again() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    let part = |unit: &[u8]| [&(unit.len() as u16).to_be_bytes()[..], unit].concat();
    let together = [&[0x78][..], &part(&SEQUENCE), &part(&SET)].concat();
    let parts: [&[u8]; 3] = [&[0x7c, 0x85, 0x88], &[0x7c, 0x05, 1, 2], &[0x7c, 0x45, 3]];
    receiver.take(sender.picture(&[&together, parts[0], parts[1], parts[2]]));
    assert_eq!(receiver.came(), [(true, annex_b(&[&SEQUENCE, &SET, &[0x65, 0x88, 1, 2, 3]]))]);
}

#[test]
fn after_a_loss_nothing_comes_until_a_picture_that_can_be_decoded_alone() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    receiver.take(sender.picture(&[&SEQUENCE, &SET, &ALONE]));
    sender.picture(&[&BACK]);
    receiver.take(sender.picture(&[&BACK]));
    receiver.take(sender.picture(&[&BACK]));
    assert_eq!(receiver.came().len(), 1);
    receiver.take(sender.picture(&[&ALONE]));
    assert_eq!(receiver.came().len(), 1);
    assert_eq!(receiver.intake.seen().lost, 1);
    // Of one that can be decoded alone a part is missing.
    let mut parts = sender.picture(&[&[0x7c, 0x85, 1], &[0x7c, 5, 2], &[0x7c, 0x45, 3]]);
    parts.remove(1);
    receiver.take(parts);
    receiver.take(sender.picture(&[&BACK]));
    assert_eq!(receiver.came(), []);
}

#[test]
fn a_picture_without_a_marker_ends_where_another_time_begins() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    let unmarked = |packets: Vec<Vec<u8>>| {
        packets.into_iter().map(|mut packet| {
            packet[1] = 0x66;
            packet
        })
    };
    receiver.take(unmarked(sender.picture(&[&SEQUENCE, &SET, &ALONE])));
    assert_eq!(receiver.came().len(), 0);
    receiver.take(unmarked(sender.picture(&[&BACK])));
    assert_eq!(receiver.came().len(), 1);
}

#[test]
fn the_facts_that_make_a_copy_unplayable_are_seen() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    receiver.take(sender.picture(&[&ALONE]));
    assert!(receiver.intake.seen().lacks_parameter_sets);
    assert!(!receiver.intake.seen().has_b_frames);
    assert_eq!(receiver.came(), [], "nobody can decode it");
    receiver.take(sender.picture(&[&AHEAD]));
    assert!(receiver.intake.seen().has_b_frames);
    receiver.intake.begin();
    assert_eq!(receiver.intake.seen(), Seen::default());
    receiver.take(sender.picture(&[&SEQUENCE, &SET, &ALONE]));
    assert!(!receiver.intake.seen().lacks_parameter_sets);
    let level = Level::of_idc(30);
    assert_eq!(receiver.intake.seen().levels, Some(Levels { said: level, needed: level }));
}

#[test]
fn sound_that_is_aac_is_told_from_opus_and_goes_to_nobody() {
    assert!(is_aac(&[0, 16, 0, 24, 1, 2, 3]));
    assert!(is_aac(&[0, 32, 0, 24, 0, 16, 1, 2, 3, 4, 5]));
    for opus in [&[0xfc, 1, 2][..], &[0, 16, 0, 24, 1, 2], &[0, 17, 0, 24, 1, 2, 3], &[0, 0], &[0], &[]] {
        assert!(!is_aac(opus), "{opus:?}");
    }
    let (mut sender, mut intake) = (Sender::default(), Intake::default());
    let mut count = 0;
    intake.take(Kind::Audio, &sender.packet(&[0, 16, 0, 24, 1, 2, 3], true), Duration::ZERO, |_| count += 1);
    assert_eq!((count, intake.seen().has_aac), (0, true));
    intake.begin();
    intake.take(Kind::Audio, &sender.packet(&[0xfc, 1], true), Duration::ZERO, |_| count += 1);
    assert_eq!((count, intake.seen().sounds), (1, 1));
}

proptest! {
    /// Whatever is cut as it is cut for viewers comes out as it went in.
    #[test]
    fn what_was_cut_into_packets_is_put_together_again(
        lengths in proptest::collection::vec((3_usize..6000, any::<bool>()), 1..20), first in any::<u16>()
    ) {
        let (mut sender, mut receiver) = (Sender { sequence: first, number: 0 }, Receiver::default());
        let mut sent = Vec::new();
        for (number, (length, key)) in lengths.into_iter().enumerate() {
            let key = key || number == 0;
            let slice = [if key { &ALONE[..] } else { &BACK }, &vec![7; length]].concat();
            let unit = if key { annex_b(&[&SEQUENCE, &SET, &slice]) } else { annex_b(&[&slice]) };
            let payloads = h264::packetize(&unit);
            receiver.take(sender.picture(&payloads.iter().map(|payload| &payload[..]).collect::<Vec<_>>()));
            sent.push((key, unit));
        }
        prop_assert_eq!(receiver.came(), sent);
    }

    /// Whoever sends what: nothing fails, and what comes of it is a picture of some time.
    #[test]
    fn what_is_no_packet_does_no_harm(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..40), kinds in any::<u64>()
    ) {
        let (mut intake, mut last) = (Intake::default(), [Duration::ZERO; 2]);
        for (at, mut datagram) in datagrams.into_iter().enumerate() {
            let kind = if kinds >> at & 1 == 1 { Kind::Video } else { Kind::Audio };
            if let Some(first) = datagram.first_mut() {
                *first = 0x80 | *first & 0x3f;
            }
            intake.take(kind, &datagram, Duration::from_millis(at as u64), |unit| {
                let last = &mut last[usize::from(unit.kind() == Kind::Audio)];
                assert!(unit.pts >= *last);
                *last = unit.pts;
            });
        }
    }

    /// However packets are lost, no picture leaves that builds on one that did not.
    #[test]
    fn no_picture_follows_a_gap(lost in proptest::collection::vec(any::<bool>(), 60), keys in any::<u64>()) {
        let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
        let mut follows = false;
        for (at, lost) in lost.into_iter().enumerate() {
            let key = at == 0 || keys >> (at % 64) & 1 == 1;
            let packets = if key { sender.picture(&[&SEQUENCE, &SET, &ALONE]) } else { sender.picture(&[&BACK]) };
            if !lost {
                receiver.take(packets);
            }
            follows = !lost && (follows || key);
            prop_assert_eq!(receiver.came().len(), usize::from(follows));
        }
    }
}

#[test]
fn pictures_are_counted_though_no_keyframe_ever_comes() {
    let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
    for _ in 0..3 {
        receiver.take(sender.picture(&[&BACK]));
    }
    let seen = receiver.intake.seen();
    assert_eq!((seen.pictures, seen.keyframes, receiver.came().len()), (3, 0, 0));
}
