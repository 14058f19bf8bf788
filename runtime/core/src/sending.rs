//! What is sent to somebody else's server.

/// How it goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    Connecting,
    /// It is taken, and nobody has said lately that anything arrives.
    Unacknowledged,
    Arriving,
    /// Why, for people; it is tried again.
    Failed(String),
}
