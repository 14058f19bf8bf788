//! What tests look through from outside: a browser, viewers on other WebRTC stacks, a cluster.
//!
//! A part that is missing is a failure that names the command which installs it, never a skipped test.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod settings;

mod program;

pub mod browser;
pub mod caller;
pub mod client;
pub mod collector;
pub mod container;
pub mod helm;
pub mod kubectl;
pub mod peer;
pub mod pion;
pub mod ports;
pub mod probe;
pub mod process;
pub mod publish;
pub mod understudy;
pub mod whip;

pub mod backend;
pub mod cut;
pub mod destination;
pub mod recording;
pub mod wait;

pub mod lab;
