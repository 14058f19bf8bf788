//! A publisher over WHIP that is not ours: ffmpeg, as a child process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::Child;

use crate::{program, settings};

/// Looking for a way takes it five seconds; it says goodbye over HTTP within one.
const END: Duration = Duration::from_secs(10);

/// Publishes until it is ended or dropped.
pub struct Whip(Child);

impl Whip {
    /// Runs a command of ffmpeg as a shell reads it, in a folder and with these variables.
    pub fn start(command: &str, folder: &Path, variables: &[(&str, String)]) -> Self {
        let programs = settings::cache().join("venv/bin");
        program::needs(&programs.join("ffmpeg"), "sh e2e/probe/setup.sh");
        let mut shell = program::command("sh");
        shell.args(["-euc", &format!("PATH={}:$PATH; exec {command}", programs.display())]);
        shell.envs(variables.iter().map(|(name, value)| (name, value))).current_dir(folder);
        Self(shell.stdout(Stdio::null()).spawn().expect("ffmpeg must start"))
    }

    /// Interrupts it, as a person at a keyboard does: how it ended, and what it said.
    pub async fn interrupt(self) -> (ExitStatus, String) {
        let id = self.0.id().and_then(|id| id.try_into().ok()).expect("it must run");
        kill(Pid::from_raw(id), Signal::SIGINT).expect("it must run");
        self.end().await
    }

    /// Waits for its end: how it ended, and what it said.
    pub async fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        let mut errors = self.0.stderr.take().expect("it is kept");
        let end = async {
            errors.read_to_string(&mut said).await.expect("it must say text");
            self.0.wait().await.expect("it must end")
        };
        let status = tokio::time::timeout(END, end).await.expect("it must end in time");
        (status, said)
    }
}
