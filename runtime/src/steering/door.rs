//! A connection to a display that presses its keys and moves its pointer, by the XTEST extension, and owns what its spare keys write.
//!
//! Clients have to hear that a key writes something else before it is pressed. Of those that know the keyboard extension the
//! server tells no other way, yet Chromium listens to the plain `MappingNotify` alone: text would arrive, and the names of its keys
//! would be those of before. So each client is sent one. And whoever has not looked at a key's last stroke yet must not find another
//! meaning of it (`echo`).

use std::collections::{BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use understudy_core::steering::hands::{Hands, NoKey, Pixels, Stroke};
use understudy_core::steering::keymap::{Keymap, Pair};
use understudy_core::steering::keys::Layout;
use understudy_core::steering::{Act, Keysym, Motion};
use x11rb::CURRENT_TIME;
use x11rb::connection::Connection as _;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ChangeWindowAttributesAux, ConnectionExt as _,
    EventMask, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, KeyButMask, MAPPING_NOTIFY_EVENT, MOTION_NOTIFY_EVENT,
    Mapping, MappingNotifyEvent, PropMode, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::wrapper::ConnectionExt as _;

use super::clipboard::Clipboard;
use super::echo::Echo;
use crate::x11::{self, Connection};

/// After so long whoever looks at its keys at all has looked at them.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// Buttons that may be down: those of a hand.
const BUTTONS: [u8; 5] = [1, 2, 3, 8, 9];

const NUM_LOCK: Keysym = Keysym(0xff7f);
const CAPS_LOCK: Keysym = Keysym(0xffe5);

const SPARE_KEYS: &[u8] = b"UNDERSTUDY_SPARE_KEYS";

/// Of motion that is meant from where the pointer is (XTEST, `FakeInput`).
const RELATIVE: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the display cannot be reached: {0}")]
    Unreachable(#[from] ConnectError),
    #[error("the display went away: {0}")]
    Gone(#[from] ReplyOrIdError),
}

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        Self::Gone(error.into())
    }
}

impl From<ReplyError> for Error {
    fn from(error: ReplyError) -> Self {
        Self::Gone(error.into())
    }
}

/// What a display says by itself.
pub(super) enum Heard {
    Size,
    Copied(Arc<str>),
}

pub(super) struct Door {
    connection: Connection,
    root: Window,
    screen: Pixels,
    hands: Hands,
    clipboard: Clipboard,
    strokes: Vec<Stroke>,
    echo: Echo,
    /// What was heard while something else was waited for.
    unheard: VecDeque<Event>,
    /// When each key was last pressed or released.
    used: [Option<Instant>; 256],
}

impl Door {
    /// Nothing is held there afterwards, numbers are locked and capitals are not.
    pub fn open(display: &str, layout: Layout) -> Result<Self, Error> {
        let (connection, number) = x11::connect(display, &[])?;
        let root = connection.setup().roots[number].root;
        connection.xtest_get_version(2, 2)?.reply()?;
        let listens = ChangeWindowAttributesAux::new()
            .event_mask(EventMask::STRUCTURE_NOTIFY | EventMask::SUBSTRUCTURE_NOTIFY);
        connection.change_window_attributes(root, &listens)?;
        let size = connection.get_geometry(root)?.reply()?;
        let keymap = keymap(&connection, root)?;
        release_all(&connection, root)?;
        lock(&connection, root, &keymap)?;
        let clipboard = Clipboard::open(&connection, root)?;
        let echo = Echo::open(&connection)?;
        let hands = Hands::new(keymap, layout.keyboard().collect());
        connection.flush()?;
        let screen = Pixels { width: size.width, height: size.height };
        let (strokes, unheard, used) = (Vec::new(), VecDeque::new(), [None; 256]);
        Ok(Self { connection, root, screen, hands, clipboard, strokes, echo, unheard, used })
    }

    pub const fn screen(&self) -> Pixels {
        self.screen
    }

