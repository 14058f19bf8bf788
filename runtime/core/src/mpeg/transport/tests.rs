use proptest::prelude::*;

use super::super::muxer::{Muxer, Says, access_unit};
use super::*;

fn data(units: &[Unit]) -> Vec<Vec<u8>> {
    units.iter().map(|unit| unit.data.to_vec()).collect()
}

#[test]
fn a_unit_is_handed_out_with_its_last_byte() {
    for says in [Says::Length, Says::Nothing] {
        let mut muxer = Muxer::opened(0x1b);
        let unit = access_unit(0x65, 1000);
        muxer.unit(90_000, &unit, says);
        let (last, before) = muxer.bytes.split_last().unwrap();
        let mut demuxer = Demuxer::default();
        assert_eq!(demuxer.push(before), [], "{says:?}");
        let units = demuxer.push(&[*last]);
        let stamp = Some(Stamp::new(90_000));
        let reorder = Duration::from_nanos(3000 * 100_000 / 9);
        let expected = Unit { codec: Codec::H264, stamp, reorder, is_start: true, data: unit.into() };
        assert_eq!(units, [expected], "{says:?}");
    }
}

#[test]
fn a_unit_that_fills_its_packets_ends_where_the_next_begins() {
    let mut muxer = Muxer::opened(0x1b);
    let full = access_unit(0x65, 184 * 3 - 19 - 5);
    muxer.unit(0, &full, Says::Nothing);
    let mut demuxer = Demuxer::default();
    assert_eq!(demuxer.push(&muxer.bytes), []);
    muxer.bytes.clear();
    muxer.unit(3000, &access_unit(0x41, 10), Says::Nothing);
    assert_eq!(data(&demuxer.push(&muxer.bytes)), [full, access_unit(0x41, 10)]);
}

#[test]
fn a_sender_that_fills_up_anywhere_is_found_out() {
    let mut muxer = Muxer::opened(0x1b);
    let (odd, whole) = (access_unit(0x65, 100), access_unit(0x41, 500));
    let mut demuxer = Demuxer::default();
    for n in 0..3 {
        muxer.unit(n * 3000, &odd, Says::Nothing);
        // More of the same unit, after a packet that was filled up.
        let at = muxer.bytes.len();
        muxer.packets(&whole);
        muxer.bytes[at + 1] &= !0x40;
    }
    let units = data(&demuxer.push(&muxer.bytes));
    assert_eq!(units, [odd.clone(), [odd, whole].concat()], "the third ends where a fourth begins");
}

#[test]
fn who_comes_in_the_middle_begins_with_the_next_unit() {
    let mut muxer = Muxer::opened(0x02);
    let start = muxer.bytes.len();
    muxer.unit(0, &[&[0, 0, 1, 0xb3][..], &[7; 2000]].concat(), Says::Nothing);
    muxer.tables(0x02);
    muxer.unit(3000, &[&[0, 0, 1, 0x00][..], &[9; 300]].concat(), Says::Nothing);
    let units = Demuxer::default().push(&muxer.bytes[start + 500..]);
    assert_eq!(units.len(), 1);
    assert_eq!((units[0].codec, units[0].is_start, units[0].data.len()), (Codec::Mpeg, false, 304));
}

#[test]
fn a_lost_packet_loses_its_unit_alone() {
    let mut muxer = Muxer::opened(0x1b);
    for n in 0..3 {
        muxer.unit(n * 3000, &access_unit(0x65, 1000), Says::Length);
    }
    let table = 2 * packet::BYTES;
    muxer.bytes.drain(table + 7 * packet::BYTES..table + 8 * packet::BYTES);
    assert_eq!(Demuxer::default().push(&muxer.bytes).len(), 2);
}

#[test]
fn a_new_codec_in_the_table_is_followed() {
    let mut muxer = Muxer::opened(0x1b);
    muxer.unit(0, &access_unit(0x65, 50), Says::Nothing);
    muxer.tables(0x02);
    muxer.unit(3000, &[0, 0, 1, 0xb3, 1], Says::Nothing);
    let codecs: Vec<_> = Demuxer::default().push(&muxer.bytes).iter().map(|unit| unit.codec).collect();
    assert_eq!(codecs, [Codec::H264, Codec::Mpeg]);
}

