use proptest::prelude::*;

use super::*;

/// 128 kbit/s, 44.1 kHz, stereo: 417 bytes, with padding 418.
fn mp3(frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..frames {
        let padding = (n % 3 == 0) as u8;
        bytes.extend_from_slice(&[0xff, 0xfb, 0x90 | padding << 1, 0x44]);
        bytes.extend(std::iter::repeat_n(0x55, 413 + usize::from(padding)));
    }
    bytes
}

fn total(parser: &mut Parser, bytes: &[u8]) -> usize {
    parser.push(bytes).len()
}

#[test]
fn headers_say_how_long_a_frame_is_and_how_long_it_sounds() {
    for (name, header, format, samples, bytes) in [
        ("MP3", [0xff, 0xfb, 0x90, 0x44], (3, 44_100, 2), 1152, 417),
        ("MP3, padded", [0xff, 0xfb, 0x92, 0x44], (3, 44_100, 2), 1152, 418),
        ("MP3 of MPEG-2, mono", [0xff, 0xf3, 0x84, 0xc4], (3, 24_000, 1), 576, 192),
        ("MP3 of 2.5", [0xff, 0xe3, 0x88, 0xc4], (3, 8_000, 1), 576, 576),
        ("layer II", [0xff, 0xfd, 0xa4, 0x00], (2, 48_000, 2), 1152, 576),
        ("layer I", [0xff, 0xff, 0x90, 0x00], (1, 44_100, 2), 384, 312),
    ] {
        let (layer, rate_hz, channels) = format;
        let expected = Header { format: Format { layer, rate_hz, channels }, samples, bytes };
        assert_eq!(Header::parse(&header), Some(expected), "{name}");
    }
    for (name, header) in [
        ("no sync", [0xff, 0x1b, 0x90, 0x44]),
        ("a version that is none", [0xff, 0xeb, 0x90, 0x44]),
        ("a layer that is none", [0xff, 0xf9, 0x90, 0x44]),
        ("a rate that is none", [0xff, 0xfb, 0x9c, 0x44]),
        ("a bit rate that is none", [0xff, 0xfb, 0xf0, 0x44]),
        ("a bit rate of its own", [0xff, 0xfb, 0x00, 0x44]),
    ] {
        assert_eq!(Header::parse(&header), None, "{name}");
    }
}

#[test]
fn a_tag_is_passed_over_by_its_length_whatever_is_in_it() {
    // A cover of 1.4 MB in which frames seem to be.
    let size = 1_400_000_usize;
    let sevens = [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8);
    let mut bytes = [&b"ID3\x03\x00\x00"[..], &sevens].concat();
    let cover: Vec<u8> = mp3(3500).into_iter().take(size).collect();
    bytes.extend(&cover);
    assert_eq!(cover.len(), size);
    bytes.extend(mp3(3));
    let (mut parser, mut frames) = (Parser::default(), 0);
    for piece in bytes[..size].chunks(999) {
        frames += total(&mut parser, piece);
    }
    assert!(frames == 0 && parser.is_within_a_tag(), "{frames}");
    assert_eq!(total(&mut parser, &bytes[size..]), 3);
    assert!(!parser.is_within_a_tag());
    // Between two files that are sent one after the other.
    let tag = [&b"ID3\x04\x00\x10\x00\x00\x00\x05"[..], &[0xff; 15]].concat();
    assert_eq!(total(&mut parser, &[tag, mp3(3)].concat()), 3);
}

#[test]
fn once_frames_follow_each_other_one_is_handed_out_with_its_last_byte() {
    let bytes = mp3(3);
    let mut parser = Parser::default();
    assert_eq!(total(&mut parser, &bytes[..418]), 0, "nothing vouches for the first yet");
    assert_eq!(total(&mut parser, &bytes[418..422]), 1);
    assert_eq!(total(&mut parser, &bytes[422..834]), 0);
    assert_eq!(total(&mut parser, &bytes[834..835]), 1);
    assert_eq!(total(&mut parser, &bytes[835..]), 1);
}

#[test]
fn tags_and_what_looks_like_a_header_are_passed_over() {
    let mut bytes = b"ID3\x04\x00\x00\x00\x00\x02\x01 a tag \xff\xfb\x90\x44 with a header in it".to_vec();
    bytes.resize(300, 0);
    bytes.extend(mp3(5));
    assert_eq!(total(&mut Parser::default(), &bytes), 5);
}

proptest! {
    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_come(cut in 1..1000usize, frames in 2..20usize) {
        let bytes = mp3(frames);
        let mut parser = Parser::default();
        let found: Vec<_> = bytes.chunks(cut).flat_map(|piece| parser.push(piece)).collect();
        prop_assert_eq!(found.len(), frames);
        prop_assert_eq!(found.iter().flat_map(|frame| frame.data.to_vec()).collect::<Vec<_>>(), bytes);
    }

    #[test]
    fn after_garbage_it_finds_back_and_holds_little(
        garbage in prop::collection::vec(any::<u8>(), 0..3000),
        cut in 1..1000usize,
    ) {
        let mut parser = Parser::default();
        for piece in garbage.chunks(cut) {
            parser.push(piece);
            prop_assert!(parser.rest.len() <= LONGEST + HEADER);
        }
        let found: usize = mp3(20).chunks(cut).map(|piece| total(&mut parser, piece)).sum();
        prop_assert!(found >= 14, "{found} of 20");
    }
}
