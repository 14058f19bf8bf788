use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const METADATA: &[u8] = b"\x02\0\x0aonMetaData";
const ALL: fn(&FourCc) -> bool = |_| true;

fn media(kind: Kind, timestamp: u32, body: &'static [u8]) -> Media {
    Media { kind, timestamp, body: Bytes::from_static(body) }
}

fn header() -> Media {
    media(Kind::Video, 0, &[0x17, 0])
}

fn key(timestamp: u32) -> Media {
    media(Kind::Video, timestamp, &[0x17, 1])
}

fn delta(timestamp: u32) -> Media {
    media(Kind::Video, timestamp, &[0x27, 1])
}

fn sound(timestamp: u32) -> Media {
    media(Kind::Audio, timestamp, &[0xaf, 1])
}

fn of(messages: impl IntoIterator<Item = Media>) -> Recent {
    let mut recent = Recent::default();
    messages.into_iter().for_each(|media| recent.push(media));
    recent
}

/// What a reader gets, as kinds and times, and what else became of it.
fn look(recent: &Recent, cursor: &mut Cursor) -> (Vec<(Media, u32)>, Looked) {
    let mut got = Vec::new();
    let looked = recent
        .look(cursor, ALL, |media| got.push((Media { timestamp: 0, ..media.clone() }, media.timestamp)));
    (got, looked)
}

fn times(recent: &Recent, cursor: &mut Cursor) -> Vec<u32> {
    look(recent, cursor).0.into_iter().map(|(_, timestamp)| timestamp).collect()
}

#[test]
fn a_reader_begins_with_headers_and_a_keyframe_at_0() {
    let recent =
        of([media(Kind::Data, 0, METADATA), header(), media(Kind::Audio, 0, &[0xaf, 0]), key(90_000)]);
    let (got, _) = look(&recent, &mut Cursor::default());
    let bodies: Vec<_> = got.iter().map(|(media, _)| media.body.to_vec()).collect();
    assert_eq!(bodies, [METADATA, &[0x17, 0], &[0xaf, 0], &[0x17, 1]]);
    assert!(got.iter().all(|(_, timestamp)| *timestamp == 0));
}

#[test]
fn without_a_keyframe_there_is_nothing_to_begin_with() {
    let recent = of([header(), delta(5), sound(7)]);
    let mut cursor = Cursor::default();
    let (got, looked) = look(&recent, &mut cursor);
    assert!(got.is_empty() && looked.starves);
    assert_eq!(cursor, Cursor::default());
}

#[test]
fn a_joiner_hurries_through_what_was_and_is_then_where_the_others_are() {
    let mut recent = of([header(), key(1000), sound(1010), delta(1033), delta(1066), sound(1070)]);
    let mut cursor = Cursor::default();
    // Three pictures a millisecond apart, of the sounds the one since, and the header before.
    assert_eq!(times(&recent, &mut cursor), [0, 0, 1, 2, 6]);
    recent.push(delta(1100));
    assert_eq!(times(&recent, &mut cursor), [36]);
}

#[test]
fn two_readers_of_different_age_get_the_same_bodies() {
    let mut recent = of([header(), key(0)]);
    let mut early = Cursor::default();
    look(&recent, &mut early);
    recent.push(delta(500));
    let mut late = Cursor::default();
    look(&recent, &mut late);
    look(&recent, &mut early);
    recent.push(delta(533));
    let [(early, _), (late, _)] = [look(&recent, &mut early), look(&recent, &mut late)];
    assert_eq!(early[0].0.body.as_ptr(), late[0].0.body.as_ptr());
    assert_eq!((early[0].1, late[0].1), (533, 34));
}

