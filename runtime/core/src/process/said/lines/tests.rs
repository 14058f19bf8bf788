use proptest::prelude::*;

use super::*;

/// What both wrote, of one command each.
macro_rules! both {
    ($name:literal) => {
        [
            ("5.1.9", include_str!(concat!("5.1.9/", $name, ".txt"))),
            ("9.0.2", include_str!(concat!("9.0.2/", $name, ".txt"))),
        ]
    };
}

fn said(text: &str) -> Said {
    let mut said = Said::default();
    text.lines().for_each(|line| said.line(line));
    said
}

#[test]
fn a_publisher_with_picture_and_sound_is_told_by_its_streams() {
    for (version, text) in both!("flv") {
        let said = said(text);
        assert!(
            said.version().is_some_and(|told| told.trim_start_matches('n').starts_with(version)),
            "{said:?}"
        );
        let [input] = said.inputs() else { panic!("one input: {said:?}") };
        assert_eq!((input.format.as_str(), input.address.as_str()), ("flv", "a.flv"));
        assert!((3.0..3.1).contains(&input.duration_seconds), "{input:?}");
        let [picture, sound] = &input.streams[..] else { panic!("two streams: {input:?}") };
        assert_eq!(
            (picture.kind, picture.codec.as_str(), picture.profile.as_str()),
            (Kind::Video, "h264", "High")
        );
        assert_eq!((picture.width, picture.height, picture.pixels.as_str()), (320, 180, "yuv420p"));
        assert!((picture.fps - 25.0).abs() < 1e-9, "{picture:?}");
        assert_eq!((sound.kind, sound.codec.as_str(), sound.sampling_hz), (Kind::Audio, "aac", 48_000));
        assert_eq!((sound.layout.as_str(), sound.channels), ("stereo", 2));
        assert!((sound.bitrate_kbps - 128.0).abs() < 1e-9, "{sound:?}");
        let coders: Vec<_> =
            said.outputs().iter().flat_map(|output| &output.streams).map(|one| one.coder.clone()).collect();
        assert_eq!(coders, ["copy", "libopus"], "{version}");
    }
}

#[test]
fn tags_and_languages_are_told() {
    for (version, text) in both!("ts") {
        let said = said(text);
        let streams = &said.inputs()[0].streams;
        assert_eq!(
            (streams[0].tag.as_str(), streams[0].language.as_str()),
            ("[27][0][0][0]", ""),
            "{version}"
        );
        assert_eq!(streams[1].language, "eng", "{version}");
    }
    for (version, text) in both!("hevc") {
        let said = said(text);
        let stream = &said.inputs()[0].streams[0];
        assert_eq!((stream.codec.as_str(), stream.tag.as_str()), ("hevc", "hvc1"), "{version}");
        assert_eq!(stream.language, "und", "{version}");
    }
}

#[test]
fn a_cover_is_no_moving_picture_and_more_inputs_than_one_are_told_apart() {
    for (version, text) in both!("two") {
        let said = said(text);
        let [first, second] = said.inputs() else { panic!("two inputs: {said:?}") };
        assert!(
            first.streams.iter().any(|stream| stream.kind == Kind::Video && stream.is_cover),
            "{version}"
        );
        let [picture, sound] = &second.streams[..] else { panic!("two streams: {second:?}") };
        assert_eq!((picture.index, picture.stream, picture.is_cover), (1, 0, false), "{version}");
        assert_eq!((picture.width, picture.height), (319, 181), "{version}");
        assert!((picture.fps - 29.97).abs() < 1e-9, "{version}");
        assert_eq!((sound.layout.as_str(), sound.channels), ("5.1(side)", 6), "{version}");
    }
}

#[test]
fn lines_that_begin_with_their_level_say_the_same_and_graphs_make_streams_too() {
    for (version, text) in both!("graph") {
        let said = said(text);
        let formats: Vec<_> = said.inputs().iter().map(|input| input.format.as_str()).collect();
        assert_eq!(formats, ["lavfi", "lavfi"], "{version}");
        assert_eq!(said.inputs()[1].streams[0].channels, 1, "{version}");
        let outputs = said.outputs();
        let coders: Vec<_> = outputs[0].streams.iter().map(|stream| stream.coder.as_str()).collect();
        assert_eq!(coders, ["libx264", "libopus"], "{version}");
    }
}

#[test]
fn an_input_counts_once_all_of_it_is_said() {
    for (version, text) in both!("sound") {
        let mut said = Said::default();
        for line in text.lines().take_while(|line| !line.starts_with("Stream map")) {
            said.line(line);
        }
        assert_eq!((said.inputs().len(), said.has_told_inputs()), (0, false), "{version}");
        said.ended();
        assert_eq!((said.inputs().len(), said.has_told_inputs()), (1, true), "{version}");
        assert_eq!(said.inputs()[0].streams.len(), 1, "{version}");
    }
}

proptest! {
    #[test]
    fn no_line_is_too_strange(lines in proptest::collection::vec(
        "(Input|Output) #[0-9]{0,3}, .{0,20}|Stream mapping:|  Stream #.{0,40}| {2}.{0,30}|.{0,30}", 0..30,
    )) {
        let mut said = Said::default();
        for line in lines {
            said.line(&line);
        }
        said.ended();
        prop_assert!(said.inputs().len() <= MOST_PLACES);
    }
}
