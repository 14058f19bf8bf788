//! The program: reads its command line, sets up the log, runs, and says how it ended.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use understudy_runtime::config::{Cli, Command};
use understudy_runtime::{app, test_picture};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli.log);
    let done = match cli.command {
        Command::Run(config) => app::run(*config, interrupted()).await,
        Command::TestPicture(config) => {
            let length = Duration::from_secs(config.seconds.into());
            tokio::task::spawn_blocking(move || test_picture::write(&config.path, length))
                .await
                .map_err(anyhow::Error::from)
                .and_then(|written| written.map_err(anyhow::Error::from))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the filter does not understand of `directives` is left out, with a warning.
fn log(directives: &str) {
    let filter = EnvFilter::builder().parse_lossy(directives);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Resolves at SIGINT or SIGTERM.
async fn interrupted() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
