//! What the session says of itself: conditions, and things that happened.

use std::fmt;

/// The conditions a session reports. The operator adds its own (PodScheduled, RuntimeReady, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    DevicesReady,
    PageReady,
    InputsReady,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    True,
    False,
    Unknown,
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

/// Whether a happening deserves a person's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Normal,
    Warning,
}

/// Something that happened and is over: a repair, a reload, a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub severity: Severity,
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
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
