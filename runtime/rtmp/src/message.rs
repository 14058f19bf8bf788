//! What whole messages mean, by their type (RTMP 1.0 §5.4, §6.2, §7.1).

use bytes::{Bytes, BytesMut};

use crate::Fault;
use crate::amf::{self, Malformed, Value};
use crate::chunk::{Lane, Whole};
use crate::flv::{Kind, Media};

const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 3;
const USER_CONTROL: u8 = 4;
const WINDOW: u8 = 5;
const PEER_BANDWIDTH: u8 = 6;
/// As below, with a byte in front that says AMF3 and is followed by AMF0.
const DATA_3: u8 = 15;
const COMMAND_3: u8 = 17;
const COMMAND: u8 = 20;

const STREAM_BEGIN: u16 = 0;
const STREAM_EOF: u16 = 1;
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// The peer may do as it likes when it is sent less (§5.4.5).
const DYNAMIC: u8 = 2;

/// What a peer asks or is asked for by name (§7.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub name: String,
    /// An answer has the number of its question; 0 asks for none.
    pub transaction: f64,
    /// The first is an object, or nothing.
    pub arguments: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    ChunksOf(u32),
    Abort(u32),
    /// So many bytes have come, of all there ever were, modulo 2³².
    Acknowledged(u32),
    /// After so many bytes an acknowledgement is expected.
    Window(u32),
    Bandwidth(u32),
    Begin(u32),
    End(u32),
    Ping(u32),
    Pong(u32),
    Command {
        stream: u32,
        command: Command,
    },
    Media {
        stream: u32,
        media: Media,
    },
    /// Nothing that matters here.
    Other,
}

impl Command {
    /// The nth text behind the object.
    pub fn text(&self, nth: usize) -> Option<&str> {
        self.arguments.get(nth + 1).and_then(Value::as_text)
    }

    pub fn number(&self, nth: usize) -> Option<f64> {
        self.arguments.get(nth + 1).and_then(Value::as_number)
    }

    fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut values = amf::read(body)?.into_iter();
        let Some(Value::Text(name)) = values.next() else { return Err(Malformed::Unnamed) };
        let transaction = values.next().as_ref().and_then(Value::as_number).unwrap_or(0.0);
        Ok(Self { name, transaction, arguments: values.collect() })
    }

    fn write(&self) -> Bytes {
        let mut out = BytesMut::new();
        amf::write(&mut out, &[Value::text(self.name.as_str()), Value::Number(self.transaction)]);
        amf::write(&mut out, &self.arguments);
        out.freeze()
    }
}

impl Message {
    pub fn read(whole: &Whole) -> Result<Self, Fault> {
        let body = &whole.body;
        let media = |kind, body: &Bytes| Self::Media {
            stream: whole.stream,
            media: Media { kind, timestamp: whole.timestamp, body: body.clone() },
        };
        let command =
            |body: &[u8]| Command::read(body).map(|command| Self::Command { stream: whole.stream, command });
        Ok(match whole.kind {
            SET_CHUNK_SIZE => Self::ChunksOf(number(body, 0)?),
            ABORT => Self::Abort(number(body, 0)?),
            ACKNOWLEDGEMENT => Self::Acknowledged(number(body, 0)?),
            WINDOW => Self::Window(number(body, 0)?),
            PEER_BANDWIDTH => Self::Bandwidth(number(body, 0)?),
            USER_CONTROL => user_control(body)?,
            COMMAND => command(body)?,
            COMMAND_3 => command(body.get(1..).unwrap_or_default())?,
            kind if kind == Kind::Audio as u8 => media(Kind::Audio, body),
            kind if kind == Kind::Video as u8 => media(Kind::Video, body),
            kind if kind == Kind::Data as u8 => media(Kind::Data, body),
            DATA_3 if !body.is_empty() => media(Kind::Data, &body.slice(1..)),
            _ => Self::Other,
        })
    }

