//! Where what is to be done at a desk waits for the thread that does it, and what wakes that thread: a byte in a socket, so that
//! it can wait for the display as well.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use parking_lot::Mutex;
use understudy_core::steering::keys::Layout;
use understudy_core::steering::line::{Errand, Full, Line};

#[derive(Debug)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    bell: UnixStream,
    ear: UnixStream,
}

#[derive(Debug, Default)]
struct State {
    line: Line,
    /// Another display, or none, since it was asked for last.
    display: Option<Option<String>>,
    /// Another keyboard, since it was asked for last.
    layout: Option<Layout>,
    is_closed: bool,
    /// Since it was listened to last.
    has_rung: bool,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Mail {
    Errand(Errand),
    Display(Option<String>),
    Layout(Layout),
    End,
}

impl Mailbox {
    pub fn open() -> io::Result<Self> {
        let (bell, ear) = UnixStream::pair()?;
        for end in [&bell, &ear] {
            end.set_nonblocking(true)?;
        }
        Ok(Self { state: Mutex::default(), bell, ear })
    }

    pub fn push(&self, errand: Errand) -> Result<(), Full> {
        self.ring(|state| state.line.push(errand))
    }

    pub fn display(&self, name: Option<String>) {
        self.ring(|state| state.display = Some(name));
    }

    pub fn lay_out(&self, layout: Layout) {
        self.ring(|state| state.layout = Some(layout));
    }

    pub fn close(&self) {
        self.ring(|state| state.is_closed = true);
    }

    /// What is to be done next, if anything is.
    pub fn next(&self) -> Option<Mail> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Some(Mail::End);
        }
        let layout = state.layout.take().map(Mail::Layout);
        let display = layout.or_else(|| state.display.take().map(Mail::Display));
        display.or_else(|| state.line.take().map(Mail::Errand))
    }

    /// Whatever is put here from now on rings. To be asked before [`Self::next`].
    pub fn listen(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.has_rung) {
            // One byte at most is there; it is there before this is unlocked.
            let _ = (&self.ear).read(&mut [0; 8]);
        }
    }

    /// Readable once it has rung.
    pub fn ear(&self) -> BorrowedFd<'_> {
        self.ear.as_fd()
    }

    fn ring<T>(&self, put: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let put = put(&mut state);
        if !std::mem::replace(&mut state.has_rung, true)
            && let Err(error) = (&self.bell).write(&[1])
            && error.kind() != ErrorKind::WouldBlock
        {
            tracing::error!(%error, "a desk cannot be woken");
        }
        put
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use understudy_core::steering::Peer;

    use super::*;

    fn has_rung(mailbox: &Mailbox) -> bool {
        let mut ears = [PollFd::new(mailbox.ear(), PollFlags::POLLIN)];
        poll(&mut ears, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn it_rings_for_all_that_comes_after_it_was_listened_to() {
        let mailbox = Mailbox::open().unwrap();
        assert!(!has_rung(&mailbox));
        for peer in [Peer(1), Peer(2)] {
            mailbox.push(Errand::Leave(peer)).unwrap();
        }
        assert!(has_rung(&mailbox));
        mailbox.listen();
        assert!(!has_rung(&mailbox));
        mailbox.push(Errand::Leave(Peer(3))).unwrap();
        assert!(has_rung(&mailbox));
    }

    #[test]
    fn another_display_comes_before_what_is_to_be_done_there_and_the_end_before_all() {
        let mailbox = Mailbox::open().unwrap();
        mailbox.push(Errand::Leave(Peer(1))).unwrap();
        mailbox.display(None);
        mailbox.display(Some(":7".to_owned()));
        assert!(matches!(mailbox.next(), Some(Mail::Display(Some(name))) if name == ":7"));
        mailbox.close();
        assert!(matches!(mailbox.next(), Some(Mail::End)));
    }
}
