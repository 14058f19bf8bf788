//! RTMP and RTMPS: players of a program or of what somebody else publishes, and those who publish.
//!
//! ```text
//!   program ─> feed ──────┐
//!                         ├─> Stream (the latest, as messages) ─> a cursor in each player's connection ─> socket
//!   publisher's connection┘
//! ```
//! A message is made once for all players of a stream; what differs between them is a header of twelve bytes. Whoever reads
//! slowly loses messages, and holds up nobody: a player is no more than a place in what all share. Where many play, some pictures
//! leave at a time.

mod connection;
mod feed;
mod listen;
mod metrics;
mod player;
mod publisher;
pub(super) mod stream;
pub(super) mod streams;
mod tls;

pub use listen::{serve, serve_tls};
pub use metrics::Metrics;
pub use streams::Streams;
pub use tls::{BadIdentity, acceptor};

use std::net::IpAddr;
use std::sync::Arc;

use subtle::ConstantTimeEq;
use tokio::sync::watch;
use understudy_rtmp::command::Code;

use crate::access::{Denied, Policy, Role};

/// What all connections have in common.
#[derive(Clone)]
pub struct Rtmp {
    pub streams: Streams,
    pub policy: watch::Receiver<Policy>,
    /// Opens everything to programs that we start ourselves.
    pub own_token: Arc<str>,
    pub metrics: Metrics,
}

/// Why somebody may not play or publish: the word for their program, and words for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    code: Code,
    why: &'static str,
}

impl Rtmp {
    fn admit(&self, role: Role, token: Option<&str>, peer: IpAddr, code: Code) -> Result<(), Refusal> {
        let is_own = |token: &str| bool::from(token.as_bytes().ct_eq(self.own_token.as_bytes()));
        if peer.is_loopback() && token.is_some_and(is_own) {
            return Ok(());
        }
        let why = match self.policy.borrow().admits(role, token, peer) {
            Ok(()) => return Ok(()),
            Err(Denied::Waiting) => "the session has no access tokens yet",
            Err(Denied::Unknown) => "a valid token is needed: append ?token=... to the stream's name",
            Err(Denied::TooLow) => "this token's role does not allow it",
            Err(Denied::Elsewhere) => "without tokens, only this machine is let in",
        };
        Err(Refusal { code, why })
    }
}
