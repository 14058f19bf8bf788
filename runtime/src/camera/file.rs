//! A video file of one frame, overwritten in place: Chromium reads it again and again, so the camera is live without
//! kernel module, bus or daemon.
//!
//! Chromium reads frames at absolute offsets and begins again at the end of the file (`file_video_capture_device.cc`). A
//! file that is ever shorter than its frame ends its capture process: it is whole before it has its name.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::alone;
use super::beat::Beat;
use super::feeder::Feeder;
use super::{Format, Picture};

/// How often it is looked for: pages that ask for a camera later open the file anew.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the camera's file {path} cannot be written: give this process a writable folder for it")]
    Write { path: PathBuf, source: io::Error },
    #[error("the folder {0} holds another session's camera: give each session a folder of its own")]
    Taken(PathBuf),
}

/// The open file, and the folder's lock for as long as it is.
struct Frame {
    path: PathBuf,
    file: File,
    header: u64,
    _folder: File,
}

/// Writes the file with the current picture, then follows it.
pub(super) async fn start(path: &Path, format: Format, picture: Picture) -> Result<Feeder, Error> {
    // Before the first frame is read: what changes from here on is written.
    let beat = Beat::new(picture.clone(), format.frame_rate);
    let path = path.to_owned();
    let made = tokio::task::spawn_blocking(move || Frame::create(&path, format, &picture.current())).await;
    let frame = Arc::new(made.expect("writing a file must not panic")?);
    Ok(Feeder::spawn(|stop| feed(frame, beat, stop)))
}

/// Until it is stopped or the file cannot be written any more; why.
async fn feed(frame: Arc<Frame>, mut beat: Beat, stop: CancellationToken) -> String {
    let mut look = tokio::time::interval(LOOK);
    loop {
        let done = tokio::select! {
            picture = beat.changed() => frame.clone().act(move |frame| frame.overwrite(&picture)).await,
            _ = look.tick() => frame.clone().act(Frame::look).await,
            () = stop.cancelled() => return "stopped".to_owned(),
        };
        if let Err(error) = done {
            return format!("the camera's file {} is lost: {error}", frame.path.display());
        }
    }
}

impl Frame {
    fn create(path: &Path, format: Format, picture: &Bytes) -> Result<Self, Error> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::open(folder).map_err(failed)?;
        if !alone::take(&lock).map_err(failed)? {
            return Err(Error::Taken(folder.to_owned()));
        }
        let header = header(format);
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(header.as_bytes()).and_then(|()| file.write_all(picture)).map_err(failed)?;
        let file = file.persist(path).map_err(|error| failed(error.error))?;
        Ok(Self { path: path.to_owned(), file, header: header.len() as u64, _folder: lock })
    }

    /// In one call, so that hardly a reader sees two halves.
    fn overwrite(&self, picture: &Bytes) -> io::Result<()> {
        self.file.write_all_at(picture, self.header)
    }

    /// Whether the name still leads to this file.
    fn look(&self) -> io::Result<()> {
        let (ours, named) = (self.file.metadata()?, self.path.metadata()?);
        match (ours.dev(), ours.ino()) == (named.dev(), named.ino()) {
            true => Ok(()),
            false => Err(io::Error::other("another file has its name")),
        }
    }

    /// Does it where a slow disk holds up nobody.
    async fn act(
        self: Arc<Self>,
        act: impl FnOnce(&Self) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        tokio::task::spawn_blocking(move || act(&self)).await.map_err(io::Error::other)?
    }
}

/// All that comes before the pixels: Chromium wants both lines within the first 200 bytes, a rate that is a whole number,
/// 4:2:0, and a frame without parameters.
fn header(format: Format) -> String {
    let (width, height) = (format.size.width(), format.size.height());
    format!("YUV4MPEG2 W{width} H{height} F{}:1 Ip A1:1 C420jpeg\nFRAME\n", format.frame_rate.per_second())
}

#[cfg(test)]
mod tests {
    use understudy_core::spec::{FrameRate, Resolution};

    use super::*;

    const FORMAT: Format = Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY };

    /// From a change to the file, on a busy machine; idle it takes a millisecond.
    const WRITTEN: Duration = Duration::from_secs(5);

    async fn until(path: &Path, wanted: impl Fn(&[u8]) -> bool) {
        let seen = async {
            while !std::fs::read(path).is_ok_and(|file| wanted(&file)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(WRITTEN, seen).await.expect("the file must change");
    }

    #[tokio::test]
    async fn the_file_always_holds_one_whole_frame_and_it_is_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inputs/video.y4m");
        let picture = Picture::new(Resolution::HD);
        let feeder = start(&path, FORMAT, picture.clone()).await.unwrap();
        let (header, length) = (header(FORMAT), Resolution::HD.i420_bytes());
        let open = File::open(&path).unwrap();
        assert!(header.len() < 200 && std::fs::read(&path).unwrap().starts_with(header.as_bytes()));
        picture.writer().show(vec![77; length].into());
        until(&path, |file| file[header.len()..] == vec![77; length]).await;
        let ours = path.metadata().unwrap();
        assert_eq!(ours.len(), (header.len() + length) as u64);
        assert_eq!(open.metadata().unwrap().ino(), ours.ino(), "whoever has it open sees it, too");
        feeder.stop().await;
    }

    #[tokio::test]
    async fn a_file_that_is_taken_away_is_lost_and_comes_back_with_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video.y4m");
        let picture = Picture::new(Resolution::HD);
        let mut feeder = start(&path, FORMAT, picture.clone()).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let why = tokio::time::timeout(WRITTEN, feeder.lost()).await.unwrap().unwrap();
        assert!(why.contains("video.y4m"), "{why}");
        feeder.stop().await;
        start(&path, FORMAT, picture).await.unwrap().stop().await;
        assert!(path.exists());
    }

    #[tokio::test]
    async fn two_sessions_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("video.y4m");
        let first = start(&path, FORMAT, Picture::new(Resolution::HD)).await.unwrap();
        let second = start(&path, FORMAT, Picture::new(Resolution::HD)).await;
        assert!(matches!(second, Err(Error::Taken(_))), "{second:?}");
        first.stop().await;
        start(&path, FORMAT, Picture::new(Resolution::HD)).await.unwrap().stop().await;
    }
}
