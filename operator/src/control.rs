//! The control link, operator's side: accepts streams, finds out who is there, keeps what each session last said, and
//! tells it what is desired. What is desired, and what follows from a report, is decided by the controllers.

mod bounds;
pub(crate) mod connection;
mod contact;
pub mod convert;
mod downward;
mod identity;
mod left;
mod pace;
pub mod registry;
mod server;
mod service;
mod ticket;

pub use identity::{PodRef, Reviewer};
pub use server::{Config, serve};
pub use ticket::Tickets;
