//! The camera on a real v4l2loopback device. Started by `e2e/v4l2/run` in a virtual machine that has one.

#![allow(clippy::panic, clippy::print_stdout, reason = "helpers of tests, too")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;
use understudy_core::camera::{Mode, choose};
use understudy_core::spec::{FrameRate, Resolution};
use understudy_core::test_picture::{FRAME_BYTES, Planes, WIDTH, draw, read};
use understudy_runtime::camera::{self, Camera, Error, Format, Picture, Place, Writer};

const DEVICE: &str = "/dev/video20";
const FORMAT: Format = Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY };

/// A single frame may take long in a machine without acceleration; idle it takes 0.1 s.
const FRAME: Duration = Duration::from_secs(10);

/// How long a rate is looked at.
const LOOK: Duration = Duration::from_secs(3);

/// Distinct pictures a second; without acceleration, on two busy cores. Measured: 23 to 28.
const LEAST_RATE: usize = 12;

/// Different pictures of one loop, drawn before they are shown.
const PICTURES: u32 = 30;

/// The device has two buffers: a reader that is late meets the newest picture in the place of the oldest, then the other.
const MIXED: u32 = 2;

fn place() -> Place {
    Place::V4l2 { device: DEVICE.into() }
}

async fn start(picture: &Picture) -> Camera {
    camera::start(&place(), FORMAT, picture.clone()).await.expect("the device must take the camera")
}

/// Shows numbered pictures at the camera's rate until it is dropped.
struct Source(Arc<AtomicBool>);

impl Source {
    fn start(writer: Writer) -> Self {
        let pictures: Vec<Bytes> = (0..PICTURES).map(numbered).collect();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        tokio::spawn(async move {
            let mut clock = tokio::time::interval(FORMAT.frame_rate.interval());
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for picture in pictures.iter().cycle() {
                clock.tick().await;
                if stop.load(Ordering::Acquire) {
                    return;
                }
                writer.show(picture.clone());
            }
        });
        Self(stopped)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn numbered(number: u32) -> Bytes {
    let mut frame = vec![0; FRAME_BYTES];
    draw(number, &mut Planes::of(&mut frame).expect("a frame must hold the picture"));
    frame.into()
}

/// Another program that opens the camera.
struct Reader {
    pipeline: gst::Pipeline,
    sink: AppSink,
}

/// One picture that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Number(u32),
    Slate,
    Garbage,
}

impl Reader {
    fn open() -> Self {
        let text = format!(
            "v4l2src device={DEVICE} ! video/x-raw,format=I420,width=1280,height=720 ! \
             appsink name=sink sync=false max-buffers=2 drop=true"
        );
        let pipeline = gst::parse::launch(&text).expect("the reader must be put together");
        let pipeline = pipeline.downcast::<gst::Pipeline>().expect("it must be a pipeline");
        let sink =
            pipeline.by_name("sink").and_then(|sink| sink.downcast().ok()).expect("it must have a sink");
        pipeline.set_state(gst::State::Playing).expect("the device must be there to be read");
        Self { pipeline, sink }
    }

    fn next(&self) -> Seen {
        let wait = gst::ClockTime::try_from(FRAME).ok();
        let sample =
            self.sink.try_pull_sample(wait).unwrap_or_else(|| panic!("no frame: {:?}", self.error()));
        let buffer = sample.buffer().expect("a sample must have a buffer");
        let frame = buffer.map_readable().expect("it must be readable");
        let ground = frame[FRAME_BYTES / 2];
        match read(&frame, WIDTH) {
            Some(number) => Seen::Number(number),
            None if frame.len() == FRAME_BYTES && frame[..WIDTH * 40].iter().all(|luma| *luma == ground) => {
                Seen::Slate
            }
            None => Seen::Garbage,
        }
    }

    /// Until this is seen; what was seen before it.
    fn until(&self, wanted: impl Fn(Seen) -> bool) -> Vec<Seen> {
        let (began, mut before) = (Instant::now(), Vec::new());
        loop {
            match self.next() {
                seen if wanted(seen) => return before,
                seen => before.push(seen),
            }
            assert!(began.elapsed() < FRAME, "not seen, but {before:?}");
        }
    }

