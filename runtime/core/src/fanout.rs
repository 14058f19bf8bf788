//! Who gets which frame: decisions of the fan-out, without sockets, tasks or a clock.

pub mod clock;
pub mod deadlines;
pub mod estimate;
pub mod gate;
pub mod group;
pub mod h264;
pub mod keyframe;
pub mod repair;
pub mod reporting;
pub mod round;
pub mod round_trip;
pub mod rtp;
pub mod senders;
pub mod settling;
pub mod silence;
pub mod vp8;
pub mod waiting;

pub mod adaptation;
pub mod again;
pub mod backlog;
pub mod cut;
pub mod numbering;
pub mod quality;
pub mod receipt;

pub mod history;

pub mod portions;
