//! The end that connects, to publish elsewhere.
//!
//! ```text
//!   handshake ──> connect ──> releaseStream, FCPublish, createStream ──> publish ──> media … finish
//!       │            │ rejected, redirected          │ refused              │ bad name, denied
//!       └────────────┴───────────────────────────────┴──────────────────────┴──> Refused
//! ```

mod refused;
mod target;

pub use refused::Refused;
pub use target::{BadTarget, Target};

use crate::amf::Value;
use crate::flv::Media;
use crate::handshake::{Handshake, Random};
use crate::link::Link;
use crate::message::{Command, Message};
use crate::outbox::Outbox;

/// What OBS and ffmpeg's kin send: every server takes it, and some hold a buffer of that size for each message.
const CHUNK_BYTES: u32 = 4096;

/// As which encoder we come: destinations look for this one's name.
const NAME: &str = "FMLE/3.0 (compatible; Understudy)";

/// Numbers of our questions.
const CONNECT: f64 = 1.0;
const RELEASE: f64 = 2.0;
const FC_PUBLISH: f64 = 3.0;
const CREATE: f64 = 4.0;
const PUBLISH: f64 = 5.0;
const FC_UNPUBLISH: f64 = 6.0;

#[derive(Debug)]
pub struct Client {
    link: Link,
    target: Target,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    Connecting,
    Creating,
    Asking { stream: u32 },
    Publishing { stream: u32 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Media may be sent.
    Publishing,
    /// So many bytes have come there, of all there ever were, modulo 2³².
    Acknowledged(u32),
}

impl Client {
    pub fn new(target: Target, random: Random) -> Self {
        let mut out = Outbox::default();
        let handshake = Handshake::call(random, &mut out);
        Self { link: Link::new(handshake, out), target, state: State::Greeting }
    }

    /// Gives it what came. [`Self::poll`] until there is nothing before the next.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.link.feed(bytes);
    }

    pub fn outbox(&mut self) -> &mut Outbox {
        self.link.out()
    }

    /// What happened next, of what was fed.
    pub fn poll(&mut self) -> Result<Option<Event>, Refused> {
        loop {
            let message = self.link.poll()?;
            if self.state == State::Greeting && self.link.is_open() {
                self.connect();
            }
            let event = match message {
                None => return Ok(None),
                Some(Message::Command { command, .. }) => self.heard(&command)?,
                Some(Message::Acknowledged(bytes)) => Some(Event::Acknowledged(bytes)),
                Some(_) => None,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// What is sent before it is asked for goes nowhere.
    pub fn send(&mut self, media: &Media) {
        if let State::Publishing { stream } = self.state {
            self.link.media(stream, media);
        }
    }

    /// Says that nothing more comes.
    pub fn finish(&mut self) {
        let State::Publishing { stream } = self.state else { return };
        let key = Value::text(self.target.key());
        self.ask(0, "FCUnpublish", FC_UNPUBLISH, vec![Value::Null, key]);
        self.ask(0, "deleteStream", 0.0, vec![Value::Null, Value::Number(stream.into())]);
    }

    fn connect(&mut self) {
        self.state = State::Connecting;
        self.link.chunks_of(CHUNK_BYTES);
        let about = Value::object([
            ("app", Value::text(self.target.app())),
            ("type", Value::text("nonprivate")),
            ("flashVer", Value::text(NAME)),
            ("swfUrl", Value::text(self.target.url())),
            ("tcUrl", Value::text(self.target.url())),
        ]);
        self.ask(0, "connect", CONNECT, vec![about]);
    }

    fn heard(&mut self, command: &Command) -> Result<Option<Event>, Refused> {
        match (command.name.as_str(), self.state) {
            ("_result", State::Connecting) if command.transaction == CONNECT => self.create(),
            ("_result", State::Creating) if command.transaction == CREATE => self.publish(command),
            // What some servers do not know of the rest does not matter.
            ("_error", State::Connecting) if command.transaction == CONNECT => {
                return Err(Refused::told(command, &self.target));
            }
            ("_error", State::Creating) if command.transaction == CREATE => {
                return Err(Refused::told(command, &self.target));
            }
            ("_error", State::Asking { .. }) if command.transaction == PUBLISH => {
                return Err(Refused::told(command, &self.target));
            }
            ("onStatus", state) => return self.status(command, state),
            ("close", _) => return Err(Refused::Ended("the server closed the connection".to_owned())),
            _ => {}
        }
        Ok(None)
    }

    fn create(&mut self) {
        self.state = State::Creating;
        let key = self.target.key().to_owned();
        for (name, number) in [("releaseStream", RELEASE), ("FCPublish", FC_PUBLISH)] {
            self.ask(0, name, number, vec![Value::Null, Value::text(key.as_str())]);
        }
        self.ask(0, "createStream", CREATE, vec![Value::Null]);
    }

    fn publish(&mut self, command: &Command) {
        let stream = command.number(0).unwrap_or(1.0) as u32;
        self.state = State::Asking { stream };
        let key = Value::text(self.target.key());
        self.ask(stream, "publish", PUBLISH, vec![Value::Null, key, Value::text("live")]);
    }

    fn status(&mut self, command: &Command, state: State) -> Result<Option<Event>, Refused> {
        let about = command.arguments.iter().find(|value| value.member("code").is_some());
        let text =
            |name| about.and_then(|about| about.member(name)).and_then(Value::as_text).unwrap_or_default();
        match (text("code"), text("level"), state) {
            ("NetStream.Publish.Start", _, State::Asking { stream }) => {
                self.state = State::Publishing { stream };
                Ok(Some(Event::Publishing))
            }
            (_, "error", _) | ("NetStream.Unpublish.Success" | "NetConnection.Connect.Closed", ..) => {
                Err(Refused::told(command, &self.target))
            }
            _ => Ok(None),
        }
    }

    fn ask(&mut self, stream: u32, name: &str, transaction: f64, arguments: Vec<Value>) {
        self.link.command(stream, Command { name: name.to_owned(), transaction, arguments });
    }
}
