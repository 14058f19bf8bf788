//! A sender of the test picture on another WebRTC stack (aiortc), as a child process.

use std::path::Path;

use tokio::process::{Child, Command};

use crate::{program, settings};

/// What to send, and over what kind of network.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Where the offer is posted to.
    pub url: String,
    pub seconds: u32,
    /// VP8 or H264.
    pub codec: &'static str,
    /// More arguments of the script.
    pub arguments: Vec<&'static str>,
}

impl Publish {
    pub fn new(url: impl Into<String>, codec: &'static str, arguments: &[&'static str]) -> Self {
        Self { url: url.into(), seconds: 3600, codec, arguments: arguments.to_vec() }
    }

    /// A process that sends until it is dropped or its time is over.
    pub fn start(&self) -> Child {
        self.command().spawn().expect("the sender must start")
    }

    fn command(&self) -> Command {
        let mut command = python();
        command.arg(settings::repository().join("e2e/probe/publish.py"));
        command.args(["--url", &self.url, "--codec", self.codec]);
        command.args(["--seconds", &self.seconds.to_string()]).args(&self.arguments);
        command
    }
}

/// Runs a script of a user's own with the same packages and these variables, in its own folder, until it is dropped.
pub fn script(path: &Path, variables: &[(&str, String)]) -> Child {
    let folder = path.parent().expect("a script lies in a folder");
    let mut command = python();
    command.envs(variables.iter().map(|(name, value)| (name, value))).current_dir(folder);
    command.arg(path).spawn().expect("the script must start")
}

fn python() -> Command {
    let python = settings::cache().join("venv/bin/python");
    program::needs(&python, "sh e2e/probe/setup.sh");
    let mut command = program::command(python);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::inherit());
    command
}
