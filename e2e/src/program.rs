//! The only place that starts programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::settings;

/// The arguments of setpriv before the program's name.
const STARTED_BY: usize = 3;

/// Looking for a program, which builds one that is not there.
const FIND: Duration = Duration::from_secs(60);

/// A program to be run; it is killed when its handle is dropped, and with the test program if that is killed: nobody
/// would drop the handle then.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it to its end: what it wrote, or why it failed.
pub(crate) async fn output(command: &mut Command, deadline: Duration) -> Result<String, String> {
    let program = command.as_std().get_args().nth(STARTED_BY).unwrap_or_default();
    let name = program.to_string_lossy().into_owned();
    let done = tokio::time::timeout(deadline, command.output()).await;
    let done = done.map_err(|_| format!("{name} did not end within {} s", deadline.as_secs()))?;
    let done = done.map_err(|error| format!("{name} cannot be run: {error}"))?;
    if done.status.success() {
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    } else {
        Err(format!("{name} failed: {}", String::from_utf8_lossy(&done.stderr)))
    }
}

/// A program of this workspace, which was built with these tests.
pub(crate) fn built(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a program must know its file");
    let folder = tests.parent().and_then(Path::parent).expect("it lies below the target's folder");
    let program = folder.join(name);
    needs(&program, "cargo test --workspace --no-run");
    program
}

/// A program that was built for the cluster.
pub(crate) async fn of_cluster(name: &str) -> PathBuf {
    let mut find = command(settings::repository().join("e2e/cluster/binaries"));
    let path = output(find.arg(name), FIND).await.unwrap_or_else(|why| panic!("{name} must be there: {why}"));
    path.trim().into()
}

/// Fails the test, with the command that helps, if a needed file is not there.
pub(crate) fn needs(path: &Path, mend: &str) {
    assert!(path.exists(), "{} is missing; install it with: {mend}", path.display());
}
