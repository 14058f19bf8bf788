use proptest::prelude::*;

use super::*;

const FRAME: Duration = Duration::from_millis(40);

fn picture(number: u32, key: bool) -> Unit {
    let sets = [0, 0, 0, 1, 0x67, 66, 0xc0, 31, 9, 0, 0, 0, 1, 0x68, 7, 7, 7];
    let slice = [0, 0, 0, 1, if key { 0x65 } else { 0x41 }, 1, 2, 3];
    let payload = if key { [&sets[..], &slice].concat() } else { slice.to_vec() }.into();
    let pts = FRAME * number;
    Unit { track: Track::h264(1280, 720, 25), pts, dts: pts, duration: FRAME, key, payload }
}

fn sound(number: u32) -> Unit {
    let pts = aac::duration(48_000) * number;
    let payload = Bytes::from_static(&[5; 10]);
    Unit { track: Track::aac(48_000, 2), pts, payload, dts: pts, ..picture(0, true) }
}

/// The boxes of one level: names and insides.
fn boxes(mut bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut found = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize - 8;
        found.push((String::from_utf8_lossy(&head[4..]).into_owned(), &rest[..length]));
        bytes = &rest[length..];
    }
    found
}

fn inside<'a>(bytes: &'a [u8], path: &[&str]) -> Vec<&'a [u8]> {
    let Some((name, rest)) = path.split_first() else { return vec![bytes] };
    let found = boxes(bytes).into_iter().filter(|(other, _)| other == name);
    found.flat_map(|(_, inner)| inside(inner, rest)).collect()
}

fn words_of(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// When each track of a fragment begins, and its samples: how long, how large, and what they need.
fn tracks(fragment: &[u8]) -> Vec<(u32, Vec<[u32; 3]>)> {
    let begins = inside(fragment, &["moof", "traf", "tfdt"]);
    let runs = inside(fragment, &["moof", "traf", "trun"]);
    let samples = |run: &[u8]| words_of(run)[3..].chunks_exact(3).map(|s| [s[0], s[1], s[2]]).collect();
    begins.into_iter().map(|begin| words_of(begin)[2]).zip(runs.into_iter().map(samples)).collect()
}

fn muxer() -> Muxer {
    Muxer::new(aac::Format::new(48_000, 2))
}

#[test]
fn a_fragment_is_what_lies_between_two_keyframes() {
    let mut muxer = muxer();
    let pieces: Vec<_> = [(5, true), (6, false), (8, false), (9, true), (10, false)]
        .map(|(number, key)| muxer.push(&picture(number, key)))
        .into();
    let header = pieces[0].as_ref().unwrap();
    assert_eq!(boxes(header).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["ftyp", "moov"]);
    assert_eq!(inside(header, &["moov", "trak"]).len(), 2);
    assert_eq!(pieces.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, true, false]);
    let fragment = pieces[3].as_ref().unwrap();
    // One that stood for two stands so long. A slice has eight bytes with its length, the sets 17.
    let samples = vec![[3600, 25, 0x0200_0000], [7200, 8, 0x0101_0000], [3600, 8, 0x0101_0000]];
    assert_eq!(tracks(fragment), [(0, samples)]);
    let last = muxer.finish(None).unwrap();
    assert_eq!(tracks(&last), [(4 * 3600, vec![[3600, 25, 0x0200_0000], [3600, 8, 0x0101_0000]])]);
}

#[test]
fn the_last_picture_ends_where_the_file_shall() {
    for (latest_ms, ticks) in [(1_000, 3600), (60, 5400 - 3600), (10, 1)] {
        let mut muxer = muxer();
        let [first, second] = [0, 1].map(|number| picture(number, number == 0));
        muxer.push(&first);
        muxer.push(&second);
        let last = muxer.finish(Some(Duration::from_millis(latest_ms))).unwrap();
        assert_eq!(tracks(&last)[0].1[1][0], ticks, "{latest_ms}");
    }
}

#[test]
fn samples_lie_where_the_fragment_says() {
    let mut muxer = muxer();
    muxer.push(&picture(0, true));
    muxer.push(&sound(0));
    muxer.push(&picture(1, false));
    let fragment = muxer.finish(None).unwrap();
    let offsets: Vec<usize> = inside(&fragment, &["moof", "traf", "trun"])
        .into_iter()
        .map(|run| words_of(run)[2] as usize)
        .collect();
    assert_eq!(fragment[offsets[0]..][..8], [0, 0, 0, 5, 0x67, 66, 0xc0, 31]);
    assert_eq!(fragment[offsets[1]..], [5; 10]);
}

#[test]
fn sound_follows_sound_and_what_was_lost_leaves_a_gap() {
    let mut muxer = muxer();
    muxer.push(&picture(0, true));
    for number in [0, 1, 1, 4, 5] {
        muxer.push(&sound(number));
    }
    let fragment = muxer.finish(None).unwrap();
    let lengths: Vec<u32> = tracks(&fragment)[1].1.iter().map(|sample| sample[0]).collect();
    assert_eq!(lengths, [1024, 3 * 1024, 1024, 1024]);
}

#[test]
fn what_came_before_the_first_keyframe_and_what_was_not_announced_is_left_out() {
    let mut muxer = Muxer::new(None);
    assert_eq!(muxer.push(&picture(1, false)), None);
    assert_eq!(muxer.push(&sound(1)), None);
    let header = muxer.push(&picture(2, true)).unwrap();
    assert_eq!(inside(&header, &["moov", "trak"]).len(), 1);
    muxer.push(&sound(10));
    assert_eq!(tracks(&muxer.finish(None).unwrap()).len(), 1);
    assert_eq!(Muxer::new(None).finish(None), None);
}

#[test]
fn without_keyframes_what_waits_is_bounded() {
    let mut muxer = muxer();
    muxer.push(&picture(0, true));
    let large = Bytes::from([&[0, 0, 0, 1, 0x41][..], &vec![1; 1 << 20]].concat());
    let pieces =
        (1..100).filter_map(|number| muxer.push(&Unit { payload: large.clone(), ..picture(number, false) }));
    let lengths: Vec<usize> = pieces.map(|piece| piece.len()).collect();
    assert_eq!(lengths.len(), 3);
    assert!(lengths.iter().all(|length| *length < LARGEST_FRAGMENT_BYTES + (2 << 20)), "{lengths:?}");
}

proptest! {
    #[test]
    fn every_picture_is_in_the_file_once_and_stands_until_the_next(
        units in prop::collection::vec((any::<bool>(), any::<bool>(), 0u32..4), 1..80),
    ) {
        let (mut muxer, mut file, mut number, mut shown) = (muxer(), Vec::new(), 0, Vec::new());
        for (is_sound, key, after) in units {
            number += after;
            let unit = if is_sound { sound(number) } else { picture(number, key) };
            file.extend(muxer.push(&unit));
            if !is_sound && (key || !shown.is_empty()) {
                shown.push(number);
            }
        }
        file.extend(muxer.finish(None));
        let (mut samples, mut at) = (0, 0);
        for fragment in file.iter().skip(1) {
            let (begin, pictures) = tracks(fragment).remove(0);
            // Two of the same moment are a tick apart.
            prop_assert!(begin.abs_diff(at) <= 80);
            at = begin + pictures.iter().map(|sample| sample[0]).sum::<u32>();
            samples += pictures.len();
        }
        prop_assert_eq!(samples, shown.len());
        if let (Some(first), Some(last)) = (shown.first(), shown.last()) {
            prop_assert!(at.abs_diff((last - first + 1) * 3600) <= 80);
        }
    }
}
