//! Reads the display's pixels as they change, over the X protocol and shared memory.
//!
//! Not `ximagesrc`: Xlib ends the whole process when the server goes away, which must only end a capture.
//! The shared memory is read as a file, which needs no mapping and no unsafe code, and one copy in all.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use understudy_core::rhythm::Rhythm;
use understudy_core::spec::FrameRate;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::ImageFormat;
use x11rb::rust_connection::RustConnection;

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
    #[error("the display has no extension {0}")]
    NoExtension(&'static str),
    #[error("the display cannot be waited for: {0}")]
    Poll(#[from] nix::Error),
    #[error("no memory for the picture: {0}")]
    Memory(#[from] io::Error),
}

/// Calls `each` with the pixels (BGRx, tightly packed) and the time they were read, at that rate at most, until it answers
/// false or `stop` is closed.
pub(super) fn grab(
    screen: &Screen,
    rate: FrameRate,
    stop: &Receiver<()>,
    mut each: impl FnMut(&File, Duration) -> io::Result<bool>,
) -> Result<(), Error> {
    let (connection, number) = x11rb::connect(Some(&screen.display))?;
    let root = connection.setup().roots[number].root;
    for extension in [shm::X11_EXTENSION_NAME, damage::X11_EXTENSION_NAME] {
        connection.extension_information(extension)?.ok_or(Error::NoExtension(extension))?;
    }
    connection.damage_query_version(1, 1)?.reply()?;
    let changes = connection.generate_id()?;
    connection.damage_create(changes, root, ReportLevel::NON_EMPTY)?.check()?;
    let (width, height) = (screen.size.width(), screen.size.height());
    let memory = File::from(memory(u64::from(width) * u64::from(height) * 4)?);
    let segment = connection.generate_id()?;
    connection.shm_attach_fd(segment, OwnedFd::from(memory.try_clone()?), false)?.check()?;
    let [width, height] = [width, height].map(|side| u16::try_from(side).unwrap_or(u16::MAX));

    let mut rhythm = Rhythm::new(rate.interval(), Instant::now());
    while stop.try_recv() == Err(TryRecvError::Empty) {
        if !wait(&connection, rhythm.due())? {
            let at = gst::now();
            // Before it is read: what changes meanwhile is told anew.
            connection.damage_subtract(changes, x11rb::NONE, x11rb::NONE)?;
            rhythm.taken(Instant::now());
            let format = u8::from(ImageFormat::Z_PIXMAP);
            connection.shm_get_image(root, 0, 0, width, height, u32::MAX, format, segment, 0)?.reply()?;
            if !each(&memory, at)? {
                return Ok(());
            }
        }
        while let Some(event) = connection.poll_for_event()? {
            if matches!(event, Event::DamageNotify(_)) {
                rhythm.changed(Instant::now());
            }
        }
    }
    Ok(())
}

/// Waits for the display to say something, until `due`; whether it did.
fn wait(connection: &RustConnection, due: Instant) -> Result<bool, Error> {
    // Rounded up: a wait of zero milliseconds would spin.
    let left = due.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    connection.flush()?;
    let mut fds = [PollFd::new(connection.stream().as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(ready) => Ok(ready > 0),
        Err(nix::Error::EINTR) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn memory(bytes: u64) -> io::Result<OwnedFd> {
    let memory = memfd_create("screen", MFdFlags::MFD_CLOEXEC)?;
    File::from(memory.try_clone()?).set_len(bytes)?;
    Ok(memory)
}
