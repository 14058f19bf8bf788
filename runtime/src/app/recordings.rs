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

/// Of a megabyte as sizes of files are given.
const BYTES: u64 = 1_000_000;

/// Of a pod's 2 GiB under `/tmp` (`tmpSizeLimit`), where the browser has its profile too: who takes more is evicted.
const TEMPORARY_MB: u32 = 1000;

/// `scratch`: where they are kept if nobody says where, and there is no better place.
pub(super) fn recorder(
    config: &Recordings,
    scratch: &Path,
    registry: &mut Registry,
) -> anyhow::Result<Recorder> {
    let metrics = recording::Metrics::default();
    metrics.register(registry);
    let directory = directory(config.output_dir.as_deref(), scratch)?;
    // Elsewhere it is the disk that says how much it takes.
    let otherwise = if directory == scratch { TEMPORARY_MB } else { 0 };
    let room = match config.recordings_mb.unwrap_or(otherwise) {
        0 => Room::unbounded(),
        megabytes => Room::of(u64::from(megabytes) * BYTES),
    };
    tracing::info!(directory = %directory.display(), ?room, "where recordings are kept");
    Ok(Recorder::new(directory, room, metrics))
}

pub(super) fn limits(config: &Recordings) -> Limits {
    let bytes = (config.max_size_mb > 0).then(|| u64::from(config.max_size_mb) * BYTES);
    Limits { duration: None, bytes }
}

/// None: as many pictures a second as the page has.
pub(super) fn frame_rate(config: &Recordings) -> anyhow::Result<Option<FrameRate>> {
    let rate = Some(config.frame_rate).filter(|rate| *rate > 0);
    Ok(rate.map(|rate| FrameRate::parse("FRAME_RATE", rate)).transpose()?)
}

fn directory(given: Option<&str>, scratch: &Path) -> anyhow::Result<PathBuf> {
    let writable = |directory: &Path| access(directory, AccessFlags::W_OK | AccessFlags::X_OK);
    let Some(given) = given.map(PathBuf::from) else {
        let here = std::env::current_dir().ok().filter(|here| writable(here).is_ok());
        return Ok(here.unwrap_or_else(|| scratch.to_owned()));
    };
    let refused = || format!("OUTPUT_DIR: no recording can be kept in {}", given.display());
    std::fs::create_dir_all(&given).with_context(refused)?;
    writable(&given).with_context(refused)?;
    given.canonicalize().with_context(refused)
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