#[test]
fn a_table_with_a_wrong_checksum_is_not_believed() {
    let mut muxer = Muxer::opened(0x1b);
    let last = 2 * packet::BYTES - 1;
    muxer.bytes[last] ^= 1;
    muxer.unit(0, &access_unit(0x65, 50), Says::Nothing);
    assert_eq!(Demuxer::default().push(&muxer.bytes), []);
}

#[test]
fn a_stream_without_an_end_takes_no_more_memory_than_a_picture_may() {
    let mut muxer = Muxer::opened(0x1b);
    muxer.unit(0, &access_unit(0x65, 184 * 10 - 19 - 5), Says::Nothing);
    let mut demuxer = Demuxer::default();
    demuxer.push(&muxer.bytes);
    for n in 0..3 * LARGEST_UNIT / 184 {
        let mut packet = [0xaa; packet::BYTES];
        packet[..4].copy_from_slice(&[0x47, 1, 0, 0x10 | ((10 + n) & 0x0f) as u8]);
        demuxer.push(&packet);
        assert!(held(&demuxer) <= LARGEST_UNIT + packet::BYTES);
    }
    assert_eq!(held(&demuxer), 0);
}

/// What it keeps of what came in.
fn held(demuxer: &Demuxer) -> usize {
    let unit = match demuxer.picture.as_ref().map(|picture| &picture.unit) {
        Some(Progress::Begun(unit)) => unit.len(),
        _ => 0,
    };
    demuxer.rest.len() + unit
}

fn in_pieces<'a>(bytes: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let (mut rest, mut cuts) = (bytes, cuts.iter().cycle());
    std::iter::from_fn(move || {
        let (piece, more) = rest.split_at((*cuts.next()?).min(rest.len()));
        rest = more;
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    #[test]
    fn units_are_the_same_in_whatever_pieces_they_come(
        lengths in prop::collection::vec(0..3000usize, 1..20),
        cuts in prop::collection::vec(1..700usize, 1..20),
        says in prop::sample::select(vec![Says::Length, Says::Nothing]),
    ) {
        let mut muxer = Muxer::opened(0x1b);
        let expected: Vec<_> = lengths.iter().map(|length| access_unit(0x41, *length)).collect();
        for (n, unit) in expected.iter().enumerate() {
            muxer.unit(n as u64 * 3000, unit, says);
        }
        // What ends the last one in any case.
        muxer.unit(0, &access_unit(0x65, 1), says);
        let mut demuxer = Demuxer::default();
        let units: Vec<_> = in_pieces(&muxer.bytes, &cuts).flat_map(|piece| demuxer.push(piece)).collect();
        prop_assert_eq!(&data(&units)[..expected.len()], expected);
    }

    #[test]
    fn after_garbage_it_finds_back_and_holds_little(
        garbage in prop::collection::vec(any::<u8>(), 0..2000),
        cut in 1..700usize,
        torn in 0..2000usize,
    ) {
        let mut demuxer = Demuxer::default();
        for _ in 0..50 {
            let mut muxer = Muxer::opened(0x1b);
            muxer.unit(0, &access_unit(0x65, 1500), Says::Nothing);
            muxer.bytes.truncate(torn);
            muxer.bytes.extend_from_slice(&garbage);
            for piece in muxer.bytes.chunks(cut) {
                demuxer.push(piece);
            }
            prop_assert!(held(&demuxer) <= 2 * packet::BYTES + 4000);
        }
        let mut found = 0;
        for _ in 0..5 {
            let mut muxer = Muxer::opened(0x1b);
            muxer.unit(0, &access_unit(0x65, 1500), Says::Nothing);
            found += demuxer.push(&muxer.bytes).iter().filter(|unit| unit.data.len() == 1505).count();
        }
        prop_assert!(found >= 3, "{found} of 5");
    }

    #[test]
    fn stamps_are_apart_by_the_shorter_way(ticks in 0..1u64 << 33, apart in -(1i64 << 31)..1 << 31) {
        let (here, there) = (Stamp::new(ticks), Stamp::new(ticks.wrapping_add_signed(apart)));
        prop_assert_eq!(there.nanoseconds_since(here), apart * 100_000 / 9);
    }
}
