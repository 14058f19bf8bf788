//! Processes: each is an ffmpeg that is started, watched and started again as its config says.
//!
//! ```text
//!   API ──> Processes (who is there, configs, metadata) ──> Driver, one task each: machine, child, log, legs
//!                                                                │ values
//!   API <── View <───────────────────────────────────────────────┘
//! ```
//! What an address may be is judged by `understudy_core::process`; here it is looked up, and the child is confined to what came of that.

mod cleanup;
mod driver;
pub mod leg;
mod legs;
mod metrics;
mod owner;
mod plan;
mod probe;
mod reach;
mod registry;
mod site;
mod start;
mod store;
mod usage;
mod view;

pub use metrics::Metrics;
pub use owner::Owner;
pub use plan::Rejected;
pub use probe::Probe;
pub use registry::{Carried, Error, Keeper, Processes};
pub use site::{RtmpDoor, Site, Watched, Watching};
pub use view::{Listed, View, WebRtc};
