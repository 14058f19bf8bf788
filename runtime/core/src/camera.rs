//! How the camera is made: chosen once, at the start, from what was asked for and what is there.

use std::fmt;

/// How pages get their camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A PipeWire node behind a camera portal.
    Pipewire,
    /// A v4l2loopback device of the machine's kernel.
    V4l2,
    /// A file that the browser reads again and again.
    File,
}

/// What this machine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The video device is there and may be written to.
    pub device: bool,
    /// PipeWire and D-Bus are installed.
    pub pipewire: bool,
}

/// The mode asked for, even if it cannot work: that is told as a condition, and no other takes its place. Without one
/// the best that is there: a device serves any program, PipeWire any page, a file one browser.
pub const fn choose(asked: Option<Mode>, facts: Facts) -> Mode {
    match (asked, facts) {
        (Some(mode), _) => mode,
        (None, Facts { device: true, .. }) => Mode::V4l2,
        (None, Facts { pipewire: true, .. }) => Mode::Pipewire,
        (None, _) => Mode::File,
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipewire => "pipewire",
            Self::V4l2 => "v4l2",
            Self::File => "file",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Mode::{File, Pipewire, V4l2};
    use super::*;

    const ALL_FACTS: [Facts; 4] = [
        Facts { device: false, pipewire: false },
        Facts { device: false, pipewire: true },
        Facts { device: true, pipewire: false },
        Facts { device: true, pipewire: true },
    ];

    #[test]
    fn without_a_wish_a_device_is_better_than_pipewire_and_that_better_than_a_file() {
        let chosen = ALL_FACTS.map(|facts| choose(None, facts));
        assert_eq!(chosen, [File, Pipewire, V4l2, V4l2]);
    }

    #[test]
    fn a_mode_that_was_asked_for_is_never_replaced() {
        for mode in [Pipewire, V4l2, File] {
            assert_eq!(ALL_FACTS.map(|facts| choose(Some(mode), facts)), [mode; 4]);
        }
    }
}
