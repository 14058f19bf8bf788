//! Connections to an X server, none of whose waits is without end: a server that is stopped says nothing and hangs up on
//! nobody.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect as dial, socket};
use x11rb::errors::ConnectError;
use x11rb::reexports::x11rb_protocol;
use x11rb::rust_connection::{DefaultStream, PollMode, RustConnection, Stream};
use x11rb::utils::RawFdContainer;

/// A server on this machine answers within milliseconds; one that is silent for so long has been stopped.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// Of the X protocol.
pub(crate) const COOKIE: &str = "MIT-MAGIC-COOKIE-1";

/// Whatever waits for an answer fails after the deadline.
pub(crate) type Connection = RustConnection<Patient>;

/// A socket whose waits end.
#[derive(Debug)]
pub(crate) struct Patient(DefaultStream);

/// Connects to the display of that name (as in `DISPLAY`, `:7`) on this machine, with its cookie or as its user; also the
/// number of its screen.
pub(crate) fn connect(display: &str, cookie: &[u8]) -> Result<(Connection, usize), ConnectError> {
    let display = x11rb_protocol::parse_display::parse_display(Some(display))?;
    let (stream, _) = DefaultStream::from_unix_stream(reach(display.display)?)?;
    let (screen, name) = (display.screen.into(), if cookie.is_empty() { "" } else { COOKIE });
    let (name, cookie) = (name.as_bytes().to_vec(), cookie.to_vec());
    Ok((RustConnection::connect_to_stream_with_auth_info(Patient(stream), screen, name, cookie)?, screen))
}

/// By its abstract name first, which needs no directory that the server may write to.
fn reach(number: u16) -> io::Result<UnixStream> {
    let path = format!("/tmp/.X11-unix/X{number}");
    let kinds = (SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK);
    let attempt = |address: UnixAddr| -> nix::Result<UnixStream> {
        let socket = socket(AddressFamily::Unix, kinds.0, kinds.1, None)?;
        // A server that accepts nobody any more has a full queue: an error at once, as nothing here waits.
        dial(socket.as_raw_fd(), &address)?;
        Ok(socket.into())
    };
    let named = UnixAddr::new_abstract(path.as_bytes()).and_then(attempt);
    Ok(named.or_else(|_| UnixAddr::new(path.as_str()).and_then(attempt))?)
}

impl AsFd for Patient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Stream for Patient {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::POLLIN, mode.readable());
        wanted.set(PollFlags::POLLOUT, mode.writable());
        let timeout = PollTimeout::try_from(ANSWER_DEADLINE).unwrap_or(PollTimeout::MAX);
        loop {
            match poll(&mut [PollFd::new(self.as_fd(), wanted)], timeout) {
                Ok(0) => {
                    let silent = format!("no answer within {} s", ANSWER_DEADLINE.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, silent));
                }
                Err(nix::Error::EINTR) => {}
                told => return Ok(told.map(drop)?),
            }
        }
    }

    fn read(&self, bytes: &mut [u8], descriptors: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.0.read(bytes, descriptors)
    }

    fn write(&self, bytes: &[u8], descriptors: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.0.write(bytes, descriptors)
    }

    fn write_vectored(
        &self,
        parts: &[IoSlice<'_>],
        descriptors: &mut Vec<RawFdContainer>,
    ) -> io::Result<usize> {
        self.0.write_vectored(parts, descriptors)
    }
}
