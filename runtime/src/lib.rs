//! The media runtime.

pub mod broadcast;
pub mod test_picture;

pub mod rtc;

pub mod egress;
