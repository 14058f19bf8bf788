//! Who gets which frame: decisions of the fan-out, without sockets, tasks or a clock.

pub mod clock;
pub mod gate;
pub mod h264;
pub mod keyframe;

pub mod backlog;