#[test]
fn a_reader_that_is_late_goes_on_at_a_keyframe() {
    let mut recent = of([header(), key(0)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    (1..40).for_each(|n| recent.push(delta(n * 33)));
    let (got, looked) = look(&recent, &mut cursor);
    assert!(got.is_empty() && looked.starves && looked.dropped == 39, "{looked:?}");
    recent.push(delta(1330));
    assert!(look(&recent, &mut cursor).0.is_empty());
    recent.push(key(1363));
    recent.push(delta(1396));
    assert_eq!(times(&recent, &mut cursor), [1363, 1396]);
}

#[test]
fn a_late_reader_takes_a_keyframe_that_is_there_already() {
    let mut recent = of([header(), key(0)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    (1..40).for_each(|n| recent.push(delta(n * 33)));
    recent.push(key(1320));
    let (got, looked) = look(&recent, &mut cursor);
    assert_eq!((got[0].1, looked), (1320, Looked { dropped: 39, ..Looked::default() }));
}

#[test]
fn sound_alone_is_played_from_where_it_is() {
    let mut recent = of([media(Kind::Audio, 0, &[0xaf, 0]), sound(500)]);
    let mut cursor = Cursor::default();
    assert_eq!(times(&recent, &mut cursor), [0]);
    recent.push(sound(523));
    assert_eq!(times(&recent, &mut cursor), [23]);
}

#[test]
fn what_a_reader_does_not_take_is_left_out() {
    let recent = of([media(Kind::Video, 0, b"\x90hvc1"), media(Kind::Video, 0, b"\x91hvc1"), sound(0)]);
    let mut got = Vec::new();
    let looked = recent.look(&mut Cursor::default(), |_| false, |media| got.push(media.kind));
    assert_eq!((got, looked.untaken), (vec![Kind::Audio], Some(*b"hvc1")));
}

#[test]
fn tracks_beside_what_a_reader_takes_are_no_reason_to_go() {
    let recent =
        of([header(), key(0), media(Kind::Video, 0, b"\x96\x01hvc1"), media(Kind::Audio, 0, b"\x91Opus")]);
    let looked = recent.look(&mut Cursor::default(), |_| false, |_| {});
    assert_eq!(looked, Looked::default());
}

#[test]
fn what_is_said_beside_the_metadata_is_passed_on_and_kept_for_no_joiner() {
    let mut recent = of([media(Kind::Data, 0, METADATA), header(), key(0)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    let caption = b"\x02\0\x0aonTextData";
    recent.push(media(Kind::Data, 20, caption));
    assert_eq!(look(&recent, &mut cursor).0[0].0.body[..], caption[..]);
    recent.push(key(33));
    let bodies: Vec<_> =
        look(&recent, &mut Cursor::default()).0.into_iter().map(|(media, _)| media.body.to_vec()).collect();
    assert_eq!(bodies, [METADATA, &[0x17, 0], &[0x17, 1]]);
}

#[test]
fn what_is_described_anew_is_told_at_0_and_time_goes_on() {
    let mut recent = of([media(Kind::Data, 0, METADATA), header(), key(0), delta(33)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    recent.push(media(Kind::Data, 60, METADATA));
    recent.push(delta(66));
    // The picture at 33 was at 1 for a joiner in a hurry.
    assert_eq!(times(&recent, &mut cursor), [0, 34]);
}

#[test]
fn sound_that_is_late_for_a_joiner_is_at_0() {
    let mut recent = of([header(), key(1000), delta(1033)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    recent.push(sound(1020));
    assert_eq!(times(&recent, &mut cursor), [0]);
}

#[test]
fn whoever_plays_for_months_has_times_that_go_on_and_wrap_as_everybody_s_do() {
    let mut recent = of([header(), key(5000)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    // Steps of twelve days, seven times: across 2³¹ and 2³².
    for step in 1..8_u32 {
        let played = step.wrapping_mul(1 << 30);
        recent.push(key(5000_u32.wrapping_add(played)));
        look(&recent, &mut cursor);
        [33, 66].into_iter().for_each(|later| recent.push(delta(5000_u32.wrapping_add(played) + later)));
        assert_eq!(times(&recent, &mut cursor), [33, 66].map(|later| played.wrapping_add(later)), "{step}");
    }
}

#[test]
fn a_header_that_changes_is_told_before_what_needs_it() {
    let mut recent = of([header(), key(0)]);
    let mut cursor = Cursor::default();
    look(&recent, &mut cursor);
    recent.push(media(Kind::Video, 33, &[0x17, 0, 9]));
    recent.push(key(33));
    let bodies: Vec<_> =
        look(&recent, &mut cursor).0.into_iter().map(|(media, _)| media.body.to_vec()).collect();
    assert_eq!(bodies, [&[0x17, 0, 9][..], &[0x17, 1]]);
}

#[test]
fn what_is_kept_is_bounded_in_bytes_and_number() {
    let large = Bytes::from(vec![0x27; 1 << 20]);
    let mut recent = of([header(), key(0)]);
    for n in 0..20 {
        recent.push(Media { kind: Kind::Video, timestamp: n, body: large.clone() });
    }
    assert!(recent.bytes <= MOST_BYTES && !recent.begins());
    let mut recent = of([header(), key(0)]);
    (0..10_000).for_each(|_| recent.push(sound(0)));
    assert!(recent.messages.len() <= MOST_MESSAGES);
}

#[test]
fn what_is_older_than_the_keyframe_is_kept_for_those_who_are_a_little_late() {
    let mut recent = Recent::default();
    for n in 0..300_u32 {
        recent.push(if n % 30 == 0 { key(n * 33) } else { delta(n * 33) });
    }
    assert!((30..75).contains(&recent.messages.len()), "{}", recent.messages.len());
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_times_a_reader_gets_no_delta_without_its_keyframe(
        messages in prop::collection::vec((0..4_u8, any::<u32>(), any::<bool>()), 0..200),
    ) {
        let (mut recent, mut cursor, mut whole) = (Recent::default(), Cursor::default(), false);
        for (which, timestamp, looks) in messages {
            recent.push(match which {
                0 => key(timestamp),
                1 => sound(timestamp),
                _ => delta(timestamp),
            });
            if looks {
                let (got, looked) = look(&recent, &mut cursor);
                whole &= looked.dropped == 0 && !looked.starves;
                for (media, _) in got.into_iter().filter(|(media, _)| media.kind == Kind::Video) {
                    whole |= media.body[0] == 0x17;
                    prop_assert!(whole, "a delta came first");
                }
            }
        }
    }
}
