//! Why something does not go as it was asked for.

/// It is tried again all the same: the cause may go away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// CamelCase, of a bounded set.
    pub reason: &'static str,
    /// For people. Nothing in it is secret.
    pub message: String,
}
