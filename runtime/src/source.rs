//! Media coming in: each plan of the inputs is one supervised pipeline that feeds the camera's picture and
//! plays into the microphone.
//!
//! A source that fails is tried again with back-off for as long as it is wanted; meanwhile the camera
//! shows the slate and the microphone is silent.

mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use understudy_core::backoff;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::spec::{self, Location, Repeat};

use crate::camera::{Format, Picture, Writer};
use crate::feed::Feed;
use crate::gst::{self, Ended};
use crate::ingest::Ingest;

/// A source that played this long has recovered: its next failure is a first one.
const STEADY: Duration = Duration::from_secs(20);

/// What every source needs of the session.
#[derive(Clone, Debug)]
pub struct Surroundings {
    pub picture: Picture,
    pub format: Format,
    /// The value of `PULSE_SERVER`.
    pub pulse_server: String,
    /// The sink whose sound the microphone carries.
    pub microphone_sink: String,
    /// Where bundled media lies.
    pub bundled: PathBuf,
    /// Where `file:` URLs may point to.
    pub media: PathBuf,
    /// Where what is sent comes in.
    pub ingest: Ingest,
    /// Where what is sent is shown to people.
    pub feed: Feed,
}

/// A running source. Dropped, it ends and leaves the slate.
#[derive(Debug)]
pub struct Source {
    task: JoinHandle<()>,
    health: watch::Receiver<Health>,
    picture: Option<Picture>,
}

impl Source {
    pub fn start(plan: Plan, surroundings: Surroundings) -> Self {
        let (sender, health) = watch::channel(Health::Starting);
        // Taken here and once: whatever this source still delivers after its end, its successor has the turn.
        let writer = plan.carries.video().then(|| surroundings.picture.writer());
        let picture = writer.is_some().then(|| surroundings.picture.clone());
        let task = tokio::spawn(supervise(plan, surroundings, writer, sender));
        Self { task, health, picture }
    }

    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(picture) = &self.picture {
            picture.show_slate();
        }
    }
}

async fn supervise(
    plan: Plan,
    surroundings: Surroundings,
    writer: Option<Writer>,
    health: watch::Sender<Health>,
) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let ended = play(&plan, &surroundings, writer.clone(), &health).await;
        if let Some(writer) = &writer {
            writer.show_slate();
        }
        match ended {
            Ok(()) => {
                health.send_replace(Health::Ended);
                return;
            }
            Err(failure) => {
                failures = if began.elapsed() > STEADY { 1 } else { failures + 1 };
                tracing::warn!(carries = ?plan.carries, reason = failure.reason, message = failure.message,
                    failures, "a source does not play");
                health.send_replace(Health::Failed(failure));
                tokio::time::sleep(backoff::after(failures)).await;
            }
        }
    }
}

/// Plays until it came to its end (a file that is not repeated) or failed.
async fn play(
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    match &plan.source {
        spec::Source::File(file) => play_file(file, plan, surroundings, writer, health).await,
        spec::Source::Stream(url) => unsupported(url.as_str()),
        spec::Source::Socket => unsupported("a socket"),
        spec::Source::WebRtc => unsupported("a peer"),
    }
}

fn unsupported(what: &str) -> Result<(), Failure> {
    Err(Failure { reason: "SourceUnsupported", message: format!("{what} cannot be played") })
}

async fn play_file(
    wanted: &spec::File,
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    let path = resolve(&wanted.location, surroundings)?;
    let source = file::open(&path, plan, writer, surroundings).map_err(explain)?;
    let ended = run(wanted, plan, &source, health).await;
    // Down before anything else is shown: no frame comes after it.
    source.stop().await;
    ended.map_err(explain)
}

async fn run(
    wanted: &spec::File,
    plan: &Plan,
    source: &file::File,
    health: &watch::Sender<Health>,
) -> Result<(), gst::Error> {
    source.start().await?;
    health.send_replace(Health::Playing);
    tracing::info!(source = %wanted.location, carries = ?plan.carries, "a source plays");
    loop {
        match (source.ended().await, wanted.repeat) {
            (Ended::Error(error), _) => return Err(error),
            (Ended::Segment | Ended::Stream, Repeat::Once) => return Ok(()),
            (ended, Repeat::Forever) => source.again(&ended)?,
        }
    }
}

/// The file behind a location, if it may be read.
fn resolve(location: &Location, surroundings: &Surroundings) -> Result<PathBuf, Failure> {
    let fail = |reason, message| Err(Failure { reason, message });
    let path = match location {
        Location::Bundled(name) => surroundings.bundled.join(format!("{name}.mkv")),
        Location::File(path) => PathBuf::from(path),
        Location::Web(url) => return fail("SourceUnsupported", format!("{url} is not a file")),
    };
    let Ok(real) = path.canonicalize() else {
        return fail("SourceNotFound", format!("there is no file {location}"));
    };
    if [&surroundings.bundled, &surroundings.media].into_iter().any(|allowed| within(&real, allowed)) {
        return Ok(real);
    }
    fail(
        "SourceForbidden",
        format!("{location} is outside of the media directory {}", surroundings.media.display()),
    )
}

fn within(path: &Path, directory: &Path) -> bool {
    directory.canonicalize().is_ok_and(|directory| path.starts_with(directory))
}

fn explain(error: gst::Error) -> Failure {
    let reason = match &error {
        gst::Error::Failed { missing: true, .. } => "SourceNotFound",
        gst::Error::Failed { .. } => "SourceFailed",
        _ => "PipelineFailed",
    };
    Failure { reason, message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use understudy_core::spec::{FrameRate, Resolution};

    use super::*;

    #[test]
    fn a_link_out_of_the_media_directory_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let media = root.path().join("media");
        std::fs::create_dir(&media).unwrap();
        std::fs::write(root.path().join("secret"), "").unwrap();
        std::fs::write(media.join("open.mkv"), "").unwrap();
        std::os::unix::fs::symlink(root.path().join("secret"), media.join("link.mkv")).unwrap();
        let surroundings = Surroundings {
            picture: Picture::new(Resolution::HD),
            format: Format { size: Resolution::HD, frame_rate: FrameRate::THIRTY },
            pulse_server: String::new(),
            microphone_sink: String::new(),
            bundled: root.path().join("bundled"),
            media: media.clone(),
            ingest: Ingest::default(),
            feed: Feed::default(),
        };
        let reason = |name: &str| {
            let location = Location::File(media.join(name).display().to_string());
            resolve(&location, &surroundings).map_err(|failure| failure.reason)
        };
        assert!(reason("open.mkv").is_ok());
        assert_eq!(reason("link.mkv"), Err("SourceForbidden"));
        assert_eq!(reason("none.mkv"), Err("SourceNotFound"));
    }
}
