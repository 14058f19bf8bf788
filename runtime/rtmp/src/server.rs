//! The end that is connected to: it plays to some, and takes what others publish.
//!
//! ```text
//!   connect ──> Connect ── admit ──> createStream, play ───> Play ──── play ────> send … end
//!                  │ reject                     publish ───> Publish ─ publish ─> Media … Ended
//!                  v                                            │ refuse
//!               a word that says why <──────────────────────────┘
//! ```
//! Whoever owns it answers each question; what real clients ask beside that is answered here. No command ends a connection.

mod commands;

use std::collections::BTreeMap;

use crate::Fault;
use crate::amf::Value;
use crate::announced::Announced;
use crate::command::{Code, on_status, result, told};
use crate::flv::{Kind, Media, sample_access, without_set_data_frame};
use crate::handshake::{Handshake, Random};
use crate::link::{COMMAND_BYTES, Link, WINDOW_BYTES};
use crate::message::{Command, Message};
use crate::outbox::Outbox;

/// Nearly each message of media is one chunk, so that all that differs between players is a header. A keyframe of 2.5 Mbit/s
/// has some hundred kilobytes.
const CHUNK_BYTES: u32 = 256 << 10;

/// What a publisher sends at once: a keyframe of 4K has about 2 MiB.
const MEDIA_BYTES: usize = 4 << 20;

/// Of one connection. Real clients use one; some open a second before they leave the first.
const MOST_STREAMS: usize = 8;

#[derive(Debug)]
pub struct Server {
    link: Link,
    connection: Connection,
    streams: BTreeMap<u32, Use>,
    next_stream: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Connection {
    /// Nothing but a `connect` is answered.
    New,
    /// It has asked, with this number.
    Asked(f64),
    Admitted,
    Rejected,
}

/// What a stream is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Nothing,
    AskedToPlay,
    Playing,
    AskedToPublish,
    Publishing,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// To be admitted or rejected.
    Connect(Connect),
    /// To be played to or refused. `name` is as the client wrote it, with its query.
    Play { stream: u32, name: String },
    /// To be taken or refused.
    Publish { stream: u32, name: String },
    /// A player wants nothing for a while, or goes on.
    Pause { stream: u32, paused: bool },
    /// Of somebody who publishes; metadata among it.
    Media { stream: u32, media: Media },
    /// That stream was left by the client.
    Ended { stream: u32 },
}

/// What a client says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Connect {
    pub app: String,
    pub url: String,
    pub announced: Announced,
}

impl Server {
    pub fn new(random: Random) -> Self {
        Self {
            link: Link::new(Handshake::listen(random), Outbox::default()),
            connection: Connection::New,
            streams: BTreeMap::new(),
            next_stream: 1,
        }
    }

