//! The private PipeWire daemon, as small as it can be.

use std::path::{Path, PathBuf};

use crate::child::{Child, Error, Executable, listens};
use crate::sound::remove_stale;

/// A running daemon.
#[derive(Debug)]
pub struct Pipewire {
    pub child: Child,
}

pub fn socket(directory: &Path) -> PathBuf {
    directory.join("pipewire-0")
}

/// Starts the daemon and waits until it answers.
pub async fn start(directory: &Path) -> Result<Pipewire, Error> {
    let file = directory.join("pipewire.conf");
    let failed = |source| Error::Start { program: "pipewire", source };
    tokio::fs::write(&file, CONFIGURATION).await.map_err(failed)?;
    let socket = socket(directory);
    remove_stale(&socket).await.map_err(failed)?;
    let mut child = Executable::new("pipewire", "pipewire")
        .args(["-c"])
        .args([&file])
        .env("HOME", directory)
        .env("XDG_RUNTIME_DIR", directory)
        .env("PIPEWIRE_RUNTIME_DIR", directory)
        .spawn()?;
    child.until(|| listens(&socket)).await?;
    Ok(Pipewire { child })
}

/// Only what a client node, its links and their buffers need; no session manager (`linker` is ours).
const CONFIGURATION: &str = r"
context.properties = {
    core.daemon = true
    core.name = pipewire-0
    support.dbus = false
    mem.allow-mlock = false
    log.level = 2
    link.max-buffers = 16
}
context.spa-libs = {
    support.* = support/libspa-support
}
context.modules = [
    { name = libpipewire-module-protocol-native }
    { name = libpipewire-module-metadata }
    { name = libpipewire-module-spa-node-factory }
    { name = libpipewire-module-client-node }
    { name = libpipewire-module-access args = { } }
    { name = libpipewire-module-adapter }
    { name = libpipewire-module-link-factory }
]
context.objects = [
    { factory = metadata args = { metadata.name = default } }
    { factory = spa-node-factory args = { factory.name = support.node.driver node.name = Dummy-Driver node.group = pipewire.dummy priority.driver = 20000 } }
]
";
