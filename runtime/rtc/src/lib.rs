//! What both ends of a WebRTC connection add to the `rtc` crate: the runtime, which answers, and `understudy-load`, which asks.

mod candidate;
mod tap;
mod unannounced;

pub use candidate::{active_candidate, host_candidate, passive_candidate, relayed_candidate};
pub use tap::{SLOT, Tap};
pub use unannounced::Unannounced;
