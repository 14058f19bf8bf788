//! The program `understudy`; called `kubectl-understudy` it is `kubectl understudy`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    understudy_cli::app::run(std::env::args_os().collect()).await
}
