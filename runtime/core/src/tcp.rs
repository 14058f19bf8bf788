//! WebRTC over TCP (RFC 6544): how packets lie in a stream of bytes, how much waits for a reader that is slow, and who may be
//! connected before it is known.

pub mod doorstep;
pub mod framing;
pub mod outbox;
