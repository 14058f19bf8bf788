//! What the platform says of recordings and streams that are started over HTTP, and where recordings are kept.

use std::path::{Path, PathBuf};

use anyhow::Context;
use nix::unistd::{AccessFlags, access};
use prometheus_client::registry::Registry;
use understudy_core::recording::Limits;
use understudy_core::spec::FrameRate;

use crate::config::Recordings;
use crate::egress::recording::Room;
use crate::egress::{Recorder, recording};

/// Of a pod's 2 GiB under `/tmp` (`tmpSizeLimit`), where the browser has its profile too: who takes more is evicted.
const TEMPORARY_MB: u32 = 1000;
/// There. Not named as the directories that go with a process are.
const FOLDER: &str = "understudy.recordings";

/// `parent`: below which they are kept if nobody says where, and there is no better place. What goes with the process would be
/// gone when it is killed.
pub(super) fn recorder(
    config: &Recordings,
    parent: &Path,
    registry: &mut Registry,
) -> anyhow::Result<Recorder> {
    let metrics = recording::Metrics::default();
    metrics.register(registry);
    let temporary = parent.join(FOLDER);
    let directory = directory(config.output_dir.as_deref(), &temporary)?;
    let is_temporary = directory == temporary;
    // Elsewhere it is the disk that says how much it takes.
    let otherwise = if is_temporary { TEMPORARY_MB } else { 0 };
    let room = match config.recordings_mb.unwrap_or(otherwise) {
        0 => Room::unbounded(),
        megabytes => Room::of(u64::from(megabytes) * Limits::MEGABYTE),
    };
    tracing::info!(directory = %directory.display(), ?room, "where recordings are kept");
    let recorder = Recorder::new(directory, room, metrics);
    Ok(if is_temporary { recorder.alone() } else { recorder })
}

pub(super) fn limits(config: &Recordings) -> Limits {
    let bytes = (config.max_size_mb > 0).then(|| u64::from(config.max_size_mb) * Limits::MEGABYTE);
    Limits { duration: None, bytes }
}

/// None: as many pictures a second as the page has.
pub(super) fn frame_rate(config: &Recordings) -> anyhow::Result<Option<FrameRate>> {
    let rate = Some(config.frame_rate).filter(|rate| *rate > 0);
    Ok(rate.map(|rate| FrameRate::parse("FRAME_RATE", rate)).transpose()?)
}

fn directory(given: Option<&str>, temporary: &Path) -> anyhow::Result<PathBuf> {
    let writable = |directory: &Path| access(directory, AccessFlags::W_OK | AccessFlags::X_OK);
    let Some(given) = given.map(PathBuf::from) else {
        let here = std::env::current_dir().ok().filter(|here| writable(here).is_ok());
        return here.map_or_else(|| made(temporary), Ok);
    };
    let refused = || format!("OUTPUT_DIR: no recording can be kept in {}", given.display());
    std::fs::create_dir_all(&given).with_context(refused)?;
    writable(&given).with_context(refused)?;
    given.canonicalize().with_context(refused)
}

/// For nobody else.
fn made(directory: &Path) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("no recording can be kept in {}", directory.display()))?;
    Ok(directory.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_named_is_made_and_one_that_cannot_be_is_refused_by_its_variable() {
        let home = tempfile::tempdir().unwrap();
        let named = home.path().join("recordings");
        let directory = |given: &Path| directory(given.to_str(), home.path());
        assert!(directory(&named).unwrap().is_dir());
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        let refused = directory(&file).unwrap_err().to_string();
        assert!(refused.starts_with("OUTPUT_DIR: "), "{refused}");
    }

    #[test]
    fn without_a_name_it_is_where_the_process_was_started() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(directory(None, home.path()).unwrap(), std::env::current_dir().unwrap());
    }
}
