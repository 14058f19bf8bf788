//! RTMP and RTMPS as real clients use them.

mod play;
