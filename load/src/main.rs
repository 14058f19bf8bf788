//! `understudy-load`: watches with many, and tells what they saw.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};
use clap::Parser;
use understudy_load::args::Args;
use understudy_load::report::Report;
use understudy_load::{crowd, viewer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let log = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into());
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(log).with_writer(std::io::stderr).with_ansi(is_terminal).init();
    let signalling = args.signalling().context("no HTTP client")?.context("no server is named")?;
    let (host, port) = signalling.address().context("the URL names no host")?;
    let local = match args.bind {
        Some(address) => address,
        None => viewer::route_to(&host, port).await.with_context(|| format!("there is no way to {host}"))?,
    };
    let seen = crowd::watch(signalling, local, &args.wanted()).await;
    let report = Report::of(&seen);
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    std::io::stdout().write_all(text.as_bytes()).context("nobody reads the report")?;
    if let Some(reasons) = report.nobody() {
        bail!("nobody connected: {reasons}");
    }
    Ok(())
}
