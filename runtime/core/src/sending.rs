//! What is sent to somebody else's server.

use crate::failure::Failure;

/// How it goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sending {
    Connecting,
    /// There is a way to the server, and it has not said yet that anything arrives.
    Connected,
    /// It is taken, and nobody has said lately that anything arrives.
    Unacknowledged,
    Arriving,
    /// It is tried again.
    Failed(Failure),
}
