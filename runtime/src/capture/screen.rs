//! Reads the display's pixels at a steady rate, over the X protocol and shared memory.
//!
//! Not `ximagesrc`: Xlib ends the whole process when the server goes away, which must only end a capture.
//! The shared memory is read as a file, which needs no mapping and no unsafe code, and one copy in all.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::shm::{self, ConnectionExt};
use x11rb::protocol::xproto::ImageFormat;

use super::Screen;
use crate::gst;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the display cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    #[error("the display went away: {0}")]
    Connection(#[from] ConnectionError),
    #[error("the display refused: {0}")]
    Reply(#[from] ReplyError),
    #[error("the display refused: {0}")]
    ReplyOrId(#[from] ReplyOrIdError),
    #[error("the display has no shared memory")]
    NoSharedMemory,
    #[error("no memory for the picture: {0}")]
    Memory(#[from] io::Error),
}

/// Calls `each` with the pixels (BGRx, tightly packed) and the time they were read, at the screen's
/// rate, until it answers false or `stop` is closed.
pub(super) fn grab(
    screen: &Screen,
    stop: &Receiver<()>,
    mut each: impl FnMut(&File, Duration) -> io::Result<bool>,
) -> Result<(), Error> {
    let (connection, number) = x11rb::connect(Some(&screen.display))?;
    let root = connection.setup().roots[number].root;
    if connection.extension_information(shm::X11_EXTENSION_NAME)?.is_none() {
        return Err(Error::NoSharedMemory);
    }
    let (width, height) = (screen.size.width(), screen.size.height());
    let memory = File::from(memory(u64::from(width) * u64::from(height) * 4)?);
    let segment = connection.generate_id()?;
    connection.shm_attach_fd(segment, OwnedFd::from(memory.try_clone()?), false)?.check()?;
    let [width, height] = [width, height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));

    let interval = screen.frame_rate.interval();
    let mut due = Instant::now();
    loop {
        let at = gst::now();
        let format = u8::from(ImageFormat::Z_PIXMAP);
        connection.shm_get_image(root, 0, 0, width, height, u32::MAX, format, segment, 0)?.reply()?;
        if !each(&memory, at)? {
            return Ok(());
        }
        due = next(due, interval, Instant::now());
        match stop.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// The next tick of the same raster; ticks that were missed are left out.
fn next(due: Instant, interval: Duration, now: Instant) -> Instant {
    let next = due + interval;
    if next >= now { next } else { now }
}

fn memory(bytes: u64) -> io::Result<OwnedFd> {
    let memory = memfd_create("screen", MFdFlags::MFD_CLOEXEC)?;
    File::from(memory.try_clone()?).set_len(bytes)?;
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_tick_does_not_cause_a_burst() {
        let start = Instant::now();
        let interval = Duration::from_millis(33);
        assert_eq!(next(start, interval, start), start + interval);
        let late = start + Duration::from_secs(1);
        assert_eq!(next(start, interval, late), late);
    }
}
