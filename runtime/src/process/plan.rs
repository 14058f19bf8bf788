//! What a config comes to: placeholders filled, references resolved, and each address judged, before anything runs.

use understudy_core::process::command::{Command, Secrets};
use understudy_core::process::config::{Cleanup, Config};
use understudy_core::process::judge::{self, Judged};
use understudy_core::process::placeholder::{self, Places, Template};
use understudy_core::process::reference;

use super::site::Site;

/// What there is to run.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// With its placeholders filled, and its references as they are.
    filled: Config,
    /// With addresses alone.
    pub(super) resolved: Config,
    judged: Judged,
    pub(super) secrets: Secrets,
}

/// Why a config is not run.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    #[error(transparent)]
    Placeholder(#[from] placeholder::Refusal),
    #[error(transparent)]
    Reference(#[from] reference::Refusal),
    #[error(transparent)]
    Forbidden(#[from] judge::Refusal),
}

impl Plan {
    /// `find` gives the plans of other processes.
    pub(super) fn of<'a>(
        config: &Config,
        find: impl Fn(&str) -> Option<&'a Self>,
        site: &Site,
    ) -> Result<Self, Rejected> {
        let filled = placeholder::filled(config, &places(site))?;
        let resolved = reference::resolved(&filled, |id| find(id).map(|plan| &plan.filled))?;
        let judged = judge::judge(&resolved, &site.judge)?;
        let secrets = Secrets::of([config, &resolved]);
        Ok(Self { filled, resolved, judged, secrets })
    }

    /// Whether a run of the one is what a run of the other is.
    pub(super) fn runs_as(&self, other: &Self) -> bool {
        let what = |plan: &Self| {
            let Config { input, output, options, .. } = plan.resolved.clone();
            (input, output, options)
        };
        what(self) == what(other)
    }

    pub(super) fn command(&self, legs: Vec<String>) -> Command {
        Command::of(&self.resolved, &self.judged, legs)
    }

    pub(super) fn probe(&self) -> Command {
        Command::probe(&self.resolved, &self.judged)
    }

    pub(super) fn cleanup(&self) -> impl Iterator<Item = &Cleanup> {
        self.filled.output.iter().flat_map(|output| &output.cleanup)
    }

    pub(super) fn has_cleanup(&self) -> bool {
        self.cleanup().next().is_some()
    }

    #[cfg(test)]
    pub(super) fn cleaning(cleanup: Cleanup) -> Self {
        let io = understudy_core::process::config::Io { cleanup: vec![cleanup], ..Default::default() };
        Self { filled: Config { output: vec![io], ..Config::default() }, ..Self::default() }
    }
}

/// What placeholders stand for here: there is a data directory, and our own RTMP.
fn places(site: &Site) -> Places {
    let rtmp = site.rtmp.as_ref().map(|door| Template {
        text: format!("{}/live/{{name}}?token={}", door.url(), door.token),
        ..Template::default()
    });
    let memfs = site.memory().into_os_string().into_string().ok();
    Places { diskfs: Some(site.judge.data.clone()), memfs, rtmp, ..Places::default() }
}
