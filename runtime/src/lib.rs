//! The media runtime.

pub mod broadcast;
