//! The test picture as a file: what is written can be read back.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use understudy_core::test_picture::{WIDTH, read};
use understudy_runtime::gst::COLOURS;
use understudy_runtime::test_picture::write;

/// Decoding one second takes a fraction of one.
const DEADLINE: gst::ClockTime = gst::ClockTime::from_seconds(30);

#[test]
fn every_frame_of_the_file_carries_its_number() {
    let directory = tempfile::tempdir().expect("a directory must be free");
    let path = directory.path().join("picture.mkv");
    write(&path, Duration::from_secs(2)).expect("the file must be written");
    let expected: Vec<Option<u32>> = (0..60).map(Some).collect();
    assert_eq!(numbers(&path), expected);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let problem = write("/dev/null/all.mkv".as_ref(), Duration::from_secs(1)).expect_err("must fail");
    assert!(problem.to_string().contains("/dev/null/all.mkv"), "{problem}");
}

fn numbers(path: &std::path::Path) -> Vec<Option<u32>> {
    let make = |name| gst::ElementFactory::make(name).build().expect("elements must be installed");
    let caps = gst::Caps::builder("video/x-raw").field("format", "I420").build();
    let sink = AppSink::builder().caps(&caps).sync(false).build();
    let (source, decoder, convert) = (make("filesrc"), make("decodebin"), make("videoconvert"));
    source.set_property("location", path.to_string_lossy().as_ref());
    let pipeline = gst::Pipeline::new();
    pipeline.add_many([&source, &decoder, &convert, sink.upcast_ref()]).expect("elements must fit");
    source.link(&decoder).expect("elements must link");
    convert.link(&sink).expect("elements must link");
    let picture = convert.static_pad("sink").expect("a converter must have a pad");
    decoder.connect_pad_added(move |_, pad| {
        let _ = pad.link(&picture);
    });
    pipeline.set_state(gst::State::Playing).expect("the file must play");
    let mut numbers = Vec::new();
    while let Some(sample) = sink.try_pull_sample(DEADLINE) {
        let caps = sample.caps().expect("a frame must have a format");
        let colours = caps.structure(0).and_then(|format| format.get::<String>("colorimetry").ok());
        assert_eq!(colours.as_deref(), Some(COLOURS), "the camera would convert each frame");
        let buffer =
            sample.buffer().and_then(|buffer| buffer.map_readable().ok()).expect("a frame must have bytes");
        numbers.push(read(&buffer, WIDTH));
    }
    let _ = pipeline.set_state(gst::State::Null);
    numbers
}