    /// As it is sent, and in which lane.
    pub fn write(&self) -> (Lane, Whole) {
        let control = |kind, body| (Lane::Control, Whole { kind, stream: 0, timestamp: 0, body });
        match self {
            Self::ChunksOf(bytes) => control(SET_CHUNK_SIZE, numbers(&[*bytes])),
            Self::Abort(lane) => control(ABORT, numbers(&[*lane])),
            Self::Acknowledged(bytes) => control(ACKNOWLEDGEMENT, numbers(&[*bytes])),
            Self::Window(bytes) => control(WINDOW, numbers(&[*bytes])),
            Self::Bandwidth(bytes) => {
                control(PEER_BANDWIDTH, [&bytes.to_be_bytes()[..], &[DYNAMIC]].concat().into())
            }
            Self::Begin(stream) => control(USER_CONTROL, event(STREAM_BEGIN, *stream)),
            Self::End(stream) => control(USER_CONTROL, event(STREAM_EOF, *stream)),
            Self::Ping(time) => control(USER_CONTROL, event(PING_REQUEST, *time)),
            Self::Pong(time) => control(USER_CONTROL, event(PING_RESPONSE, *time)),
            Self::Command { stream, command } => {
                (Lane::Command, Whole { kind: COMMAND, stream: *stream, timestamp: 0, body: command.write() })
            }
            Self::Media { stream, media } => media_of(*stream, media),
            Self::Other => control(ABORT, numbers(&[0])),
        }
    }
}

/// A message of media to one of the peer's streams; its body is shared.
pub fn media_of(stream: u32, media: &Media) -> (Lane, Whole) {
    let lane = match media.kind {
        Kind::Audio => Lane::Audio,
        Kind::Video => Lane::Video,
        Kind::Data => Lane::Data,
    };
    (lane, Whole { kind: media.kind as u8, stream, timestamp: media.timestamp, body: media.body.clone() })
}

fn user_control(body: &[u8]) -> Result<Message, Fault> {
    let kind = body.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]])).ok_or(Fault::Short)?;
    Ok(match kind {
        STREAM_BEGIN => Message::Begin(number(body, 2)?),
        STREAM_EOF => Message::End(number(body, 2)?),
        PING_REQUEST => Message::Ping(number(body, 2)?),
        PING_RESPONSE => Message::Pong(number(body, 2)?),
        _ => Message::Other,
    })
}

fn number(body: &[u8], at: usize) -> Result<u32, Fault> {
    let bytes = body.get(at..at + 4).ok_or(Fault::Short)?;
    Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn numbers(numbers: &[u32]) -> Bytes {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn event(kind: u16, value: u32) -> Bytes {
    [&kind.to_be_bytes()[..], &value.to_be_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_again() {
        let command = Command { name: "connect".into(), transaction: 1.0, arguments: vec![Value::Null] };
        let media = Media { kind: Kind::Video, timestamp: 7, body: Bytes::from_static(&[1]) };
        for message in [
            Message::ChunksOf(4096),
            Message::Acknowledged(9),
            Message::Window(5),
            Message::Bandwidth(5),
            Message::Begin(1),
            Message::End(1),
            Message::Ping(3),
            Message::Pong(3),
            Message::Command { stream: 1, command },
            Message::Media { stream: 1, media },
        ] {
            assert_eq!(Message::read(&message.write().1), Ok(message));
        }
    }

    #[test]
    fn a_command_that_says_amf3_is_read_as_well() {
        let command = Command { name: "play".into(), transaction: 0.0, arguments: vec![Value::Null] };
        let body: Bytes = [&[0][..], &command.write()].concat().into();
        let whole = Whole { kind: COMMAND_3, stream: 1, timestamp: 0, body };
        assert_eq!(Message::read(&whole), Ok(Message::Command { stream: 1, command }));
    }

    proptest! {
        #[test]
        fn any_message_is_read_or_refused(kind in 0..25_u8, body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Message::read(&Whole { kind, stream: 0, timestamp: 0, body: body.into() });
        }
    }
}
