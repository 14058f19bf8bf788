use proptest::prelude::*;

use super::*;

const FRAME: Duration = Duration::from_millis(33);
const PACKET: Duration = Duration::from_millis(20);

fn keyframe(width: u16, height: u16) -> Vec<u8> {
    let [w, h] = [width, height].map(u16::to_le_bytes);
    vec![0x10, 0, 0, 0x9d, 0x01, 0x2a, w[0], w[1], h[0], h[1], 1, 2, 3]
}

fn picture(pts: Duration, payload: Vec<u8>) -> Unit {
    let track = Track::Video { codec: VideoCodec::Vp8, width: 640, height: 480, frames_per_second: 30 };
    let key = payload[0] & 1 == 0;
    Unit { track, pts, dts: pts, duration: FRAME, key, payload: payload.into() }
}

fn sound(pts: Duration) -> Unit {
    let payload = Bytes::from_static(&[0xfc, 0xff, 0xfe]);
    Unit { track: Track::opus(2), pts, dts: pts, duration: PACKET, key: true, payload }
}

/// What a reader makes of a message: ids, with where each is.
#[derive(Debug, PartialEq)]
enum Read {
    /// The tracks' codecs, and the size.
    Init(Vec<String>, Option<(u64, u64)>),
    /// Track, milliseconds, whether it is decoded alone.
    Cluster(Vec<(u8, i64, bool)>),
}

fn element(bytes: &[u8]) -> (u32, &[u8], &[u8]) {
    let wide = bytes[0].leading_zeros() as usize + 1;
    let name = bytes[..wide].iter().fold(0, |name, byte| name << 8 | u32::from(*byte));
    let bytes = &bytes[wide..];
    let wide = bytes[0].leading_zeros() as usize + 1;
    let length = bytes[1..wide]
        .iter()
        .fold(u64::from(bytes[0]) & ((1 << (8 - wide)) - 1), |l, b| l << 8 | u64::from(*b));
    let bytes = &bytes[wide..];
    // One that nobody knows is the rest of the message.
    let end = if length == (1 << (7 * wide)) - 1 { bytes.len() } else { length as usize };
    (name, &bytes[..end], &bytes[end..])
}

fn elements(mut bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut all = vec![];
    while !bytes.is_empty() {
        let (name, content, rest) = element(bytes);
        all.push((name, content));
        bytes = rest;
    }
    all
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn child<'a>(all: &[(u32, &'a [u8])], name: u32) -> Option<&'a [u8]> {
    all.iter().find(|(other, _)| *other == name).map(|(_, content)| *content)
}

fn read(message: &[u8]) -> Read {
    let all = elements(message);
    match all[0].0 {
        0x1a45_dfa3 => {
            let segment = elements(child(&all, 0x1853_8067).unwrap());
            let tracks: Vec<_> =
                elements(child(&segment, 0x1654_ae6b).unwrap()).iter().map(|(_, t)| elements(t)).collect();
            let codec =
                |track: &Vec<(u32, &[u8])>| String::from_utf8(child(track, 0x86).unwrap().to_vec()).unwrap();
            let size = tracks.iter().find_map(|track| child(track, 0xe0)).map(|video| {
                let video = elements(video);
                (number(child(&video, 0xb0).unwrap()), number(child(&video, 0xba).unwrap()))
            });
            Read::Init(tracks.iter().map(codec).collect(), size)
        }
        0x1f43_b675 => {
            assert_eq!(all.len(), 1, "a message is one cluster");
            let inside = elements(all[0].1);
            let begins = number(child(&inside, 0xe7).unwrap()) as i64;
            let blocks = inside.iter().filter(|(name, _)| *name == 0xa3).map(|(_, block)| {
                let after = i16::from_be_bytes([block[1], block[2]]);
                (block[0] & 0x7f, begins + i64::from(after), block[3] & 0x80 != 0)
            });
            Read::Cluster(blocks.collect())
        }
        other => panic!("{other:x} begins no message"),
    }
}

fn push(writer: &mut Writer, unit: &Unit) -> Vec<Read> {
    writer.push(unit).iter().map(|message| read(message)).collect()
}

fn at(milliseconds: u64) -> Duration {
    Duration::from_hours(20) + Duration::from_millis(milliseconds)
}

