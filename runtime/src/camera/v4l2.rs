//! A v4l2loopback device of the machine's kernel, for any program that opens cameras.
//!
//! The writer is attached before the browser looks for cameras, since a loopback device without one is none, and it
//! stays: sources come and go behind it. Frames go in by write(2), which v4l2loopback never makes wait; GStreamer's
//! v4l2sink asks for buffers, and lost its place in them with v4l2loopback 0.12.7.

mod format;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::alone;
use super::beat::Beat;
use super::feeder::Feeder;
use super::{Format, Picture};

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
    #[error("another session writes to the video device {0}: give each session a device of its own")]
    Taken(PathBuf),
    #[error("the video device {path} takes no pictures: name a v4l2loopback device")]
    Refused { path: PathBuf, source: io::Error },
}

/// Whether the device is there and may be written to.
pub(super) fn probe(device: &Path) -> Result<(), Error> {
    open(device).map(drop)
}

/// Attaches the writer; returns when the device has its first frame.
pub(super) async fn start(device: &Path, format: Format, picture: Picture) -> Result<Feeder, Error> {
    let mut beat = Beat::new(picture, format.frame_rate);
    let file = Arc::new(open(device)?);
    let refused = |source| Error::Refused { path: device.to_owned(), source };
    // v4l2loopback would mix what several writers bring.
    let lock = file.clone();
    let taken = tokio::task::spawn_blocking(move || alone::take(&lock)).await;
    if !taken.expect("locking must not panic").map_err(refused)? {
        return Err(Error::Taken(device.to_owned()));
    }
    format::set(&file, format).map_err(refused)?;
    write(&file, beat.next().await).await.map_err(refused)?;
    Ok(Feeder::spawn(|stop| feed(file, beat, stop)))
}

fn open(device: &Path) -> Result<File, Error> {
    let path = || device.to_owned();
    let metadata = device.metadata().map_err(|_| Error::Missing(path()))?;
    if !metadata.file_type().is_char_device() {
        return Err(Error::NotADevice(path()));
    }
    let opened = OpenOptions::new().read(true).write(true).open(device);
    opened.map_err(|source| Error::Closed { path: path(), source })
}

/// Until it is stopped or the device fails; why.
async fn feed(device: Arc<File>, mut beat: Beat, stop: CancellationToken) -> String {
    loop {
        tokio::select! {
            frame = beat.next() => if let Err(error) = write(&device, frame).await {
                return format!("the video device failed: {error}");
            },
            () = stop.cancelled() => return "stopped".to_owned(),
        }
    }
}

/// One frame is one call; a megabyte is copied.
async fn write(device: &Arc<File>, frame: Bytes) -> io::Result<()> {
    let device = device.clone();
    let written =
        tokio::task::spawn_blocking(move || (&*device).write(&frame).map(|taken| (taken, frame.len())));
    match written.await.map_err(io::Error::other)?? {
        (taken, whole) if taken == whole => Ok(()),
        (taken, whole) => Err(io::Error::other(format!("it took {taken} of {whole} bytes"))),
    }
}

#[cfg(test)]
mod tests {
    use understudy_core::spec::{FrameRate, Resolution};

    use super::*;

    async fn said(device: &Path) -> String {
        let format = Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY };
        start(device, format, Picture::new(Resolution::HD)).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_is_no_video_device_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("video20");
        assert!(said(&file).await.contains("load v4l2loopback"));
        std::fs::write(&file, "").unwrap();
        assert!(said(&file).await.contains("is not a device"));
        assert!(said(Path::new("/dev/null")).await.contains("takes no pictures"));
    }

    #[tokio::test]
    async fn a_device_that_takes_no_more_is_lost_with_its_cause() {
        let full = Arc::new(open(Path::new("/dev/full")).unwrap());
        let beat = Beat::new(Picture::new(Resolution::HD), FrameRate::THIRTY);
        let mut feeder = Feeder::spawn(|stop| feed(full, beat, stop));
        let why = feeder.lost().await.unwrap();
        assert!(why.starts_with("the video device failed: No space left"), "{why}");
        feeder.stop().await;
    }
}
