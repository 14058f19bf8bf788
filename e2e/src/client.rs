//! Clients as people use them: commands for a shell, scripts for Node.js, and ffmpeg.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Child;

use crate::{program, settings};

/// What a person types is answered, or has made its file, by then.
const COMMAND: Duration = Duration::from_secs(60);

const FFMPEG: &str = "/usr/bin/ffmpeg";

/// Runs what a person types into a shell, in this folder: what it writes.
pub async fn shell(text: &str, folder: &Path) -> Result<String, String> {
    let mut command = program::command("sh");
    command.args(["-e", "-c", text]).current_dir(folder);
    program::output(&mut command, COMMAND).await
}

/// A script in this folder that imports packages from npm and reads these variables, until it is dropped.
pub fn node(script: &str, folder: &Path, variables: &[(&str, String)]) -> Child {
    let packages = settings::cache().join("clients/node_modules");
    program::needs(&packages, "sh e2e/clients/setup.sh");
    let link = folder.join("node_modules");
    if !link.exists() {
        std::os::unix::fs::symlink(packages, link).expect("a link must be made");
    }
    let mut command = program::command("node");
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::inherit());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.arg(script).current_dir(folder).spawn().expect("Node.js 20 or newer must be installed")
}

/// ffmpeg with these arguments, none of which holds a space; what it writes is piped. It runs until it is dropped.
pub fn ffmpeg(arguments: &str) -> Child {
    program::needs(Path::new(FFMPEG), "scripts/packages install test");
    let mut command = program::command(FFMPEG);
    command.stderr(std::process::Stdio::inherit()).args(["-nostdin", "-loglevel", "error"]);
    command.args(arguments.split_whitespace()).spawn().expect("ffmpeg must start")
}

/// An ffmpeg of this year, beside the one of Debian.
pub fn new_ffmpeg() -> PathBuf {
    let ffmpeg = settings::cache().join("venv/bin/ffmpeg");
    program::needs(&ffmpeg, "sh e2e/probe/setup.sh");
    ffmpeg
}

/// Players of WHEP from npm, as one script: each is under its own name in `window`.
pub fn whep_players() -> PathBuf {
    let players = settings::cache().join("clients/players.js");
    program::needs(&players, "sh e2e/clients/setup.sh");
    players
}

/// A web server of a folder, until it is dropped.
pub fn web_server(folder: &Path, at: SocketAddr) -> Child {
    let mut command = program::command("python3");
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.args(["-m", "http.server", "--bind", &at.ip().to_string(), &at.port().to_string()]);
    command.current_dir(folder).spawn().expect("Python must be there")
}
