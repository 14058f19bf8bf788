//! Processes: each is an ffmpeg that is started, watched and started again as its config says.
//!
//! Lowest layer first; a module imports only from earlier groups.

pub mod config;
pub mod login;
pub mod pattern;

pub mod judge;
pub mod placeholder;
pub mod reference;
pub mod said;

pub mod command;
pub mod legs;
pub mod machine;

pub mod log;
pub mod origin;
