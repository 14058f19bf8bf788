//! Calls between two peers, as they tell each other over whatever carries their words: who rings, who answers, what is offered.
//!
//! ```text
//!   origin   Requested ── call-ack ──> Acked ── offer made ──> Offered ── call-answer ──> Answered ── media is up ──> Connected
//!   target   (rings) ── accepted ────> Acked ── call-offer ──> Offered ── answer made ──> Answered ── media is up ──> Connected
//! ```
//! From each of them it ends: here, there, when a deadline passes, or when its connection has failed. A connection that nothing
//! comes from for a while has not failed.

pub mod message;

mod end;
mod line;

mod book;

pub use book::{Act, Book, Manners, Ringing, Unfit};
pub use end::{End, Why};
pub use line::{Line, Phase, RING, Role};

/// Of one call. The same channel may carry another call later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u64);
