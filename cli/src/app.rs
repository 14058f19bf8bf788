//! A command, from its words to its code.

use crate::args::{self, Cli, Command};
use crate::cluster::Cluster;
use crate::failure::Failure;
use crate::{completion, invite, kick, list, logs, open, tell, watch};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Carries it out: 0, 1 if it failed, 2 if it was none.
pub async fn run(words: Vec<OsString>) -> ExitCode {
    let cli = match args::parse(words) {
        Ok(cli) => cli,
        Err(said) => {
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    match carry_out(cli).await {
        // Whoever read has read enough.
        Err(Failure::Unwritable(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            tell::progress(&format!("error: {}", one_line(&failure.to_string())));
            ExitCode::FAILURE
        }
        Ok(()) => ExitCode::SUCCESS,
    }
}

async fn carry_out(cli: Cli) -> Result<(), Failure> {
    let Cli { place, command } = cli;
    if let Command::Completion(args) = command {
        return completion::run(args);
    }
    let cluster = Cluster::of(&place).await?;
    match command {
        Command::Invite(args) => invite::run(&cluster, &args).await,
        Command::Kick(args) => kick::run(&cluster, &args).await,
        Command::List(args) => list::run(&cluster, &args).await,
        Command::Watch(args) => watch::run(&cluster, &args).await,
        Command::Open(args) => open::run(&cluster, &args).await,
        Command::Logs(args) => logs::run(&cluster, &args).await,
        Command::Completion(args) => completion::run(args),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line() {
        assert_eq!(
            one_line("spec is invalid:\n  * stage must be set\n"),
            "spec is invalid: * stage must be set"
        );
    }
}
