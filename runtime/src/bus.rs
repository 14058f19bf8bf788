//! The private D-Bus daemon, through which Chromium finds the camera portal.

use std::path::{Path, PathBuf};

use crate::child::{Child, Error, Executable, listens};

/// A running daemon.
#[derive(Debug)]
pub struct Bus {
    pub child: Child,
}

pub fn socket(directory: &Path) -> PathBuf {
    directory.join("bus.sock")
}

/// The value of `DBUS_SESSION_BUS_ADDRESS`.
pub fn address(directory: &Path) -> String {
    format!("unix:path={}", socket(directory).display())
}

/// Starts the daemon and waits until it answers.
pub async fn start(directory: &Path) -> Result<Bus, Error> {
    let file = directory.join("bus.conf");
    let failed = |source| Error::Start { program: "dbus-daemon", source };
    tokio::fs::write(&file, configuration(directory)).await.map_err(failed)?;
    let mut child = Executable::new("dbus-daemon", "dbus-daemon")
        .args(["--nofork", "--nopidfile", "--config-file"])
        .args([&file])
        .env("HOME", directory)
        .spawn()?;
    let socket = socket(directory);
    child.until(|| listens(&socket)).await?;
    Ok(Bus { child })
}

/// No service is started on demand: the bus carries what we put on it. Who comes is not asked for its name: the daemon
/// would turn away whoever is in no list of users, as are those whom a platform gives a UID of its own. The socket lies in a
/// directory that nobody else may enter.
fn configuration(directory: &Path) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>{}</listen>
  <auth>ANONYMOUS</auth>
  <allow_anonymous/>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#,
        address(directory)
    )
}
