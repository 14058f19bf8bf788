//! The door into the display: what many people do at one keyboard and one pointer is done there, and what its clipboard holds is
//! told.
//!
//! `understudy_core::steering` says what becomes of a message; who may send one is not known here.

mod clipboard;
mod desk;
mod door;
mod driver;
mod echo;
mod mailbox;
mod metrics;

pub use desk::{Desk, IS_TOUCH_SCREEN};
pub use metrics::Metrics;
