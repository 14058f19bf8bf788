use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::mpeg::Codec;
use crate::mpeg::packet::{BYTES, Packet, SYNC};
use crate::mpeg::section::checksum;
use crate::mpeg::transport::Demuxer;

const FRAME: Duration = Duration::from_millis(40);

fn picture(at: Duration, key: bool, length: usize) -> Unit {
    let nal = if key { 0x65 } else { 0x41 };
    let payload = [0, 0, 0, 1, nal].into_iter().chain((0..length).map(|n| (n % 255) as u8 + 1)).collect();
    Unit { track: Track::h264(1280, 720, 25), pts: at, dts: at, duration: FRAME, key, payload }
}

fn sound(at: Duration) -> Unit {
    let track = Track::aac(48_000, 2);
    let payload = Bytes::from(vec![0x21; 300]);
    Unit { track, pts: at, dts: at, duration: aac::duration(48_000), key: true, payload }
}

fn ids(chunk: &Chunk) -> Vec<u16> {
    packets(&chunk.bytes).map(|packet| packet.id).collect()
}

/// Those with payload.
fn packets(bytes: &[u8]) -> impl Iterator<Item = Packet<'_>> {
    assert!(bytes.len().is_multiple_of(BYTES) && bytes.chunks(BYTES).all(|packet| packet[0] == SYNC));
    bytes.chunks_exact(BYTES).filter_map(|packet| Packet::parse(packet.try_into().unwrap()))
}

/// The version of the map, and the types that it lists.
fn map(chunk: &Chunk) -> Option<(u8, Vec<u8>)> {
    let found = packets(&chunk.bytes).find(|packet| packet.id == TABLE)?;
    let section = &found.payload[1..];
    let section = &section[..3 + usize::from(section[2])];
    assert_eq!(checksum(section), 0);
    let streams = section[12..section.len() - 4].chunks_exact(5).map(|stream| stream[0]).collect();
    Some((section[5] >> 1 & 0x1f, streams))
}

/// What comes of these, whatever it is.
fn muxed(units: impl IntoIterator<Item = Unit>) -> Vec<Chunk> {
    let mut muxer = Muxer::default();
    units.into_iter().filter_map(|unit| muxer.push(&unit)).collect()
}

