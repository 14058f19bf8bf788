//! What the kernel still has of what was written to a connection: sent and not acknowledged, or not even sent.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::libc;

mod kernel {
    nix::ioctl_read_bad!(unacknowledged, nix::libc::TIOCOUTQ, nix::libc::c_int);
}

/// A second handle on a connection, for whoever holds the first within TLS.
#[derive(Debug)]
pub(super) struct Queue(OwnedFd);

impl Queue {
    pub(super) fn of(connection: &impl AsFd) -> io::Result<Self> {
        connection.as_fd().try_clone_to_owned().map(Self)
    }

    /// Bytes (`SIOCOUTQ`, tcp(7)).
    pub(super) fn unacknowledged(&self) -> io::Result<u64> {
        let mut bytes: libc::c_int = 0;
        #[expect(unsafe_code, reason = "the kernel writes the one int that is given to it")]
        unsafe {
            kernel::unacknowledged(self.0.as_raw_fd(), &raw mut bytes)?;
        }
        Ok(u64::try_from(bytes).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_a_peer_has_no_room_for_is_not_acknowledged() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut from = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut to, _) = listener.accept().unwrap();
        let queue = Queue::of(&from).unwrap();
        assert_eq!(queue.unacknowledged().unwrap(), 0);
        from.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(bytes) = from.write(&[0; 1 << 16]) {
            written += bytes as u64;
        }
        let waits = queue.unacknowledged().unwrap();
        assert!(waits > 0 && waits < written, "{waits} of {written}");
        let mut read = vec![0; usize::try_from(written).unwrap()];
        to.read_exact(&mut read).unwrap();
        while queue.unacknowledged().unwrap() > 0 {
            std::thread::yield_now(); // The last acknowledgement is on its way.
        }
    }
}
