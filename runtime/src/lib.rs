//! The media runtime: one participant's display, camera, microphone, browser and ways out.
//!
//! Lowest layer first; a module imports only from earlier groups, members of a group do not import each
//! other.

pub mod broadcast;
pub mod child;
mod deadline;
pub mod feed;
pub mod gst;
pub mod guard;
pub mod net;
pub mod scratch;
pub mod seats;
mod shipped;
pub mod test_picture;
mod whole;
mod x11;

pub mod bus;
pub mod program;
pub mod rtc;
pub mod sound;

pub mod access;
pub mod ingest;
mod signalling;
mod subprotocol;

pub mod camera;
pub mod capture;
pub mod display;
pub mod egress;
pub mod steering;

pub mod call;

pub mod browser;
pub mod process;
pub mod source;

pub mod spec;

pub mod session;

pub mod streamer;

pub mod admin;
pub mod api;
pub mod config;
pub mod devtools_proxy;
pub mod participant_socket;

pub mod app;
