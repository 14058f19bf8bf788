//! The headless display: Xvfb on a number it picks itself, unless it is given one.

mod authority;

use std::ffi::OsStr;
use std::path::Path;

use understudy_core::spec::Resolution;

use crate::child::{Child, Error, Executable};

/// A running display.
#[derive(Debug)]
pub struct Display {
    pub child: Child,
    /// As in `DISPLAY`, `:7`.
    pub name: String,
}

/// Starts Xvfb with one screen of `size`. Whoever is not its user is turned away.
pub async fn start(size: Resolution, number: Option<u16>, home: &Path) -> Result<Display, Error> {
    let screen = format!("{}x{}x24", size.width(), size.height());
    if let Some(number) = number {
        unlock(number).await;
    }
    let (cookie, file) = (authority::cookie(), home.join("display.auth"));
    let failed = |source| Error::Start { program: "Xvfb", source };
    authority::write(&file, &cookie).await.map_err(failed)?;
    let number = number.map(|number| format!(":{number}"));
    // -displayfd writes the number once the server accepts connections; -noreset keeps the screen when
    // the last client leaves.
    let program = Executable::new("Xvfb", "Xvfb")
        .env("HOME", home)
        .args(number.as_slice())
        .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset", "-dpi", "96"])
        .args([OsStr::new("-auth"), file.as_os_str()]);
    let (mut child, mut stdout) = program.spawn_with_stdout()?;
    let Ok(Some(number)) = stdout.next_line().await else {
        let status = child.wait().await;
        return Err(Error::EndedEarly { program: "Xvfb", status });
    };
    let number = number.trim().to_owned();
    authority::admit_its_user(&number, cookie).await.map_err(failed)?;
    Ok(Display { child, name: format!(":{number}") })
}

/// A display that was killed with all around it leaves its lock. The process that the lock names may be any other by now,
/// for which Xvfb would not start.
async fn unlock(number: u16) {
    let lock = format!("/tmp/.X{number}-lock");
    let Ok(holder) = tokio::fs::read_to_string(&lock).await else { return };
    let name = tokio::fs::read_to_string(format!("/proc/{}/comm", holder.trim())).await;
    if name.is_ok_and(|name| name.starts_with('X')) {
        return; // a display is there, which Xvfb will say
    }
    for left in [lock, format!("/tmp/.X11-unix/X{number}")] {
        let _ = tokio::fs::remove_file(left).await; // one of them may be gone
    }
}
