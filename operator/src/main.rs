//! The operator's program.

use clap::Parser;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use understudy_operator::args::{Args, Verify};
use understudy_operator::telemetry::{self, Format};
use understudy_operator::{app, deadline, verify};
use understudy_trace::Program;

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    let ended = if words.next_if(|word| word == "verify").is_some() {
        let settings = Verify::parse_from(std::iter::once("verify".into()).chain(words));
        telemetry::start(Format::Text, "info");
        verify(&settings).await
    } else {
        let args = Args::parse();
        telemetry::start(args.log_format, &args.log);
        traced(args).await
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the operator ends");
            ExitCode::FAILURE
        }
    }
}

async fn verify(settings: &Verify) -> anyhow::Result<()> {
    let client = deadline::client(kube::Config::infer().await?, deadline::CALL_TIMEOUT)?;
    verify::verify(client, settings).await
}

/// Traces are told for as long as anything goes on.
async fn traced(args: Args) -> anyhow::Result<()> {
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        instance: Some(&args.pod_name),
    };
    let spans = understudy_trace::start(&args.otlp_endpoint, program)?;
    let ended = run(args).await;
    tokio::task::spawn_blocking(|| spans.finish()).await?;
    ended
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
