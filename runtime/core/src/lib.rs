//! The runtime's decisions: pure functions and state machines. Nothing here reads a clock, a file, a
//! socket, the environment or a random source; time and facts are arguments, effects are values.
//!
//! Lowest layer first; a module imports only from earlier groups.

pub mod aac;
pub mod backoff;
pub mod camera;
pub mod condition;
pub mod connection;
pub mod cookie;
pub mod failure;
pub mod guard;
pub mod level;
pub mod media;
pub mod mpeg;
pub mod offer;
pub mod percent;
pub mod steering;
pub mod tcp;
pub mod test_picture;
pub mod turn;

pub mod redact;
pub mod spec;

pub mod ivs;
pub mod rendition;

pub mod decimation;
pub mod fanout;
pub mod input;
pub mod ivf;
pub mod part;
pub mod proof;
pub mod repetition;
pub mod rhythm;
pub mod sending;
pub mod streamer;

pub mod call;
pub mod invitation;
pub mod mp4;
pub mod passage;
pub mod report;
pub mod whip;

pub mod leg;
pub mod outputs;
pub mod participant;
pub mod process;
pub mod recording;
pub mod resize;
pub mod screenshot;
pub mod visit;
pub mod webm;
