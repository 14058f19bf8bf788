//! A v4l2loopback device of the machine's kernel, for any program that opens cameras.
//!
//! The writer is attached before the browser looks for cameras, since a loopback device without one is none, and it
//! stays: sources come and go behind it.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use tokio_util::sync::CancellationToken;

use super::beat::Beat;
use super::feeder::Feeder;
use super::{Format, Picture};
use crate::gst::{self as media, Ended, Pipeline, element};

/// Frames that wait for the device; one that is slower gets the newest.
const WAITING: u64 = 2;

/// Why there is no such device for us; each says how that is mended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "there is no video device {0}: load v4l2loopback on the node (video_nr=20 exclusive_caps=1) and give the device \
         to the container, or choose another camera mode"
    )]
    Missing(PathBuf),
    #[error("{0} is not a device: name a v4l2loopback device, or choose another camera mode")]
    NotADevice(PathBuf),
    #[error("the video device {path} cannot be written to: let the user of this process open it")]
    Closed { path: PathBuf, source: io::Error },
    #[error(
        "the video device {path} does not take pictures: is it a v4l2loopback device, with no other writer?"
    )]
    Refused { path: PathBuf, source: media::Error },
}

/// Whether the device is there and may be written to.
pub(super) fn probe(device: &Path) -> Result<(), Error> {
    let path = || device.to_owned();
    let metadata = device.metadata().map_err(|_| Error::Missing(path()))?;
    if !metadata.file_type().is_char_device() {
        return Err(Error::NotADevice(path()));
    }
    let opened = OpenOptions::new().read(true).write(true).open(device);
    opened.map(drop).map_err(|source| Error::Closed { path: path(), source })
}

/// Attaches the writer; returns when the device has its first frame.
pub(super) async fn start(device: &Path, format: Format, picture: Picture) -> Result<Feeder, Error> {
    probe(device)?;
    let refused = |source| Error::Refused { path: device.to_owned(), source };
    let (pipeline, source) = pipeline(device, format).map_err(refused)?;
    let mut beat = Beat::new(picture, format.frame_rate);
    push(&source, beat.next().await);
    pipeline.set(gst::State::Playing).await.map_err(refused)?;
    Ok(Feeder::spawn(|stop| feed(pipeline, source, beat, stop)))
}

fn pipeline(device: &Path, format: Format) -> Result<(Pipeline, AppSrc), media::Error> {
    let (width, height) = (format.size.width().cast_signed(), format.size.height().cast_signed());
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", width)
        .field("height", height)
        .field("framerate", gst::Fraction::new(format.frame_rate.per_second().cast_signed(), 1))
        .build();
    let source = AppSrc::builder().caps(&caps).format(gst::Format::Time).do_timestamp(true).build();
    source.set_max_buffers(WAITING);
    source.set_leaky_type(gstreamer_app::AppLeakyType::Downstream);
    let sink = element("v4l2sink")?;
    sink.set_property("device", device.display().to_string());
    // Frames are shown when they come: the beat is theirs.
    sink.set_property("sync", false);
    let pipeline = Pipeline::playback("camera");
    pipeline.chain(&[source.upcast_ref(), &sink])?;
    Ok((pipeline, source))
}

/// Until it is stopped or the device fails; why.
async fn feed(pipeline: Pipeline, source: AppSrc, mut beat: Beat, stop: CancellationToken) -> String {
    let why = {
        let mut ended = std::pin::pin!(pipeline.ended());
        loop {
            tokio::select! {
                ended = &mut ended => break explain(ended),
                frame = beat.next() => push(&source, frame),
                () = stop.cancelled() => break "stopped".to_owned(),
            }
        }
    };
    // Closed before anybody opens it again.
    if let Err(error) = pipeline.set(gst::State::Null).await {
        tracing::warn!(%error, "the video device was not closed cleanly");
    }
    why
}

fn push(source: &AppSrc, frame: Bytes) {
    // What stops a pipeline is told on its bus.
    if let Err(error) = source.push_buffer(gst::Buffer::from_slice(frame)) {
        tracing::trace!(%error, "the video device took no frame");
    }
}

fn explain(ended: Ended) -> String {
    match ended {
        Ended::Error(error) => format!("the video device failed: {error}"),
        Ended::Stream | Ended::Segment => "the video device took no more".to_owned(),
    }
}
