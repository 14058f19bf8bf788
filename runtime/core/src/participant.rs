//! The participant socket: what a page is told of the participant that it acts for, and what it may say. Pure: who listens, and
//! the clock, are the caller's.
//!
//! ```text
//!   AVAILABLE ── invited ──> INVITED ── what is sent arrives ──> JOINED
//!       ^                      │  ^ ─────── it does not ─────────── │
//!       │ nothing of it is on  v                                    v
//!       └──── its stage ──── KICKED <───────── it is to leave ──────┘
//! ```
//! ERRORED stands in the place of AVAILABLE or INVITED, from an error that the page reports until it is ready again or an
//! invitation comes or goes. All else comes from the seat: a page that says it is ready frees nobody.

mod message;
mod record;
mod standing;
mod talk;
mod words;

pub use message::error;
pub use record::{Identity, Kick, Record, Showing, Stage, Status, Token, View};
pub use standing::{Heard, Standing, Untrue};
pub use talk::{Step, Talk};
pub use words::Word;

#[cfg(test)]
mod tests;
