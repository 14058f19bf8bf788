//! RTMP and RTMPS as real clients and servers use them.

mod play;
mod publish;
mod push;
mod slow;
