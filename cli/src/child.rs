//! The one door to other programs: kubectl, and whatever opens a page.

use crate::args::Place;
use crate::failure::Failure;
use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, Command};

/// What opens a page in the browser. Elsewhere than on macOS `open` is another program.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Begins kubectl in the same place, with these arguments; what it says can be read, its complaints go to ours. It ends with its
/// handle.
pub fn kubectl(place: &Place, namespace: &str, arguments: &[&str]) -> Result<Child, Failure> {
    let mut kubectl = command("kubectl");
    kubectl.args(arguments).args(["--namespace", namespace]);
    if let Some(kubeconfig) = &place.kubeconfig {
        kubectl.arg("--kubeconfig").arg(kubeconfig);
    }
    if let Some(context) = &place.context {
        kubectl.args(["--context", context]);
    }
    kubectl.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    kubectl.spawn().map_err(|error| missing("kubectl", &error))
}

/// How kubectl ended by itself.
pub fn ended(what: &str, status: ExitStatus) -> Failure {
    Failure::Program(format!("{what} has ended ({status}); what it said stands above"))
}

/// Opens this in the browser, and goes on.
pub async fn browser(what: &OsStr) -> Result<(), Failure> {
    let mut opener = command(OPENER);
    opener.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = opener.status().await.map_err(|error| missing(OPENER, &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Program(format!("{OPENER} has ended ({status}); open the address by hand"))),
    }
}

fn missing(program: &str, error: &io::Error) -> Failure {
    Failure::Program(format!("{program} cannot be run: {error}; see that it is on the PATH"))
}

#[allow(clippy::disallowed_methods, reason = "this is the door")]
fn command(program: &str) -> Command {
    Command::new(program)
}
