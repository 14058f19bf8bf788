//! The one door through which processes are started, watched and ended.
//!
//! Every child leads its own process group, so that whatever it starts ends with it; it sees only the
//! variables it is given; and it is killed by the kernel should the runtime die first.

pub mod confined;
mod supervised;

pub use supervised::{End, News, Supervised, Word, find};

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// From SIGTERM to SIGKILL: daemons leave within milliseconds, Chromium within a second.
const GRACE: Duration = Duration::from_secs(3);

/// Where programs are looked for.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// How often a readiness probe looks again.
const PROBE_INTERVAL: Duration = Duration::from_millis(20);

/// What to start.
#[derive(Clone, Debug)]
pub struct Executable {
    pub name: &'static str,
    pub path: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(String, OsString)>,
}

/// A running child. Dropped, it is killed with its group; when it has ended, so is the rest of the group.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    process: tokio::process::Child,
    pid: Pid,
    /// None once all of it was killed: the number may be another's by then.
    group: Option<Pid>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{program} is not installed ({path})")]
    Missing { program: &'static str, path: PathBuf },
    #[error("cannot start {program}")]
    Start { program: &'static str, source: io::Error },
    #[error("{program} ended before it was ready: {status}")]
    EndedEarly { program: &'static str, status: String },
}

impl Executable {
    pub fn new(name: &'static str, path: impl Into<PathBuf>) -> Self {
        Self { name, path: path.into(), args: Vec::new(), env: Vec::new() }
    }

    pub fn args<S: Into<OsString>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Starts it with its output going to the log at debug level.
    pub fn spawn(&self) -> Result<Child, Error> {
        let (child, stdout) = self.spawn_with_stdout()?;
        tokio::spawn(log_lines(self.name, stdout));
        Ok(child)
    }

    /// The same, handing the lines of its standard output to the caller.
    pub fn spawn_with_stdout(&self) -> Result<(Child, Lines<BufReader<ChildStdout>>), Error> {
        let (child, stdout) = self.start(&mut self.command())?;
        Ok((child, BufReader::new(stdout).lines()))
    }

    /// The same, for what passes through it: what it is to read goes into the one, what it writes comes out of the other.
    pub fn spawn_between(&self) -> Result<(Child, ChildStdin, ChildStdout), Error> {
        let (mut child, stdout) = self.start(self.command().stdin(Stdio::piped()))?;
        let broken = || Error::Start { program: self.name, source: io::ErrorKind::BrokenPipe.into() };
        let stdin = child.process.stdin.take().ok_or_else(broken)?;
        Ok((child, stdin, stdout))
    }

    fn start(&self, command: &mut Command) -> Result<(Child, ChildStdout), Error> {
        let mut child = self.launch(command)?;
        let broken = || Error::Start { program: self.name, source: io::ErrorKind::BrokenPipe.into() };
        let stdout = child.process.stdout.take().ok_or_else(broken)?;
        if let Some(stderr) = child.process.stderr.take() {
            tokio::spawn(log_lines(self.name, BufReader::new(stderr).lines()));
        }
        Ok((child, stdout))
    }

    fn launch(&self, command: &mut Command) -> Result<Child, Error> {
        let start = |source| Error::Start { program: self.name, source };
        // Looked up here, since it is setpriv that would not find it.
        if !installed(&self.path) {
            return Err(Error::Missing { program: self.name, path: self.path.clone() });
        }
        let process = command.spawn().map_err(start)?;
        let id = process.id().and_then(|id| i32::try_from(id).ok());
        let pid = id.ok_or_else(|| start(io::ErrorKind::NotFound.into()))?;
        tracing::info!(program = self.name, pid, "started");
        let pid = Pid::from_raw(pid);
        Ok(Child { name: self.name, process, pid, group: Some(pid) })
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    fn command(&self) -> Command {
        // setpriv asks the kernel to end the child with its parent, which std cannot without unsafe code.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.path).args(&self.args);
        command.env_clear().env("PATH", PATH);
        command.env("LANG", "C.UTF-8").envs(self.env.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }
}

impl Child {
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Resolves when the process has ended, with words for people. What it started and left is killed then.
    pub async fn wait(&mut self) -> String {
        let ended = self.process.wait().await;
        self.kill();
        ended.map_or_else(|error| error.to_string(), describe)
    }

    /// Ends the whole group: politely, then not.
    pub async fn stop(mut self) {
        if let Some(group) = self.group {
            signal_group(group, Signal::SIGTERM);
        }
        if timeout(GRACE, self.wait()).await.is_err() {
            tracing::warn!(program = self.name, "did not end in time and is killed");
        }
        self.kill();
        let ended = timeout(GRACE, self.wait()).await;
        tracing::info!(program = self.name, ended = ended.is_ok(), "stopped");
    }

    /// Waits until `ready` says so; an error if the child ends first. The session's table of parts sets the deadline.
    pub async fn until<F: Future<Output = bool>>(&mut self, ready: impl Fn() -> F) -> Result<(), Error> {
        loop {
            if ready().await {
                return Ok(());
            }
            tokio::select! {
                status = self.wait() => {
                    return Err(Error::EndedEarly { program: self.name, status });
                }
                () = tokio::time::sleep(PROBE_INTERVAL) => {}
            }
        }
    }
}

impl Child {
    /// The group, once: as long as one of it is there, no other process gets its number.
    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            signal_group(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whether something accepts connections on the Unix socket at `path`.
pub async fn listens(path: &Path) -> bool {
    tokio::net::UnixStream::connect(path).await.is_ok()
}

/// Kills the one process with this id.
pub fn kill_process(pid: i32) {
    if let Err(error) = kill(Pid::from_raw(pid), Signal::SIGKILL) {
        tracing::debug!(pid, %error, "a process to be killed was gone");
    }
}

/// Whether the program is there, by its path or by its name.
pub fn installed(program: &Path) -> bool {
    program.exists() || PATH.split(':').any(|folder| Path::new(folder).join(program).exists())
}

fn signal_group(group: Pid, signal: Signal) {
    // The group is gone when all of it has ended, which is what was wanted.
    if let Err(error) = killpg(group, signal) {
        tracing::trace!(%group, %error, "no such process group");
    }
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

async fn log_lines<R: AsyncRead + Unpin>(program: &'static str, mut lines: Lines<BufReader<R>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(program, line, "output");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that starts something and ends. Whatever it started holds its standard output.
    #[tokio::test]
    async fn what_a_child_leaves_ends_with_it() {
        let shell = Executable::new("sh", "sh").args(["-c", "sleep 60 & exit 7"]);
        let (mut child, mut stdout) = shell.spawn_with_stdout().unwrap();
        let ended = child.until(|| async { false }).await.unwrap_err();
        assert!(ended.to_string().contains("exited with code 7"), "{ended}");
        let closed = timeout(GRACE, stdout.next_line()).await.expect("nothing must be left");
        assert_eq!(closed.unwrap(), None);
    }
}
