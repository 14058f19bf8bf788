//! `completion`: what has a shell complete the words of this command.

use crate::args::{self, Completion, Shell};
use crate::failure::Failure;
use crate::tell;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};
use std::path::Path;

const NAME: &str = "understudy";

/// Prints it.
pub fn run(args: Completion) -> Result<(), Failure> {
    tell::bytes(&script(args.shell))
}

fn script(shell: Shell) -> Vec<u8> {
    let (mut command, mut script) = (args::command(Path::new(NAME)), Vec::new());
    match shell {
        Shell::Bash => generate(Bash, &mut command, NAME, &mut script),
        Shell::Zsh => generate(Zsh, &mut command, NAME, &mut script),
        Shell::Fish => generate(Fish, &mut command, NAME, &mut script),
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_knows_the_commands_and_their_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            assert!(script.contains("invite") && script.contains("token-file"), "{shell:?}");
        }
    }
}
