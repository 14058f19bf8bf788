//! Who steers what streamers show, and how many watch.

use clap::{ArgAction, Args, ValueEnum};
use understudy_core::steering::keys::Layout;
use understudy_core::steering::seat::{IDLE, Mode};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Streamers")]
pub struct Steering {
    /// Who steers what streamers show, of those who may (the control token).
    #[arg(long, env = "UNDERSTUDY_STEERING", value_enum, default_value_t = Who::Union)]
    pub steering: Who,

    /// The keyboard that clients' key codes are of: `us`, `de`, `fr` or `jp`.
    #[arg(long, env = "UNDERSTUDY_STEERING_LAYOUT", default_value = "us")]
    pub steering_layout: Layout,

    /// Whether what is copied goes to and fro between the session and those who steer.
    #[arg(long, env = "UNDERSTUDY_STEERING_CLIPBOARD", default_value_t = true, action = ArgAction::Set)]
    pub steering_clipboard: bool,

    /// Who may watch one streamer at once, 1 to 1000; all of them count as viewers, too.
    #[arg(long, env = "UNDERSTUDY_STEERING_MAX_VIEWERS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub steering_max_viewers: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// All of them together: a key is down with the first who holds it, and up with the last.
    Union,
    /// One at a time, who is asked for it.
    Host,
    /// Nobody.
    Off,
}

impl Who {
    pub const fn mode(self) -> Mode {
        match self {
            Self::Union => Mode::Union,
            Self::Host => Mode::Host { idle: IDLE },
            Self::Off => Mode::Off,
        }
    }
}
