//! Streamers: what many people watch and steer together, under an id. What may be asked for, how one lives, and what is said of it
//! and to whom watches.
//!
//! A streamer is there before anybody watches, and stays when nobody does. What it shows is the session's own display or a page that
//! its document names, which is repaired without it: a streamer follows that and says how it stands.

mod id;
pub mod identity;

pub mod life;
pub mod message;
pub mod order;
pub mod talk;
pub mod tenure;
pub mod view;

pub use id::{Id, LONGEST_ID};

/// At once, whoever asked for them. Each costs its own state alone; what they show is encoded once.
pub const MOST: usize = 8;

/// The only host: this runtime.
pub const HOST: u32 = 0;

/// The session's own display. Others are the pages that its document names, in their order.
pub const APP: u32 = 0;
