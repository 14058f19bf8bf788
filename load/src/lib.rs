//! Many WebRTC viewers in one process, and what each of them saw.
//!
//! Lowest layer first; a module imports only from earlier groups, members of a group do not import each other. The first
//! group is pure: time and packets go in, figures come out.

pub mod keyframe;
pub mod machine;
pub mod pacing;
pub mod rtp;
pub mod sequence;
pub mod statistics;

pub mod feedback;

pub mod tally;

pub mod stack;

pub mod signalling;

pub mod viewer;

pub mod crowd;

pub mod report;

pub mod args;