    fn look(&self) -> Vec<Seen> {
        let began = Instant::now();
        std::iter::from_fn(|| (began.elapsed() < LOOK).then(|| self.next())).collect()
    }

    fn error(&self) -> Option<String> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => Some(format!("{} {:?}", error.error(), error.debug())),
            _ => None,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Pictures in their order, each once or repeated, enough of them and nothing else.
fn assert_live(seen: &[Seen]) {
    let numbers: Vec<_> = seen
        .iter()
        .map(|seen| match seen {
            Seen::Number(number) => *number,
            other => panic!("{other:?} among {seen:?}"),
        })
        .collect();
    let steps = numbers.windows(2).map(|pair| (pair[1] + PICTURES - pair[0]) % PICTURES);
    assert!(
        steps.clone().all(|step| !(PICTURES / 2..PICTURES - MIXED).contains(&step)),
        "out of order: {numbers:?}"
    );
    let distinct = steps.filter(|step| (1..PICTURES / 2).contains(step)).count();
    let rate = distinct / LOOK.as_secs() as usize;
    println!("{} frames read, {distinct} of them new in {LOOK:?}", numbers.len());
    assert!(rate >= LEAST_RATE, "{rate} a second: {numbers:?}");
}

/// Reading blocks; what feeds the device goes on beside it.
async fn beside<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(read).await.expect("the reader must not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_the_device_uses_it_unless_told_otherwise() {
    assert_eq!(choose(None, camera::facts(&PathBuf::from(DEVICE))), Mode::V4l2);
    assert!(!camera::facts(&PathBuf::from("/dev/video21")).device);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_source_shows_is_read_from_the_device_and_the_slate_when_it_leaves() {
    understudy_runtime::gst::init().unwrap();
    let picture = Picture::new(FORMAT.size);
    let camera = start(&picture).await;
    let reader = Reader::open();
    let reader = beside(move || {
        assert_eq!(reader.next(), Seen::Slate, "before any source");
        reader
    })
    .await;
    let source = Source::start(picture.writer());
    let reader = beside(move || {
        let before = reader.until(|seen| matches!(seen, Seen::Number(_)));
        assert!(before.iter().all(|seen| *seen == Seen::Slate), "{before:?}");
        assert_live(&reader.look());
        reader
    })
    .await;
    drop(source);
    picture.show_slate();
    beside(move || {
        let before = reader.until(|seen| seen == Seen::Slate);
        assert!(!before.contains(&Seen::Garbage), "{before:?}");
        assert!(reader.look().iter().all(|seen| *seen == Seen::Slate), "and nothing else after it");
    })
    .await;
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_come_and_go_and_the_camera_stays() {
    understudy_runtime::gst::init().unwrap();
    let picture = Picture::new(FORMAT.size);
    let mut camera = start(&picture).await;
    let mut lost = camera.lost();
    let _source = Source::start(picture.writer());
    for _ in 0..3 {
        beside(|| {
            let reader = Reader::open();
            reader.until(|seen| matches!(seen, Seen::Number(_)));
        })
        .await;
    }
    beside(|| assert_live(&Reader::open().look())).await;
    assert!(lost.try_recv().is_err(), "the camera is still there");
    camera.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_camera_on_the_same_device_is_refused_until_the_first_has_left() {
    understudy_runtime::gst::init().unwrap();
    let picture = Picture::new(FORMAT.size);
    let first = start(&picture).await;
    let second = camera::start(&place(), FORMAT, Picture::new(FORMAT.size)).await;
    let error = second.expect_err("two writers do not share a device");
    assert!(matches!(error, Error::V4l2(_)) && error.to_string().contains(DEVICE), "{error}");
    first.stop().await;
    let third = start(&picture).await;
    beside(|| assert_eq!(Reader::open().next(), Seen::Slate)).await;
    third.stop().await;
}
