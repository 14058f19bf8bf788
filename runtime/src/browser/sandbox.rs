//! Whether Chromium's own sandbox can work here.

use std::path::Path;

use super::Sandbox;
use crate::child::Executable;

/// Tries what the sandbox needs: a user namespace, as somebody who is not root (as root Chromium refuses).
pub async fn probe(directory: &Path) -> Sandbox {
    if nix::unistd::geteuid().is_root() {
        return Sandbox::Disabled;
    }
    let unshare = Executable::new("unshare", "unshare").args(["--user", "--pid", "--fork", "true"]);
    let Ok(mut child) = unshare.env("HOME", directory).spawn() else { return Sandbox::Disabled };
    match child.wait().await.as_str() {
        "exited with code 0" => Sandbox::Namespaces,
        _ => Sandbox::Disabled,
    }
}
