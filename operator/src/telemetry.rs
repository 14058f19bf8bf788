//! Where log lines go: standard output, as JSON for machines or as text for people. And whether traces are kept.

use tracing_subscriber::EnvFilter;

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Whether traces of invitations are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// Sessions are told of none.
    #[default]
    Off,
    /// Sessions are told which trace they are in.
    On,
}

/// Sets both up for the whole process. `filter` is as of tracing (`info`, `understudy_operator=debug`).
pub fn start(format: Format, filter: &str) {
    let filter = EnvFilter::builder().parse_lossy(filter);
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout);
    match format {
        Format::Json => lines.json().flatten_event(true).init(),
        Format::Text => lines.init(),
    }
}
