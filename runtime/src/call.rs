//! Calls: what a participant's camera and microphone carry goes to another, and what that one shows and says comes here.
//!
//! ```text
//!   camera, microphone ─> curtain ─> rtc ─> the other side
//!   hubs of picture and sound <── reception <── rtc <──┘
//! ```
//! What is said of a call, and when, is decided in [`understudy_core::call`]; here are the connections that it asks for.

mod curtain;
mod leg;
mod reception;

pub use curtain::Sends;
pub use leg::{Leg, Legs, Remote, Told};
