//! Processes, put together.

use std::path::{Path, PathBuf};

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use understudy_core::process::judge::{self, Access};

use super::guards::Guards;
use super::outward::{Outward, end_viewers};
use super::tasks::Tasks;
use crate::access::Policy;
use crate::api::core::{Core, Whep, Writing};
use crate::config::Run;
use crate::egress::whep;
use crate::process::{Metrics, Processes, Site, Watched, Watching, leg};
use crate::{api, broadcast, program};

/// Where files of processes are unless somebody says so.
const DATA: &str = "understudy.data";

/// Those that there will be, for the session and for whoever asks over HTTP.
pub(super) fn open(
    config: &Run,
    (guards, outward, hubs): (&Guards, &Outward, broadcast::Metrics),
    (registry, tasks): (&mut Registry, &mut Tasks),
    shutdown: &CancellationToken,
) -> anyhow::Result<Processes> {
    let metrics = Metrics::default();
    metrics.register(registry);
    let core = &config.core;
    let (ffmpeg, setting) = match &core.core_ffmpeg_binary {
        Some(binary) => (binary.clone(), "CORE_FFMPEG_BINARY"),
        None => (config.ffmpeg_path.clone(), "CORE_FFMPEG_BINARY or FFMPEG_PATH"),
    };
    let watched = if core.core_webrtc_enable { Watched::All } else { Watched::Sessions };
    let judge = judge(config)?;
    let directory = core.core_db_dir.as_deref().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(directory) = directory {
        must_be_apart(directory, &judge)?;
    }
    let site = Site {
        ffmpeg: ffmpeg.into(),
        setting,
        confiner: Some(itself().context("this program cannot be found again")?),
        judge,
        guard: guards.media.clone(),
        rtmp: outward.rtmp_door(),
        most: core.most_processes(),
        watching: watching(hubs, registry),
        watched,
        metrics,
    };
    let processes = Processes::new(site, shutdown.clone());
    tasks.start("processes", processes.clone().ended());
    if let Some(keeper) = directory.and_then(|directory| processes.kept(directory)) {
        tasks.start("what stores processes", keeper.run());
    }
    Ok(processes)
}

/// What is asked of them over HTTP.
pub(super) fn surface(
    config: &Run,
    processes: Processes,
    outward: &Outward,
    (tasks, shutdown): (&mut Tasks, &CancellationToken),
) -> anyhow::Result<axum::Router> {
    let core = &config.core;
    let whep = (processes.site().watched == Watched::All).then(|| {
        let programs = processes.site().watching.programs.clone();
        let ending = end_viewers(outward.peers.clone(), programs.clone(), shutdown.clone());
        tasks.start("what ends viewers of processes", ending);
        let ice_servers = config.ice_servers.clone();
        let router = whep::process_router(outward.peers.clone(), programs, ice_servers.clone());
        Whep { router, ice_servers }
    });
    let may_write = if core.core_api_read_only { Writing::ReadOnly } else { Writing::Allowed };
    let (login, policies) = (core.login()?, outward.policies());
    if login.is_some() && matches!(*policies.borrow(), Policy::Open(_)) {
        tracing::warn!(
            "CORE_API_AUTH_ENABLE closes the API of processes alone: UNDERSTUDY_ACCESS=open leaves all else to everybody"
        );
    }
    let core = Core { processes, login, may_write, whep };
    Ok(api::core::router(core, &policies))
}

fn judge(config: &Run) -> anyhow::Result<judge::Site> {
    let core = &config.core;
    let given = core.core_storage_disk_dir.clone().filter(|folder| !folder.as_os_str().is_empty());
    let data = given.unwrap_or_else(|| std::env::temp_dir().join(DATA));
    let text = |path: &Path| -> anyhow::Result<String> {
        let absolute = std::path::absolute(path)?;
        absolute
            .into_os_string()
            .into_string()
            .map_err(|path| anyhow::anyhow!("{} is no text", path.display()))
    };
    Ok(judge::Site {
        data: text(&data).context("CORE_STORAGE_DISK_DIR cannot be used")?,
        media: vec![text(&config.media_dir).context("UNDERSTUDY_MEDIA_DIR cannot be used")?],
        input: Access::new(&core.core_ffmpeg_access_input_allow, &core.core_ffmpeg_access_input_block)?,
        output: Access::new(&core.core_ffmpeg_access_output_allow, &core.core_ffmpeg_access_output_block)?,
    })
}

/// Processes are stored where none of them reads or writes.
fn must_be_apart(directory: &Path, site: &judge::Site) -> anyhow::Result<()> {
    let place = real(directory).context("CORE_DB_DIR cannot be used")?;
    for open in std::iter::once(&site.data).chain(&site.media) {
        anyhow::ensure!(
            !place.starts_with(real(Path::new(open))?),
            "CORE_DB_DIR cannot be used ({}): processes read what is in {open}, and what is stored holds credentials",
            directory.display(),
        );
    }
    Ok(())
}

/// Where a path leads, of which not all has to exist.
fn real(path: &Path) -> std::io::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    let known = absolute.ancestors().find_map(|above| {
        let rest = absolute.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    });
    Ok(known.unwrap_or(absolute))
}

/// What is watched of processes has names of its own: a livestream may be called as a process is.
fn watching(hubs: broadcast::Metrics, registry: &mut Registry) -> Watching {
    let legs = leg::Metrics::default();
    legs.register(registry);
    Watching { programs: program::Registry::default(), hubs, legs }
}

/// Also after its file was replaced.
fn itself() -> std::io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    Ok(if path.exists() { path } else { PathBuf::from("/proc/self/exe") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_not_stored_where_they_read_or_write() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let text = |name: &str| at(name).to_str().unwrap().to_owned();
        let site = judge::Site { data: text("data"), media: vec![text("media")], ..judge::Site::default() };
        std::fs::create_dir(at("media")).unwrap();
        std::os::unix::fs::symlink(at("media"), at("link")).unwrap();
        for within in ["data", "data/db", "media/deep/db", "link", "link/db", "./link/../media"] {
            let told = must_be_apart(&at(within), &site).unwrap_err().to_string();
            assert!(told.starts_with("CORE_DB_DIR cannot be used (") && told.contains(within), "{told}");
        }
        for apart in ["db", "database", "data.db", "media-db/deep"] {
            must_be_apart(&at(apart), &site).unwrap();
        }
    }
}