#[test]
fn nothing_is_written_before_a_keyframe_and_time_begins_with_it() {
    let mut writer = Writer::new(true, Some(2));
    assert_eq!(push(&mut writer, &sound(at(0))), []);
    assert_eq!(push(&mut writer, &picture(at(5), vec![0x11, 1])), []);
    let first = push(&mut writer, &picture(at(40), keyframe(640, 480)));
    let codecs = vec!["V_VP8".to_owned(), "A_OPUS".to_owned()];
    assert_eq!(first, [Read::Init(codecs, Some((640, 480))), Read::Cluster(vec![(1, 0, true)])]);
    assert_eq!(push(&mut writer, &sound(at(30))), [], "it was before the beginning");
    assert_eq!(push(&mut writer, &sound(at(50))), []);
    assert_eq!(push(&mut writer, &sound(at(90))), []);
    let second = push(&mut writer, &picture(at(73), vec![0x11, 1]));
    assert_eq!(second, [Read::Cluster(vec![(2, 10, true), (1, 33, false)])], "what is heard later waits");
    assert_eq!(push(&mut writer, &sound(at(45))), [], "it is late");
    let third = push(&mut writer, &picture(at(106), vec![0x11, 1]));
    assert_eq!(third, [Read::Cluster(vec![(2, 50, true), (1, 66, false)])]);
}

#[test]
fn a_sound_that_is_not_announced_is_left_out_and_a_picture_that_is_not_too() {
    let mut seen = Writer::new(true, None);
    assert_eq!(
        push(&mut seen, &picture(at(0), keyframe(320, 240)))[0],
        Read::Init(vec!["V_VP8".into()], Some((320, 240)))
    );
    (0..100).for_each(|n| assert_eq!(push(&mut seen, &sound(at(n * 20))), []));
    let mut heard = Writer::new(false, Some(1));
    assert_eq!(push(&mut heard, &picture(at(0), keyframe(320, 240))), []);
    let first = push(&mut heard, &sound(at(0)));
    assert_eq!(first, [Read::Init(vec!["A_OPUS".into()], None)]);
    let rest: Vec<Read> = (1..=10).flat_map(|n| push(&mut heard, &sound(at(n * 20)))).collect();
    let times = (0..=10).map(|n| (2, n * 20, true)).collect();
    assert_eq!(rest, [Read::Cluster(times)], "a call without pictures is heard");
}

#[test]
fn what_is_heard_does_not_wait_for_a_picture_that_stands() {
    let mut writer = Writer::new(true, Some(2));
    push(&mut writer, &picture(at(0), keyframe(640, 480)));
    let written = (0..1000).flat_map(|n| push(&mut writer, &sound(at(n * 20)))).count();
    assert!((80..=100).contains(&written), "{written}");
    assert!(writer.heard.len() < 12);
}

#[test]
fn another_size_begins_with_an_initialization_of_its_own() {
    let mut writer = Writer::new(true, None);
    push(&mut writer, &picture(at(0), keyframe(640, 480)));
    let same = push(&mut writer, &picture(at(33), keyframe(640, 480)));
    assert_eq!(same, [Read::Cluster(vec![(1, 33, true)])]);
    let other = push(&mut writer, &picture(at(66), keyframe(480, 640)));
    assert_eq!(other[0], Read::Init(vec!["V_VP8".into()], Some((480, 640))));
    assert_eq!(other[1], Read::Cluster(vec![(1, 66, true)]));
}

#[test]
fn what_is_far_from_the_picture_is_not_of_this_call() {
    let mut writer = Writer::new(true, Some(2));
    push(&mut writer, &picture(at(0), keyframe(640, 480)));
    push(&mut writer, &sound(at(100)));
    let later = push(&mut writer, &picture(at(40_000), keyframe(640, 480)));
    assert_eq!(later, [Read::Cluster(vec![(1, 40_000, true)])]);
}

proptest! {
    /// However picture and sound come, each cluster is in order, begins at zero or later, and nothing of the picture is lost.
    #[test]
    fn clusters_are_in_order_and_no_picture_is_lost(
        comes in prop::collection::vec((any::<bool>(), 0..60u64, 0..300u64), 1..200)
    ) {
        let mut writer = Writer::new(true, Some(2));
        let (mut now, mut seen, mut written, mut last) = (0, 0, 0, -1);
        for (is_picture, passes, late) in comes {
            now += passes;
            let unit = match is_picture {
                true => picture(at(now), keyframe(64, 64)),
                false => sound(at((now + 300).saturating_sub(late))),
            };
            seen += usize::from(is_picture);
            for message in push(&mut writer, &unit) {
                let Read::Cluster(blocks) = message else { continue };
                written += blocks.iter().filter(|(track, ..)| *track == 1).count();
                prop_assert!(blocks.is_sorted_by_key(|(_, at, _)| *at), "{blocks:?}");
                prop_assert!(blocks.iter().all(|(_, at, _)| *at >= 0), "{blocks:?}");
                let heard: Vec<i64> = blocks.iter().filter(|(track, ..)| *track == 2).map(|(_, at, _)| *at).collect();
                prop_assert!(heard.first().is_none_or(|first| *first > last), "{last} and then {heard:?}");
                last = heard.last().copied().unwrap_or(last);
            }
        }
        prop_assert_eq!(written, seen);
    }
}
