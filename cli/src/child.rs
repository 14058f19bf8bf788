//! The one door to other programs: kubectl, and whatever opens a page.

use crate::args::Place;
use crate::failure::Failure;
use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use tokio::process::{Child, Command};

/// What opens an address in the browser: on Linux and others, and on macOS.
const OPENERS: [&str; 2] = ["xdg-open", "open"];

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
    let mut failed = None;
    for opener in OPENERS {
        let mut command = command(opener);
        command.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.status().await {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => {
                let why = format!("{opener} has ended ({status}); open the address by hand");
                failed = Some(Failure::Program(why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => failed = Some(missing(opener, &error)),
        }
    }
    Err(failed.unwrap_or_else(|| {
        Failure::Program("neither xdg-open nor open is on the PATH; open the address by hand".to_owned())
    }))
}

fn missing(program: &str, error: &io::Error) -> Failure {
    Failure::Program(format!("{program} cannot be run: {error}; see that it is on the PATH"))
}

#[allow(clippy::disallowed_methods, reason = "this is the door")]
fn command(program: &str) -> Command {
    Command::new(program)
}
