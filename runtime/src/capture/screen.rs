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
use understudy_core::spec::{FrameRate, Resolution};
use x11rb::connection::{Connection as _, RequestConnection};
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::damage::{self, ConnectionExt as _, ReportLevel};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xproto::ImageFormat;
use x11rb::x11_utils::X11Error;

use crate::gst;
use crate::x11::{self, Connection};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the display cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    #[error("the display went away: {0}")]
    Connection(#[from] ConnectionError),
    #[error("the display refused: {0:?}")]
    Refused(X11Error),
    #[error("the display has no number left for what is asked of it")]
    Ids,
    #[error("the display has no extension {0}")]
    NoExtension(&'static str),
    #[error("the display cannot be waited for: {0}")]
    Poll(#[from] nix::Error),
    #[error("no memory for the picture: {0}")]
    Memory(#[from] io::Error),
}

impl From<ReplyError> for Error {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => Self::Connection(error),
            ReplyError::X11Error(error) => Self::Refused(error),
        }
    }
}

impl From<ReplyOrIdError> for Error {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::IdsExhausted => Self::Ids,
            ReplyOrIdError::ConnectionError(error) => Self::Connection(error),
            ReplyOrIdError::X11Error(error) => Self::Refused(error),
        }
    }
}

/// Calls `each` with the pixels (BGRx, tightly packed) and the time they were read, at that rate at most and then at the one it
/// answers, until it answers none or `stop` is closed.
pub(super) fn grab(
    display: &str,
    size: Resolution,
    rate: FrameRate,
    stop: &Receiver<()>,
    mut each: impl FnMut(&File, Duration) -> io::Result<Option<FrameRate>>,
) -> Result<(), Error> {
    let (connection, number) = x11::connect(display, &[])?;
    let root = connection.setup().roots[number].root;
    for extension in [shm::X11_EXTENSION_NAME, damage::X11_EXTENSION_NAME] {
        connection.extension_information(extension)?.ok_or(Error::NoExtension(extension))?;
    }
    connection.damage_query_version(1, 1)?.reply()?;
    let changes = connection.generate_id()?;
    connection.damage_create(changes, root, ReportLevel::NON_EMPTY)?.check()?;
    let (width, height) = (size.width(), size.height());
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
            let Some(rate) = each(&memory, at)? else { return Ok(()) };
            rhythm.at(rate.interval());
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
fn wait(connection: &Connection, due: Instant) -> Result<bool, Error> {
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;
    use crate::display;

    /// How often it is read at either rate.
    const FAST: usize = 20;
    const SLOW: usize = 7;

    #[tokio::test(flavor = "multi_thread")]
    async fn it_is_read_at_the_rate_that_is_wanted_last() {
        gst::init().unwrap();
        let home = tempfile::tempdir().unwrap();
        let size = Resolution::parse("size", 640, 480).unwrap();
        let display = display::start(size, None, home.path()).await.unwrap();
        let [fast, slow] = [60, 10].map(|rate| FrameRate::parse("rate", rate).unwrap());
        let reads = move || {
            let (_stop, stopped) = channel();
            let mut reads = Vec::new();
            grab(&display.name, size, fast, &stopped, |_, at| {
                reads.push(at);
                Ok((reads.len() <= FAST + SLOW).then_some(if reads.len() <= FAST { fast } else { slow }))
            })
            .map(|()| reads)
        };
        let reads = tokio::task::spawn_blocking(reads).await.unwrap().unwrap();
        let (before, after) = (reads[FAST] - reads[0], reads[FAST + SLOW] - reads[FAST]);
        println!("{FAST} in {before:?} and then {SLOW} in {after:?}");
        // Never more often than is wanted, but for the one after the change; a picture that stays is read two thirds as often.
        assert!(after >= slow.interval() * u32::try_from(SLOW - 1).unwrap(), "{after:?}");
        assert!(before < after, "{before:?} and {after:?}");
    }
}
