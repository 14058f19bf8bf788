//! The program: reads its command line, sets up the log, runs, and says how it ended.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use futures::{Stream, stream};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use understudy_link::cause;
use understudy_runtime::config::{Cli, Command, Run};
use understudy_runtime::{app, gst, guard, test_picture};
use understudy_trace::Program;

fn main() -> ExitCode {
    let cli = Cli::told();
    log(&cli.log);
    let done = match cli.command {
        Command::Confine(told) => Err(told.bounds().exec(&told.program, &told.args).into()),
        Command::Run(config) => run(*config),
        Command::TestPicture(config) => {
            let length = Duration::from_secs(config.seconds.into());
            test_picture::write(&config.path, length).map_err(anyhow::Error::from)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", cause::told(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Twice, and before `docker stop` loses its patience. A pipeline goes down in less, unless it never does.
const LEFT_OVER: Duration = Duration::from_millis(300);

/// Points the process at the guard while it has one thread, and only then starts the others.
fn run(config: Run) -> anyhow::Result<()> {
    let media = guard::listener().context("the guard has no port")?;
    point_to(media.local_addr()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let program = Program {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        instance: config.link.pod_name.as_deref(),
    };
    let within = runtime.enter();
    let spans = understudy_trace::start(&config.otlp_endpoint, program)?;
    drop(within);
    let done = runtime.block_on(async { app::run(config, media, signals()?).await });
    spans.finish();
    // What blocks in the kernel or in a library by now is not waited for.
    runtime.shutdown_timeout(LEFT_OVER);
    gst::until_calls_end(LEFT_OVER);
    done
}

/// GStreamer's internal downloaders have no property for a proxy: the environment is all that they ask.
#[expect(unsafe_code, clippy::disallowed_methods, reason = "nothing else reads it while it changes")]
fn point_to(guard: SocketAddr) {
    for name in guard::PROXY_VARIABLES {
        // SAFETY: this is the only thread: no runtime was started, and no library that starts threads was called.
        unsafe { std::env::set_var(name, format!("http://{guard}")) };
    }
    for name in guard::DETOUR_VARIABLES {
        // SAFETY: as above.
        unsafe { std::env::remove_var(name) };
    }
}

/// The libraries of WebRTC warn of each datagram that is none of theirs, which anybody can send. That of TURN tells of each packet,
/// and calls what a server says wrongly an error of its own.
const QUIET: &str = "rtc=error,stun=off,turn=off";

/// What the filter does not understand of `directives` is left out, with a warning.
fn log(directives: &str) {
    let filter = EnvFilter::builder().parse_lossy(format!("{QUIET},{directives}"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Each SIGINT and SIGTERM.
fn signals() -> std::io::Result<impl Stream<Item = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(stream::poll_fn(move |context| match interrupt.poll_recv(context) {
        Poll::Pending => terminate.poll_recv(context),
        interrupted => interrupted,
    }))
}
