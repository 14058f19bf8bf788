//! What the session says of itself: conditions, and things that happened.

use std::fmt;

/// The conditions a session reports. The operator adds its own (PodScheduled, RuntimeReady, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    DevicesReady,
    PageReady,
    InputsReady,
    Connected,
    Published,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    True,
    False(Severity),
    /// Nobody can say yet.
    Unknown,
}

/// How a person should take it that something is not as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// On its way; it becomes so without anybody's help.
    Info,
    /// Something is wrong.
    Error,
}

/// One statement with its reason (CamelCase, bounded set) and a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub kind: Type,
    pub status: Status,
    pub reason: &'static str,
    pub message: String,
}

impl Condition {
    pub fn new(kind: Type, status: Status, reason: &'static str, message: impl Into<String>) -> Self {
        Self { kind, status, reason, message: message.into() }
    }
}

impl Status {
    /// None: it is as it was asked for.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::True => None,
            Self::False(severity) => Some(severity),
            Self::Unknown => Some(Severity::Info),
        }
    }
}

/// Whether a happening deserves a person's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    Normal,
    Warning,
}

/// Something that happened and is over: a repair, a reload, a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub attention: Attention,
    pub reason: &'static str,
    pub message: String,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::True => "True",
            Self::False(_) => "False",
            Self::Unknown => "Unknown",
        })
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
