//! Whether the client that has the keyboard has looked at all that it was sent: the ping of window managers (EWMH, `_NET_WM_PING`) is
//! answered in its turn, after the keys that came before it. Chromium does so within a millisecond, or as late as it is.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use x11rb::connection::Connection as _;
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, EventMask, InputFocus, Window,
};

use crate::x11::Connection;

/// Whoever is later stands still: what it finds when it goes on may be another character.
const PATIENCE: Duration = Duration::from_millis(500);

/// For clients that answer no pings.
const REST: Duration = Duration::from_millis(50);

/// More protocols than there are.
const PROTOCOLS: u32 = 32;

pub(super) struct Echo {
    protocols: Atom,
    ping: Atom,
    asked: u32,
    /// All that was sent before has been looked at.
    clear: Instant,
}

impl Echo {
    pub fn open(connection: &Connection) -> Result<Self, ReplyError> {
        let atom = |name: &[u8]| Ok::<_, ReplyError>(connection.intern_atom(false, name)?.reply()?.atom);
        let (protocols, ping) = (atom(b"WM_PROTOCOLS")?, atom(b"_NET_WM_PING")?);
        Ok(Self { protocols, ping, asked: 0, clear: Instant::now() })
    }

    /// Returns when what was sent until `then` has been looked at, or nobody says so. Whatever else is heard meanwhile is added to
    /// `unheard`.
    pub fn wait(
        &mut self,
        connection: &Connection,
        then: Instant,
        unheard: &mut VecDeque<Event>,
    ) -> Result<(), ReplyOrIdError> {
        if then < self.clear {
            return Ok(());
        }
        let asked_at = Instant::now();
        if self.ask(connection)? {
            self.answer(connection, asked_at + PATIENCE, unheard)?;
        } else {
            std::thread::park_timeout(REST.saturating_sub(then.elapsed()));
        }
        self.clear = asked_at;
        Ok(())
    }

    /// Whether whoever has the keyboard will answer.
    fn ask(&mut self, connection: &Connection) -> Result<bool, ReplyOrIdError> {
        let window = connection.get_input_focus()?.reply()?.focus;
        if window <= u32::from(u8::from(InputFocus::POINTER_ROOT)) || !self.is_answered(connection, window)? {
            connection.flush()?;
            return Ok(false);
        }
        self.asked = self.asked.wrapping_add(1);
        let data = [self.ping, self.asked, window, 0, 0];
        let ping = ClientMessageEvent::new(32, window, self.protocols, data);
        connection.send_event(false, window, EventMask::NO_EVENT, ping)?;
        connection.flush()?;
        Ok(true)
    }

    fn is_answered(&self, connection: &Connection, window: Window) -> Result<bool, ReplyOrIdError> {
        let kind = AtomEnum::ATOM;
        match connection.get_property(false, window, self.protocols, kind, 0, PROTOCOLS)?.reply() {
            Ok(told) => Ok(told.value32().into_iter().flatten().any(|atom| atom == self.ping)),
            // It has gone meanwhile.
            Err(ReplyError::X11Error(_)) => Ok(false),
            Err(ReplyError::ConnectionError(error)) => Err(error.into()),
        }
    }

    fn answer(
        &self,
        connection: &Connection,
        until: Instant,
        unheard: &mut VecDeque<Event>,
    ) -> Result<(), ReplyOrIdError> {
        loop {
            while let Some(event) = connection.poll_for_event()? {
                if self.is_answer(&event) {
                    return Ok(());
                }
                unheard.push_back(event);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::debug!("whoever has the keyboard does not look at it");
                return Ok(());
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            // What fails here fails with the next request.
            let _ = poll(&mut [PollFd::new(connection.stream().as_fd(), PollFlags::POLLIN)], timeout);
        }
    }

    fn is_answer(&self, event: &Event) -> bool {
        let Event::ClientMessage(message) = event else { return false };
        let [ping, asked, ..] = message.data.as_data32();
        message.type_ == self.protocols && (ping, asked) == (self.ping, self.asked)
    }
}
