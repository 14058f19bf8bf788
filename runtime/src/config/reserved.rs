//! The source system's variables for what this runtime does not do, or not yet. They are checked all the same: who sets
//! one wrongly learns it at the start, and not when it begins to count.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checked, and used by nothing yet")]
pub struct Reserved {
    /// Port of the browser's own DevTools. Nothing uses it: the browser picks a free one, on loopback.
    #[arg(long, env = "INTERNAL_PORT", value_name = "INTERNAL_PORT", default_value_t = 9223, value_parser = clap::value_parser!(u16).range(1..))]
    pub internal_port: u16,

    /// Frames a second of recordings, 0 to 20. Nothing uses it yet.
    #[arg(long, env = "FRAME_RATE", value_name = "FRAME_RATE", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub frame_rate: u32,

    /// The largest recording in megabytes, 0 to 1000. Nothing uses it yet.
    #[arg(long, env = "MAX_SIZE_MB", value_name = "MAX_SIZE_MB", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub max_size_mb: u32,

    /// Where recordings go. Nothing uses it yet.
    #[arg(long, env = "OUTPUT_DIR", value_name = "OUTPUT_DIR", default_value = ".", value_parser = NonEmptyStringValueParser::new())]
    pub output_dir: String,
}