    /// Gives it what came. [`Self::poll`] until there is nothing before the next.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.link.feed(bytes);
    }

    pub fn outbox(&mut self) -> &mut Outbox {
        self.link.out()
    }

    /// Whether the handshake is over.
    pub const fn is_open(&self) -> bool {
        self.link.is_open()
    }

    /// What happened next, of what was fed.
    pub fn poll(&mut self) -> Result<Option<Event>, Fault> {
        while let Some(message) = self.link.poll()? {
            let event = match message {
                Message::Command { stream, command } => self.asked(stream, &command),
                Message::Media { stream, media } => self.media(stream, media),
                _ => None,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Answers a `connect`.
    pub fn admit(&mut self, announced: &Announced) {
        let Connection::Asked(transaction) = self.connection else { return };
        self.connection = Connection::Admitted;
        self.link.send(&Message::Window(WINDOW_BYTES));
        self.link.send(&Message::Bandwidth(WINDOW_BYTES));
        self.link.chunks_of(CHUNK_BYTES);
        let server = [("fmsVer", Value::text("FMS/3,5,7,7009")), ("capabilities", Value::Number(31.0))];
        let mut admitted = told("status", "NetConnection.Connect.Success", "you are connected");
        if let Value::Object(members) = &mut admitted {
            members.push(("objectEncoding".to_owned(), Value::Number(0.0)));
            members.extend(announced.answer().map(|(name, value)| (name.to_owned(), value)));
        }
        self.link.command(0, result(transaction, vec![Value::object(server), admitted]));
    }

    /// Refuses a `connect`. What comes after it is not answered.
    pub fn reject(&mut self, why: &str) {
        let Connection::Asked(transaction) = self.connection else { return };
        self.connection = Connection::Rejected;
        self.link.command(0, crate::command::error(transaction, Code::ConnectRejected.word(), why));
    }

    /// From now on [`Self::send`] reaches that player.
    pub fn play(&mut self, stream: u32) {
        if !self.change(stream, Use::AskedToPlay, Use::Playing) {
            return;
        }
        self.link.send(&Message::Begin(stream));
        self.say(stream, "NetStream.Play.Reset", "it begins anew");
        self.say(stream, "NetStream.Play.Start", "it begins");
        self.link.media(stream, &Media { kind: Kind::Data, timestamp: 0, body: sample_access() });
    }

    /// From now on what comes on that stream is told.
    pub fn publish(&mut self, stream: u32) {
        if !self.change(stream, Use::AskedToPublish, Use::Publishing) {
            return;
        }
        self.link.take_messages_of(MEDIA_BYTES);
        self.link.send(&Message::Begin(stream));
        self.say(stream, "NetStream.Publish.Start", "you are on air");
    }

    /// Refuses a play or publish that was asked for, or ends one that went on.
    pub fn refuse(&mut self, stream: u32, code: Code, why: &str) {
        if let Some(used) = self.streams.get_mut(&stream) {
            *used = Use::Nothing;
            self.link.command(stream, on_status("error", code.word(), why));
        }
    }

    /// To a player. The body is shared by all whom it is sent to.
    pub fn send(&mut self, stream: u32, media: &Media) {
        self.link.media(stream, media);
    }

    /// Tells a player that there is no more.
    pub fn end(&mut self, stream: u32) {
        if self.change(stream, Use::Playing, Use::Nothing) {
            self.link.send(&Message::End(stream));
            self.say(stream, "NetStream.Play.UnpublishNotify", "it has ended");
            self.say(stream, "NetStream.Play.Stop", "it has ended");
        }
    }

    /// False: it is not used so.
    fn change(&mut self, stream: u32, from: Use, to: Use) -> bool {
        match self.streams.get_mut(&stream) {
            Some(used) if *used == from => {
                *used = to;
                true
            }
            _ => false,
        }
    }

    fn media(&mut self, stream: u32, mut media: Media) -> Option<Event> {
        // What a player or a refused publisher sends is for nobody.
        if self.streams.get(&stream) != Some(&Use::Publishing) {
            return None;
        }
        if media.kind == Kind::Data {
            media.body = without_set_data_frame(&media.body);
        }
        Some(Event::Media { stream, media })
    }

    fn say(&mut self, stream: u32, code: &str, description: &str) {
        self.link.command(stream, on_status("status", code, description));
    }

    /// The longest message that is taken again follows from what is published.
    fn leave(&mut self, stream: u32) -> Option<Event> {
        let used = self.streams.get_mut(&stream)?;
        let before = std::mem::replace(used, Use::Nothing);
        if !self.streams.values().any(|used| *used == Use::Publishing) {
            self.link.take_messages_of(COMMAND_BYTES);
        }
        (before != Use::Nothing).then_some(Event::Ended { stream })
    }

    fn asked(&mut self, stream: u32, command: &Command) -> Option<Event> {
        match self.connection {
            Connection::New => self.connect(command),
            Connection::Admitted => self.answer(stream, command),
            Connection::Asked(_) | Connection::Rejected => None,
        }
    }
}
