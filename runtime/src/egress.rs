//! Ways out: who asks for a picture, and in which protocol.

pub mod push;
pub mod rtmp;
pub mod view;
pub mod whep;
