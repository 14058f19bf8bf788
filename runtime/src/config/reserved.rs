//! The source system's variables for what this runtime does not do, or not yet. They are checked all the same: who sets
//! one wrongly learns it at the start, and not when it begins to count.

use clap::Args;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checked, and used by nothing yet")]
pub struct Reserved {
    /// Port of the browser's own DevTools. Nothing uses it: the browser picks a free one, on loopback.
    #[arg(long, env = "INTERNAL_PORT", value_name = "INTERNAL_PORT", default_value_t = 9223, value_parser = clap::value_parser!(u16).range(1..))]
    pub internal_port: u16,
}
