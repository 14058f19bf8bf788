//! The words of NetConnection and NetStream: what is answered to commands (RTMP 1.0 §7.2).

use crate::amf::Value;
use crate::message::Command;

/// Why something is refused, in a word that clients know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    ConnectRejected,
    PlayNotFound,
    PlayFailed,
    PublishBadName,
    PublishDenied,
}

impl Code {
    pub const fn word(self) -> &'static str {
        match self {
            Self::ConnectRejected => "NetConnection.Connect.Rejected",
            Self::PlayNotFound => "NetStream.Play.StreamNotFound",
            Self::PlayFailed => "NetStream.Play.Failed",
            Self::PublishBadName => "NetStream.Publish.BadName",
            Self::PublishDenied => "NetStream.Publish.Denied",
        }
    }
}

/// What is said of a stream without having been asked.
pub fn on_status(level: &str, code: &str, description: &str) -> Command {
    Command {
        name: "onStatus".into(),
        transaction: 0.0,
        arguments: vec![Value::Null, told(level, code, description)],
    }
}

pub fn told(level: &str, code: &str, description: &str) -> Value {
    let members = [("level", level), ("code", code), ("description", description)];
    Value::object(members.map(|(name, text)| (name, Value::text(text))))
}

/// The answer to a question that was asked with this number.
pub fn result(transaction: f64, arguments: Vec<Value>) -> Command {
    Command { name: "_result".into(), transaction, arguments }
}

pub fn error(transaction: f64, code: &str, description: &str) -> Command {
    Command {
        name: "_error".into(),
        transaction,
        arguments: vec![Value::Null, told("error", code, description)],
    }
}
