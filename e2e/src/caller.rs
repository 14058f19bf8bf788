//! A backend on another stack of gRPC (grpcio with its defaults), as a child process.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use crate::{program, settings};

/// Ten thousand participants in two ways, on a machine that does more than this.
const DEADLINE: Duration = Duration::from_secs(300);

/// What it was told.
#[derive(Debug, Deserialize)]
pub struct Told {
    pub list: Way,
    pub watch: Way,
}

/// In one of both ways.
#[derive(Debug, Deserialize)]
pub struct Way {
    /// How many different ones.
    pub participants: usize,
    pub messages: usize,
    pub bytes: u64,
    pub largest_bytes: u64,
    pub seconds: f64,
}

/// All participants of the namespace, or why they were not told. `root`: a file with the roots to trust, in PEM.
pub async fn list_and_watch(
    address: &str,
    root: &Path,
    token: &str,
    namespace: &str,
) -> Result<Told, String> {
    let python = settings::cache().join("venv-caller/bin/python");
    program::needs(&python, "sh e2e/caller/setup.sh");
    let mut command = program::command(python);
    command.arg(settings::repository().join("e2e/caller/caller.py"));
    command.args(["--address", address, "--namespace", namespace, "--root"]).arg(root);
    let mut caller = command.stdin(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    // On its standard input, where nobody else reads it.
    let mut input = caller.stdin.take().ok_or("it must have an input")?;
    input.write_all(format!("{token}\n").as_bytes()).await.map_err(|error| error.to_string())?;
    drop(input);
    let done = tokio::time::timeout(DEADLINE, caller.wait_with_output()).await;
    let done = done.map_err(|_elapsed| "it did not end".to_owned())?.map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&said).map_err(|error| format!("the caller said {said}: {error}"))
}
