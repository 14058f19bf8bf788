//! A run begins: a confined child is started, of a command whose hosts were looked up and judged.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use understudy_core::process::command::{Command, Secrets};
use understudy_core::process::judge::Way;

use super::plan::Plan;
use super::reach::Reach;
use super::site::Site;
use crate::child::confined::Bounds;
use crate::child::{self, Executable, Supervised};
use crate::config::Confine;

/// A child, and how to speak of it.
pub(super) struct Run {
    pub(super) child: Supervised,
    /// Its arguments, as they may be shown.
    pub(super) shown: Vec<String>,
    pub(super) secrets: Secrets,
}

/// With `legs` behind all other arguments. An error is for people.
pub(super) async fn run(plan: &Plan, legs: Vec<String>, site: &Site) -> Result<Box<Run>, String> {
    begin(plan.command(legs), plan, site).await
}

/// A child that opens the inputs and ends, having said what they are.
pub(super) async fn probe(plan: &Plan, site: &Site) -> Result<Box<Run>, String> {
    begin(plan.probe(), plan, site).await
}

async fn begin(mut command: Command, plan: &Plan, site: &Site) -> Result<Box<Run>, String> {
    let shown = command.shown(&plan.secrets);
    let reach =
        Reach::find(&mut command, site).await.map_err(|error| plan.secrets.line(&error.to_string()))?;
    folders(&command, site)?;
    let child = spawn(site, command.arguments(), reach)?;
    Ok(Box::new(Run { child, shown, secrets: plan.secrets.clone() }))
}

/// A child of those arguments, which reaches that and no more.
pub(super) fn spawn(site: &Site, args: Vec<String>, reach: Reach) -> Result<Supervised, String> {
    let missing = || {
        let (path, setting) = (site.ffmpeg.display(), site.setting);
        format!("ffmpeg is not installed ({path}); {setting} says where it is")
    };
    let ffmpeg = child::find(&site.ffmpeg).ok_or_else(missing)?;
    let data = data(site)?;
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let executable = match &site.confiner {
        None => Executable::new("ffmpeg", ffmpeg).args(args),
        Some(confiner) => {
            let bounds = Bounds {
                read: site.judge.media.iter().map(PathBuf::from).collect(),
                write: vec![data.clone()],
                connect: [reach.connect, vec![site.guard.address.port()]].concat(),
                listen: reach.listen,
            };
            Executable::new("ffmpeg", confiner).args(Confine::line(&bounds, ffmpeg, args))
        }
    };
    let guard = format!("http://{}", site.guard.address);
    let child = executable.env("http_proxy", guard).supervise(data);
    child.map_err(|error| understudy_link::cause::told(&error))
}

/// `{memfs}` has no folders elsewhere: here those that an output stands in are made.
fn folders(command: &Command, site: &Site) -> Result<(), String> {
    let memory = site.memory();
    for part in &command.outputs {
        if let Way::File { path } = &part.way
            && let Some(folder) = Path::new(path).parent().filter(|folder| folder.starts_with(&memory))
        {
            std::fs::create_dir_all(folder)
                .map_err(|error| format!("{{memfs}} cannot be written to: {error}"))?;
        }
    }
    Ok(())
}

/// The data directory, which is made when it is first needed.
fn data(site: &Site) -> Result<PathBuf, String> {
    let data = site.data();
    let told = |error| format!("the data directory cannot be used ({}): {error}", site.judge.data);
    std::fs::create_dir_all(&data).map_err(told)?;
    data.canonicalize().map_err(told)
}