#[test]
fn one_can_begin_where_tables_and_a_keyframe_are() {
    let frames = (0..4).map(|n| picture(FRAME * n, n % 2 == 1, 100));
    let chunks = muxed(frames);
    assert_eq!(chunks.iter().map(|chunk| chunk.joins).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(ids(&chunks[0]), [0, TABLE, PICTURE]);
    assert_eq!(ids(&chunks[1]), [PICTURE]);
    assert_eq!(chunks[0].bytes[2 * BYTES + 5] & 0x40, 0x40, "it says so itself");
}

#[test]
fn a_receiver_is_given_each_unit_with_a_delimiter_and_its_time() {
    let chunks = muxed([picture(FRAME, true, 70_000), picture(FRAME * 2, false, 10)]);
    let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    let units = Demuxer::default().push(&bytes);
    let payload = |n: u32, key, length| [&DELIMITER[..], &picture(FRAME * n, key, length).payload].concat();
    assert_eq!(units.iter().map(|unit| unit.codec).collect::<Vec<_>>(), [Codec::H264; 2]);
    assert_eq!(units[0].data, payload(1, true, 70_000));
    assert_eq!(units[1].data, payload(2, false, 10));
    let stamps = [1, 2].map(|n| Some(Stamp::at(FRAME * n + LEAD)));
    assert_eq!([units[0].stamp, units[1].stamp], stamps);
}

#[test]
fn a_unit_that_has_a_delimiter_is_given_no_second_one() {
    let whole = [&DELIMITER[..], &picture(FRAME, true, 10).payload].concat();
    let chunks = muxed([Unit { payload: whole.clone().into(), ..picture(FRAME, true, 10) }]);
    assert_eq!(Demuxer::default().push(&chunks[0].bytes)[0].data, whole);
}

#[test]
fn sound_is_listed_once_it_is_there_and_no_more_once_it_has_gone() {
    let chunks = muxed([
        picture(FRAME, true, 10),
        sound(FRAME * 2),
        sound(FRAME * 3),
        picture(FRAME * 4, true, 10),
        picture(FRAME * 4 + SILENT, true, 10),
    ]);
    let maps: Vec<_> = chunks.iter().map(map).collect();
    let (alone, both) = (vec![tables::H264], vec![tables::H264, tables::AAC]);
    let listed = |version, streams: &Vec<u8>| Some((version, streams.clone()));
    assert_eq!(maps, [listed(0, &alone), listed(1, &both), None, listed(1, &both), listed(2, &alone)]);
    assert!(!chunks[1].joins, "it has no picture");
}

#[test]
fn sound_that_came_before_the_first_picture_is_listed_with_it() {
    let chunks = muxed([sound(FRAME), picture(FRAME * 2, true, 10)]);
    assert_eq!(chunks.len(), 1);
    assert_eq!(map(&chunks[0]).map(|(_, streams)| streams), Some(vec![tables::H264, tables::AAC]));
}

#[test]
fn a_unit_of_sound_is_whole_with_its_header() {
    let chunks = muxed([picture(FRAME, true, 10), sound(FRAME), sound(FRAME * 2)]);
    let payload: Vec<u8> = packets(&chunks[2].bytes).flat_map(|packet| packet.payload.to_vec()).collect();
    let header = aac::Format::new(48_000, 2).unwrap().adts(300).unwrap();
    let length = u16::from_be_bytes([payload[4], payload[5]]);
    assert_eq!(usize::from(length), payload.len() - 6);
    assert_eq!(payload[14..], [&header[..], &[0x21; 300]].concat());
}

#[test]
fn what_has_no_place_in_it_is_left_out() {
    let opus = Unit { track: Track::opus(2), ..sound(FRAME) };
    let odd = Unit { track: Track::aac(47_999, 2), ..sound(FRAME) };
    let chunks = muxed([picture(FRAME, true, 10), opus, odd, picture(FRAME * 2, true, 10)]);
    assert_eq!(chunks.len(), 2);
    assert_eq!(map(&chunks[1]), Some((0, vec![tables::H264])));
}

/// Where the clock is told, in 27 MHz.
fn clocks(bytes: &[u8]) -> Vec<u64> {
    let told = bytes
        .chunks_exact(BYTES)
        .filter(|packet| packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x10 != 0);
    told.map(|packet| {
        let all = packet[6..12].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
        (all >> 15) * 300 + (all & 0x1ff)
    })
    .collect()
}

#[test]
fn the_clock_goes_on_with_the_sound_while_pictures_are_rare() {
    let sounds = (1..25).map(|n| sound(FRAME * n));
    let chunks = muxed([picture(Duration::ZERO, true, 10)].into_iter().chain(sounds));
    let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
    let clocks = clocks(&bytes);
    assert_eq!(clocks.len(), 25);
    assert!(clocks.windows(2).all(|two| two[1] - two[0] <= 27_000_000 / 10), "{clocks:?}");
}

proptest! {
    #[test]
    fn packets_are_whole_and_counted_without_a_gap(
        units in prop::collection::vec((any::<bool>(), any::<bool>(), 0usize..3000), 1..60),
    ) {
        let units = units.into_iter().zip(1u32..).map(|((is_sound, key, length), n)| match is_sound {
            true => sound(FRAME * n),
            false => picture(FRAME * n, key, length),
        });
        let chunks = muxed(units);
        let mut counters = HashMap::new();
        for chunk in &chunks {
            for packet in packets(&chunk.bytes) {
                let last = counters.insert(packet.id, packet.counter);
                prop_assert!(last.is_none_or(|last| (last + 1) & 0x0f == packet.counter));
            }
        }
        prop_assert!(chunks.is_sorted_by(|a, b| a.at <= b.at));
    }
}
