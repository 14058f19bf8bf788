//! What clients ask for by name, and what they are told at once.

use super::{Connect, Connection, Event, MOST_STREAMS, Server, Use};
use crate::amf::Value;
use crate::announced::Announced;
use crate::command::{error, result, told};
use crate::message::Command;

impl Server {
    pub(super) fn connect(&mut self, command: &Command) -> Option<Event> {
        if command.name != "connect" {
            return None;
        }
        self.connection = Connection::Asked(command.transaction);
        let nothing = Value::Null;
        let object = command.arguments.first().unwrap_or(&nothing);
        let text = |name| object.member(name).and_then(Value::as_text).unwrap_or_default().to_owned();
        Some(Event::Connect(Connect {
            app: text("app"),
            url: text("tcUrl"),
            announced: Announced::read(object),
        }))
    }

    pub(super) fn answer(&mut self, stream: u32, command: &Command) -> Option<Event> {
        let name = || command.text(0).unwrap_or_default().to_owned();
        match command.name.as_str() {
            "createStream" => self.create(command.transaction),
            "play" => {
                return self.ask(stream, Use::AskedToPlay).then(|| Event::Play { stream, name: name() });
            }
            "publish" => {
                return self
                    .ask(stream, Use::AskedToPublish)
                    .then(|| Event::Publish { stream, name: name() });
            }
            "deleteStream" => {
                let stream = command.number(0).unwrap_or_default() as u32;
                let event = self.leave(stream);
                self.streams.remove(&stream);
                return event;
            }
            "closeStream" => return self.leave(stream),
            "pause" => return self.pause(stream, command),
            "FCPublish" => self.notify("onFCPublish", "NetStream.Publish.Start", &name()),
            "FCUnpublish" => self.notify("onFCUnpublish", "NetStream.Unpublish.Success", &name()),
            "FCSubscribe" => self.notify("onFCSubscribe", "NetStream.Play.Start", &name()),
            "releaseStream" | "_checkbw" | "checkBandwidth" => self.reply(command, vec![Value::Null]),
            // What is live has none.
            "getStreamLength" => self.reply(command, vec![Value::Null, Value::Number(0.0)]),
            _ => self.unknown(command),
        }
        None
    }

    fn create(&mut self, transaction: f64) {
        if self.streams.len() == MOST_STREAMS {
            let full = error(transaction, "NetConnection.Call.Failed", "there are too many streams");
            return self.link.command(0, full);
        }
        let number = self.next_stream;
        self.next_stream = number.wrapping_add(1).max(1);
        self.streams.insert(number, Use::Nothing);
        self.link.command(0, result(transaction, vec![Value::Null, Value::Number(number.into())]));
    }

    /// Whether the stream can be used so. Some never create the stream that they name.
    fn ask(&mut self, stream: u32, wish: Use) -> bool {
        if self.streams.len() == MOST_STREAMS && !self.streams.contains_key(&stream) {
            return false;
        }
        let used = self.streams.entry(stream).or_insert(Use::Nothing);
        let free = *used == Use::Nothing;
        if free {
            *used = wish;
        }
        free
    }

    fn pause(&mut self, stream: u32, command: &Command) -> Option<Event> {
        let paused = matches!(command.arguments.get(1), Some(Value::Boolean(true)));
        if self.streams.get(&stream) != Some(&Use::Playing) {
            return None;
        }
        let code = if paused { "NetStream.Pause.Notify" } else { "NetStream.Unpause.Notify" };
        self.say(stream, code, "as you say");
        Some(Event::Pause { stream, paused })
    }

    fn notify(&mut self, name: &str, code: &str, about: &str) {
        let arguments = vec![Value::Null, told("status", code, about)];
        self.link.command(0, Command { name: name.into(), transaction: 0.0, arguments });
    }

    fn reply(&mut self, command: &Command, arguments: Vec<Value>) {
        if command.transaction != 0.0 {
            self.link.command(0, result(command.transaction, arguments));
        }
    }

    /// An answer to a question of ours is none.
    fn unknown(&mut self, command: &Command) {
        if command.transaction != 0.0 && !command.name.starts_with('_') {
            let unknown = error(command.transaction, "NetConnection.Call.Failed", "there is no such command");
            self.link.command(0, unknown);
        }
    }
}
