//! The operator's program.

use clap::Parser;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use understudy_operator::{app, args::Args, deadline, telemetry};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    telemetry::start(args.log_format, &args.log);
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the operator ends");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let client = deadline::client(kube::Config::infer().await?, deadline::CALL_TIMEOUT)?;
    let running = app::run(args.try_into()?, client, shutdown.clone());
    let mut running = std::pin::pin!(running);
    tokio::select! {
        ended = &mut running => return ended,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("asked to end");
    shutdown.cancel();
    running.await
}
