//! Recordings: how they are made unless a caller or a Livestream says otherwise, and where they are kept.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recordings and streams")]
pub struct Recordings {
    /// Frames a second of recordings and streams that are started over HTTP without their own, 0 to 20; 0: as many as the page has.
    #[arg(long, env = "FRAME_RATE", value_name = "FRAME_RATE", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=20))]
    pub frame_rate: u32,

    /// The largest recording in megabytes, 0 to 1000, unless a caller or a Livestream says otherwise; 0: as large as the disk allows.
    #[arg(long, env = "MAX_SIZE_MB", value_name = "MAX_SIZE_MB", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub max_size_mb: u32,

    /// Where recordings are kept. Default: the directory that it is started in or, where that cannot be written,
    /// `understudy.recordings` below the temporary one; what a process that was killed has left there is listed, and can be fetched,
    /// by its file's name.
    #[arg(long, env = "OUTPUT_DIR", value_name = "OUTPUT_DIR", value_parser = NonEmptyStringValueParser::new())]
    pub output_dir: Option<String>,

    /// What all recordings together may take, in megabytes: one that would take more ends with `disk_full`. 0: what the disk has, as
    /// by default; in a temporary directory that is 1000, about half of what the pod of a RuntimeProfile may write (`tmpSizeLimit`).
    #[arg(long, env = "UNDERSTUDY_RECORDINGS_MB", value_name = "UNDERSTUDY_RECORDINGS_MB")]
    pub recordings_mb: Option<u32>,
}
