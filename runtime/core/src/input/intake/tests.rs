use proptest::prelude::*;

use super::*;
use crate::mpeg::muxer::{Muxer, Says, access_unit};

const FRAME: u64 = 3000;

const fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// So many pictures at 30 a second, the first of which can be decoded alone.
fn pictures(count: u64, bytes: usize) -> Vec<u8> {
    let mut muxer = Muxer::opened(0x1b);
    for n in 0..count {
        let kind = if n == 0 { 0x65 } else { 0x41 };
        muxer.unit(n * FRAME, &access_unit(kind, bytes), Says::Length);
    }
    muxer.bytes
}

/// 128 kbit/s, 44.1 kHz, stereo.
fn sound(frames: usize) -> Vec<u8> {
    let frame = [&[0xff, 0xfb, 0x90, 0x44][..], &[0x55; 413]].concat();
    frame.repeat(frames)
}

fn taken(intake: &mut Intake) -> Vec<Piece> {
    std::iter::from_fn(|| intake.take()).collect()
}

#[test]
fn pictures_are_due_by_their_timestamps_and_say_when_they_are_shown() {
    let mut intake = Intake::new(Kind::Video);
    intake.push(&pictures(3, 100), at(1000));
    let due: Vec<_> = taken(&mut intake).iter().map(|piece| (piece.due.as_millis(), piece.reorder)).collect();
    let reorder = Duration::from_nanos(33_333_333);
    assert_eq!(due, [(1000, reorder), (1033, reorder), (1066, reorder)]);
}

#[test]
fn nothing_is_played_before_a_picture_that_can_be_decoded_alone() {
    let mut muxer = Muxer::opened(0x1b);
    let mut intake = Intake::new(Kind::Video);
    muxer.unit(0, &access_unit(0x41, 100), Says::Length);
    intake.push(&muxer.bytes, at(0));
    assert_eq!((intake.found(), intake.due()), (Found::Middle, None));
    muxer.bytes.clear();
    muxer.unit(FRAME, &access_unit(0x65, 100), Says::Length);
    muxer.unit(2 * FRAME, &access_unit(0x41, 100), Says::Length);
    intake.push(&muxer.bytes, at(33));
    assert_eq!((intake.found(), taken(&mut intake).len()), (Found::Pieces, 2));
}

#[test]
fn it_is_full_once_more_waits_than_is_read_ahead_and_not_any_more_when_that_is_played() {
    let mut intake = Intake::new(Kind::Video);
    intake.push(&pictures(60, 100), at(0));
    assert!(!intake.is_full(at(0)));
    intake.push(&pictures(90, 100)[60 * 188..], at(0));
    assert!(intake.is_full(at(0)));
    assert!(!intake.is_full(at(1100)));
}

#[test]
fn it_is_full_by_size_alone_where_timestamps_say_nothing() {
    let mut intake = Intake::new(Kind::Video);
    let mut muxer = Muxer::opened(0x1b);
    let mut pushed = 0;
    while !intake.is_full(at(0)) {
        muxer.unit(0, &access_unit(0x65, 4 << 20), Says::Nothing);
        intake.push(&muxer.bytes, at(0));
        muxer.bytes.clear();
        pushed += 1;
        assert!(pushed < 10);
    }
    let mut intake = Intake::new(Kind::Audio);
    intake.push(&sound(MOST_PIECES + 1), at(0));
    assert!(intake.is_full(at(20_000)), "by number");
}

#[test]
fn sound_follows_without_a_gap_and_tells_where_it_does_not() {
    let mut intake = Intake::new(Kind::Audio);
    intake.push(&sound(40), at(1000));
    let pieces = taken(&mut intake);
    let breaks = |pieces: &[Piece]| pieces.iter().map(|piece| piece.breaks).collect::<Vec<_>>();
    assert!(breaks(&pieces)[0] && !breaks(&pieces)[1..].contains(&true));
    let first = pieces[0].due;
    let expected = Duration::from_nanos(39 * 1152 * 1_000_000_000 / 44_100);
    assert!((pieces[39].due - first).abs_diff(expected) < at(1), "{:?}", pieces[39].due);
    // A pause of the sender.
    intake.push(&sound(10), at(9000));
    let after = taken(&mut intake);
    assert!(after[0].breaks && after[0].due >= at(9000));
    assert!(!breaks(&after)[1..].contains(&true));
}

#[test]
fn what_is_found_in_garbage_is_nothing() {
    for kind in [Kind::Video, Kind::Audio] {
        let mut intake = Intake::new(kind);
        intake.push(&b"GET / HTTP/1.1\r\n".repeat(1000), at(0));
        assert_eq!((intake.found(), intake.due()), (Found::Nothing, None));
    }
}

#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Drop(usize, usize),
    Twice(usize, usize),
    Insert(usize, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), 1u8..).prop_map(|(at, mask)| Harm::Flip(at, mask)),
        (any::<usize>(), 1..2000usize).prop_map(|(at, count)| Harm::Drop(at, count)),
        (any::<usize>(), 1..2000usize).prop_map(|(at, count)| Harm::Twice(at, count)),
        (any::<usize>(), prop::collection::vec(any::<u8>(), 1..500))
            .prop_map(|(at, new)| Harm::Insert(at, new)),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let length = bytes.len().max(1);
        let range = |at: usize, count: usize| at % length..(at % length + count).min(length);
        match harm {
            _ if bytes.is_empty() => {}
            Harm::Flip(at, mask) => bytes[at % length] ^= mask,
            Harm::Drop(at, count) => drop(bytes.drain(range(*at, *count))),
            Harm::Twice(at, count) => {
                let again = bytes[range(*at, *count)].to_vec();
                bytes.splice(at % length..at % length, again);
            }
            Harm::Insert(at, new) => drop(bytes.splice(at % length..at % length, new.iter().copied())),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_thousand_streams_that_were_harmed_fail_nothing_and_hold_little(
        kind in prop::sample::select(vec![Kind::Video, Kind::Audio]),
        harms in prop::collection::vec(harm(), 1..12),
        cut in 1..3000usize,
        apart in 0..200u64,
    ) {
        let whole = match kind {
            Kind::Video => pictures(30, 900),
            Kind::Audio => sound(60),
        };
        let mut intake = Intake::new(kind);
        let (mut now, mut last) = (0, Duration::ZERO);
        for piece in harmed(whole, &harms).chunks(cut) {
            intake.push(piece, at(now));
            now += apart;
            if intake.is_full(at(now)) {
                for piece in taken(&mut intake) {
                    prop_assert!(piece.due >= last);
                    last = piece.due;
                }
            }
            prop_assert!(intake.bytes < 1 << 20);
        }
        // And what comes after it is found again.
        let healthy = match kind {
            Kind::Video => pictures(30, 900).repeat(3),
            Kind::Audio => sound(60),
        };
        taken(&mut intake);
        intake.push(&healthy, at(now));
        prop_assert!(taken(&mut intake).len() >= 25);
    }
}
