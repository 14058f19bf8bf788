//! The clipboard of a display (ICCCM §2, selection `CLIPBOARD`): a text of ours for whoever pastes, and what others copy.
//!
//! Texts alone, whole or not at all: neither in pieces (`INCR`), nor as anything but UTF-8.

use std::sync::Arc;
use std::time::{Duration, Instant};

use understudy_core::steering::clipboard::LONGEST_BYTES;
use x11rb::connection::RequestConnection as _;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xfixes::{ConnectionExt as _, SelectionEventMask};
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ConnectionExt as _, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT, CURRENT_TIME, NONE};

use crate::x11::Connection;

/// What a request is besides what it carries.
const REQUEST_BYTES: usize = 64;

/// A page that is asked for what was copied there answers at once; one that does so later may mean something else.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);

/// As properties are measured.
const WORD_BYTES: usize = 4;

x11rb::atom_manager! {
    Atoms: AtomsCookie {
        CLIPBOARD,
        TARGETS,
        UTF8_STRING,
        TEXT,
        MIME_UTF8: b"text/plain;charset=utf-8",
        MIME: b"text/plain",
        COPIED: b"UNDERSTUDY_COPIED",
    }
}

pub(super) struct Clipboard {
    /// Never seen; it owns, and is answered.
    window: Window,
    atoms: Atoms,
    /// While it is ours.
    held: Option<Arc<str>>,
    asked: Option<Instant>,
}

impl Clipboard {
    /// Hears of all that is copied from now on.
    pub fn open(connection: &Connection, root: Window) -> Result<Self, ReplyOrIdError> {
        use x11rb::connection::Connection as _;
        let atoms = Atoms::new(connection)?.reply()?;
        connection.xfixes_query_version(5, 0)?.reply()?;
        let window = connection.generate_id()?;
        let (class, aux) = (WindowClass::INPUT_ONLY, CreateWindowAux::new());
        let depth = COPY_DEPTH_FROM_PARENT;
        connection.create_window(depth, window, root, -1, -1, 1, 1, 0, class, COPY_FROM_PARENT, &aux)?;
        let owner = SelectionEventMask::SET_SELECTION_OWNER;
        connection.xfixes_select_selection_input(window, atoms.CLIPBOARD, owner)?;
        Ok(Self { window, atoms, held: None, asked: None })
    }

    /// Whoever pastes from now on is given it.
    pub fn hold(&mut self, connection: &Connection, text: Arc<str>) -> Result<(), ReplyOrIdError> {
        if text.len() + REQUEST_BYTES > connection.maximum_request_bytes() {
            tracing::warn!(bytes = text.len(), "a text is too long for the display");
            return Ok(());
        }
        connection.set_selection_owner(self.window, self.atoms.CLIPBOARD, CURRENT_TIME)?;
        self.held = Some(text);
        Ok(())
    }

    /// What somebody copied, once it is there.
    pub fn on(&mut self, connection: &Connection, event: &Event) -> Result<Option<Arc<str>>, ReplyOrIdError> {
        match event {
            Event::SelectionRequest(request) => self.give(connection, request)?,
            Event::SelectionClear(clear) if clear.owner == self.window => self.held = None,
            Event::XfixesSelectionNotify(told) if ![self.window, NONE].contains(&told.owner) => {
                let Atoms { CLIPBOARD: from, UTF8_STRING: as_text, COPIED: to, .. } = self.atoms;
                connection.convert_selection(self.window, from, as_text, to, told.timestamp)?;
                self.asked = Some(Instant::now());
            }
            Event::SelectionNotify(told) if told.requestor == self.window => {
                let in_time = self.asked.take().is_some_and(|asked| asked.elapsed() < ANSWER_DEADLINE);
                if in_time && told.property == self.atoms.COPIED {
                    return self.read(connection);
                }
            }
            _ => {}
        }
        Ok(None)
    }

    fn read(&self, connection: &Connection) -> Result<Option<Arc<str>>, ReplyOrIdError> {
        let (any, property) = (AtomEnum::ANY, self.atoms.COPIED);
        let words = u32::try_from(LONGEST_BYTES / WORD_BYTES).unwrap_or(u32::MAX);
        let told = connection.get_property(true, self.window, property, any, 0, words)?.reply()?;
        let is_whole = told.type_ == self.atoms.UTF8_STRING && told.bytes_after == 0;
        if !is_whole {
            connection.delete_property(self.window, property)?;
            return Ok(None);
        }
        Ok(String::from_utf8(told.value).ok().map(Arc::from))
    }

    fn give(&self, connection: &Connection, request: &SelectionRequestEvent) -> Result<(), ReplyOrIdError> {
        // Who is of before there were properties to name means its target (ICCCM §2.2).
        let property = if request.property == NONE { request.target } else { request.property };
        let given = self.put(connection, request.requestor, request.target, property)?;
        let notice = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: request.requestor,
            selection: request.selection,
            target: request.target,
            property: if given { property } else { NONE },
        };
        connection.send_event(false, request.requestor, EventMask::NO_EVENT, notice)?;
        Ok(())
    }

    /// Whether there is something of that kind.
    fn put(
        &self,
        connection: &Connection,
        window: Window,
        target: Atom,
        property: Atom,
    ) -> Result<bool, ReplyOrIdError> {
        let Some(text) = &self.held else { return Ok(false) };
        let Atoms { TARGETS, UTF8_STRING, TEXT, MIME_UTF8, MIME, .. } = self.atoms;
        let (mode, texts) = (PropMode::REPLACE, [UTF8_STRING, TEXT, MIME_UTF8, MIME]);
        if target == TARGETS {
            let all: Vec<Atom> = [TARGETS].into_iter().chain(texts).collect();
            connection.change_property32(mode, window, property, AtomEnum::ATOM, &all)?;
        } else if texts.contains(&target) {
            let kind = if target == TEXT { UTF8_STRING } else { target };
            connection.change_property8(mode, window, property, kind, text.as_bytes())?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
