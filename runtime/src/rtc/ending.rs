//! Why peers are gone.

use prometheus_client::encoding::EncodeLabelValue;

/// How a peer's session ended.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelValue)]
pub(super) enum Why {
    /// It said so over HTTP.
    Left,
    /// It closed DTLS.
    Closed,
    /// It fell silent.
    Silent,
    /// It never connected.
    NeverCame,
    /// What it sent broke the stack's handling of it.
    Broken,
    /// It does not read what is said to it.
    Slow,
    /// What it says is not taken.
    Unheard,
    /// What it watched is served no longer.
    Ended,
    /// We stopped.
    Shutdown,
}
