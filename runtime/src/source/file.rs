//! Media with an end, from a directory of ours or from the web: played at its own rate, once or over and over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gstreamer as gst;
use tokio::sync::watch;
use tokio::time::Instant;
use understudy_core::backoff;
use understudy_core::input::{Failure, Health, Plan};
use understudy_core::spec::{self, Location, Repeat};

use super::metrics::Origin;
use super::need::Needs;
use super::player::{Course, Outcome, Player};
use super::resting::Resting;
use super::{Surroundings, media};
use crate::camera::Writer;

/// A still picture, or media that is over as soon as it began, is not opened as fast as the machine can: what it shows
/// stays meanwhile.
const HASTE: Duration = Duration::from_secs(1);

/// Plays until it came to its end and is not repeated, or failed.
pub(super) async fn play(
    wanted: &spec::File,
    plan: &Plan,
    surroundings: &Surroundings,
    writer: Option<Writer>,
    health: &watch::Sender<Health>,
) -> Result<(), Failure> {
    let uri = locate(&wanted.location, surroundings)?;
    let url = &wanted.location.to_string();
    let mut course = match wanted.repeat {
        Repeat::Forever => Course::Round,
        Repeat::Once => Course::Once,
    };
    let needs = Needs::of(plan, surroundings);
    let mut hasty = 0;
    loop {
        let began = Instant::now();
        let media = media::open(&uri, Origin::File, plan, writer.clone(), surroundings)
            .map_err(|error| media::failure("PipelineFailed", url, &error.to_string()))?;
        let (rest, writer, policy) = (Resting::new(needs.clone()), writer.clone(), &surroundings.guard);
        let player = Player { media, url, course, writer, health, policy, rest };
        match player.play().await? {
            Outcome::Ended => return Ok(()),
            Outcome::Again => tracing::debug!("a file that cannot go back is opened again"),
            Outcome::Hangs => {
                tracing::debug!("a file after whose end nothing follows is opened again from now on");
                course = Course::Anew;
            }
        }
        hasty = if began.elapsed() < HASTE { hasty + 1 } else { 0 };
        if hasty > 0 {
            tokio::time::sleep(backoff::after(hasty)).await;
        }
    }
}

/// The URI of what may be read.
fn locate(location: &Location, surroundings: &Surroundings) -> Result<String, Failure> {
    let fail = |reason, message| Err(Failure { reason, message });
    let path = match location {
        Location::Bundled(name) => surroundings.bundled.join(format!("{name}.mkv")),
        Location::File(path) => PathBuf::from(path),
        Location::Web(url) => return Ok(url.clone()),
    };
    let Ok(real) = path.canonicalize() else {
        return fail("SourceNotFound", format!("there is no file {location}"));
    };
    if ![&surroundings.bundled, &surroundings.media].into_iter().any(|allowed| within(&real, allowed)) {
        return fail(
            "SourceForbidden",
            format!("{location} is outside of the media directory {}", surroundings.media.display()),
        );
    }
    match gst::glib::filename_to_uri(&real, None) {
        Ok(uri) => Ok(uri.into()),
        Err(error) => fail("SourceNotFound", format!("{location} has no usable name: {error}")),
    }
}

fn within(path: &Path, directory: &Path) -> bool {
    directory.canonicalize().is_ok_and(|directory| path.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use understudy_core::spec::{FrameRate, Resolution};

    use super::*;
    use crate::camera::{Format, Picture};
    use crate::feed::Feed;
    use crate::guard::Policy;
    use crate::ingest::Ingest;
    use crate::source::Metrics;

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
            guard: Policy::default(),
            ingest: Ingest::default(),
            feed: Feed::default(),
            metrics: Metrics::default(),
            ears: crate::sound::Ears::default(),
            voice: None,
            sound: crate::broadcast::Passage::new(understudy_core::media::Kind::Audio),
            right: None,
            direct: false,
        };
        let reason = |name: &str| {
            let location = Location::File(media.join(name).display().to_string());
            locate(&location, &surroundings).map_err(|failure| failure.reason)
        };
        assert!(reason("open.mkv").is_ok());
        assert_eq!(reason("link.mkv"), Err("SourceForbidden"));
        assert_eq!(reason("none.mkv"), Err("SourceNotFound"));
    }
}