    /// Readable when the display says something.
    pub fn descriptor(&self) -> BorrowedFd<'_> {
        self.connection.stream().as_fd()
    }

    /// Is on its way with the next [`Self::flush`].
    pub fn act(&mut self, act: &Act) -> Result<Result<(), NoKey>, Error> {
        let mut strokes = std::mem::take(&mut self.strokes);
        let acted = self.hands.act(act, self.screen, &mut strokes);
        let done = strokes.drain(..).try_for_each(|stroke| self.stroke(stroke));
        self.strokes = strokes;
        done.map(|()| acted)
    }

    pub fn flush(&self) -> Result<(), Error> {
        Ok(self.connection.flush()?)
    }

    pub fn let_go(&mut self) -> Result<(), Error> {
        for stroke in self.hands.let_go() {
            self.stroke(stroke)?;
        }
        // The server has to have read it before the connection ends.
        self.connection.get_input_focus()?.reply()?;
        Ok(())
    }

    pub fn copy(&mut self, text: Arc<str>) -> Result<(), Error> {
        self.clipboard.hold(&self.connection, text)?;
        self.flush()
    }

    /// What it has said, if anything.
    pub fn hear(&mut self) -> Result<Option<Heard>, Error> {
        while let Some(event) = self.next_event()? {
            match event {
                Event::ConfigureNotify(now) if now.window == self.root => {
                    self.screen = Pixels { width: now.width, height: now.height };
                    return Ok(Some(Heard::Size));
                }
                Event::Error(error) => tracing::debug!(?error, "a display refused something"),
                event => {
                    let copied = self.clipboard.on(&self.connection, &event)?;
                    self.flush()?;
                    if let Some(text) = copied {
                        return Ok(Some(Heard::Copied(text)));
                    }
                }
            }
        }
        Ok(None)
    }

    fn next_event(&mut self) -> Result<Option<Event>, Error> {
        let unheard = self.unheard.pop_front().map(Ok);
        Ok(unheard.or_else(|| self.connection.poll_for_event().transpose()).transpose()?)
    }

    fn stroke(&mut self, stroke: Stroke) -> Result<(), Error> {
        match stroke {
            Stroke::Bind { code, writes } => self.bind(code, writes),
            Stroke::Key { motion, code } => {
                self.used[usize::from(code)] = Some(Instant::now());
                fake(&self.connection, of(motion, KEY_PRESS_EVENT, KEY_RELEASE_EVENT), code)
            }
            Stroke::Button { motion, number } => {
                fake(&self.connection, of(motion, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT), number)
            }
            Stroke::Point { x, y } => self.motion(0, x, y),
            Stroke::Move { dx, dy } => self.motion(RELATIVE, dx, dy),
        }
    }

    fn motion(&self, kind: u8, x: i16, y: i16) -> Result<(), Error> {
        let root = if kind == RELATIVE { x11rb::NONE } else { self.root };
        self.connection.xtest_fake_input(MOTION_NOTIFY_EVENT, kind, CURRENT_TIME, root, x, y, 0)?;
        Ok(())
    }

    fn bind(&mut self, code: u8, writes: Pair) -> Result<(), Error> {
        if let Some(used) = self.used[usize::from(code)].filter(|used| used.elapsed() < LOOKED_AT) {
            self.echo.wait(&self.connection, used, &mut self.unheard)?;
        }
        self.connection.change_keyboard_mapping(1, code, 2, &[writes.plain.0, writes.shifted.0])?;
        self.tell_clients()
    }

    /// Each that has a window on the screen, by any one of them: an event that nobody is asked to select goes to whose window it is.
    fn tell_clients(&self) -> Result<(), Error> {
        let setup = self.connection.setup();
        let all = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let event = MappingNotifyEvent {
            response_type: MAPPING_NOTIFY_EVENT,
            sequence: 0,
            request: Mapping::KEYBOARD,
            first_keycode: all.0,
            count: all.1,
        };
        let mut told = BTreeSet::new();
        for window in self.connection.query_tree(self.root)?.reply()?.children {
            if told.insert(window & !setup.resource_id_mask) {
                self.connection.send_event(false, window, EventMask::NO_EVENT, event)?;
            }
        }
        Ok(())
    }
}

fn fake(connection: &Connection, kind: u8, detail: u8) -> Result<(), Error> {
    connection.xtest_fake_input(kind, detail, CURRENT_TIME, x11rb::NONE, 0, 0, 0)?;
    Ok(())
}

const fn of(motion: Motion, down: u8, up: u8) -> u8 {
    match motion {
        Motion::Down => down,
        Motion::Up => up,
    }
}

/// Keys that a connection before this one gave a meaning are known by a property of the root window.
fn keymap(connection: &Connection, root: Window) -> Result<Keymap, Error> {
    let (first, last) = (connection.setup().min_keycode, connection.setup().max_keycode);
    let property = connection.intern_atom(false, SPARE_KEYS)?.reply()?.atom;
    let kind = AtomEnum::CARDINAL;
    let before = connection.get_property(false, root, property, kind, 0, 256 / 4)?.reply()?.value;
    let told = connection.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let keymap = Keymap::read(first, told.keysyms_per_keycode.into(), &told.keysyms, &before);
    let spare: Vec<u8> = keymap.spare().collect();
    connection.change_property8(PropMode::REPLACE, root, property, kind, &spare)?;
    Ok(keymap)
}

/// Whatever somebody left down who had no time to let go: keys stay down after the connection that pressed them.
fn release_all(connection: &Connection, root: Window) -> Result<(), Error> {
    let keys = connection.query_keymap()?.reply()?.keys;
    for code in (u8::MIN..=u8::MAX).filter(|code| keys[usize::from(code / 8)] >> (code % 8) & 1 == 1) {
        fake(connection, KEY_RELEASE_EVENT, code)?;
    }
    let held = u16::from(connection.query_pointer(root)?.reply()?.mask);
    // The first three are in the mask from its ninth bit on; of the others it says nothing.
    for button in BUTTONS.into_iter().filter(|button| *button > 3 || held >> (7 + button) & 1 == 1) {
        fake(connection, BUTTON_RELEASE_EVENT, button)?;
    }
    Ok(())
}

/// Digits of the keypad are digits, and letters are small.
fn lock(connection: &Connection, root: Window, keymap: &Keymap) -> Result<(), Error> {
    let locked = connection.query_pointer(root)?.reply()?.mask;
    let wrong =
        [(NUM_LOCK, !locked.contains(KeyButMask::MOD2)), (CAPS_LOCK, locked.contains(KeyButMask::LOCK))];
    let keys = wrong.into_iter().filter(|(_, is_wrong)| *is_wrong);
    for code in keys.filter_map(|(keysym, _)| keymap.plain(keysym)) {
        fake(connection, KEY_PRESS_EVENT, code)?;
        fake(connection, KEY_RELEASE_EVENT, code)?;
    }
    Ok(())
}
