//! Calls: what a participant's camera and microphone carry goes to another, and what that one shows and says comes here.
//!
//! ```text
//!   camera, microphone ─> curtain ─> rtc ─> the other side
//!   hubs of picture and sound <── reception <── rtc <──┘
//! ```
//! What is said of a call, and when, is decided in [`understudy_core::call`]; one task ([`Calls`]) asks that, speaks with others over a
//! [`Signaler`], and has the connections made that are asked for.

mod curtain;
mod driver;
mod leg;
mod line;
mod metrics;
mod reception;
mod signaler;
mod speaker;

pub use curtain::Stage;
pub use driver::{Calls, NotBegun, Setup, Table, start};
pub use leg::{Legs, Remote};
pub use line::{Ongoing, Standing};
pub use metrics::Metrics;
pub use signaler::{Address, Away, BadAddress, Signaler};
