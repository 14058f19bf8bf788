//! The media runtime: one participant's display, camera, microphone, browser and ways out.
//!
//! Lowest layer first; a module imports only from earlier groups, members of a group do not import each
//! other.

pub mod child;
pub mod gst;

pub mod bus;
pub mod display;
pub mod sound;

pub mod camera;

pub mod browser;
pub mod source;

pub mod broadcast;

pub mod capture;

pub mod spec;

pub mod session;
