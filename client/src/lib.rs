//! Works with participants as people's backends do, by changing the same custom resources as kubectl: the operator's control API and
//! the command line both stand on it. Modules are listed lowest layer first; what is decided is decided in pure code.

pub mod address;
pub mod refusal;
pub mod selector;

pub mod standing;

pub mod merge;
pub mod token;

pub mod invite;
pub mod kick;
