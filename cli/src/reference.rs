//! `docs/cli.md` is what the command says of itself. `UPDATE=1 cargo test -p understudy-cli --lib reference::` writes it.

use crate::args;
use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};
use std::fmt::Write;
use std::path::Path;

const COMMAND: &str = "UPDATE=1 cargo test -p understudy-cli --lib reference::";
const HEAD: &str = "<!-- Generated from cli/src/args.rs by cli/src/reference.rs; do not edit. -->\n\
    # `understudy`, the command line\n\n";

#[test]
fn the_reference_is_what_the_command_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let fresh = page();
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == fresh, "{} differs: run `{COMMAND}`", path.display());
}

#[test]
fn every_command_and_option_says_what_it_is() {
    let mut command = args::command(Path::new("understudy"));
    command.build();
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
        for option in command.get_arguments() {
            assert!(option.get_help().is_some(), "{} {} says nothing", command.get_name(), option.get_id());
        }
    }
}

fn page() -> String {
    let mut command = args::command(Path::new("understudy"));
    command.build();
    let mut page = String::from(HEAD);
    page += &wrapped(&command.get_long_about().unwrap_or_default().to_string());
    page += include_str!("reference.md");
    let everywhere: Vec<Arg> =
        command.get_arguments().filter(|option| option.is_global_set()).cloned().collect();
    page += "\n## In every command\n\n";
    options(&mut page, everywhere.iter().collect());
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let is_own =
            |option: &&Arg| !option.is_global_set() && !matches!(option.get_action(), ArgAction::Help);
        write!(page, "\n## {}\n\n", command.get_name()).unwrap();
        page += &wrapped(&about(command));
        options(&mut page, command.get_arguments().filter(is_own).collect());
    }
    page
}

fn about(command: &Command) -> String {
    let about = command.get_long_about().or(command.get_about());
    sentence(about.map(ToString::to_string).unwrap_or_default())
}

fn options(page: &mut String, options: Vec<&Arg>) {
    page.push_str("| | Default | |\n|---|---|---|\n");
    for option in options {
        let takes_value = option.get_action().takes_values();
        let default = option.get_default_values().first().filter(|_| takes_value);
        let default = default.map(|value| format!("`{}`", value.display())).unwrap_or_default();
        let values = option.get_possible_values();
        let values: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
        let mut help = sentence(option.get_help().map(ToString::to_string).unwrap_or_default());
        if takes_value && !values.is_empty() {
            write!(help, " One of `{}`.", values.join("`, `")).unwrap();
        }
        writeln!(page, "| {} | {default} | {help} |", form(option)).unwrap();
    }
}

/// clap takes the full stop away from what is one sentence.
fn sentence(text: String) -> String {
    if text.ends_with('.') { text } else { text + "." }
}

/// As it is written.
fn form(option: &Arg) -> String {
    let value =
        option.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let takes_value = option.get_action().takes_values();
    let Some(long) = option.get_long() else { return format!("`{value}`") };
    let short = option.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    match takes_value {
        true if option.is_require_equals_set() => format!("{short}`--{long}[={value}]`").replace('|', "\\|"),
        true => format!("{short}`--{long} {value}`").replace('|', "\\|"),
        false => format!("{short}`--{long}`"),
    }
}

/// In lines of the width of our other pages.
fn wrapped(text: &str) -> String {
    const WIDTH: usize = 128;
    let mut page = String::new();
    for paragraph in text.split("\n\n") {
        let mut length = 0;
        for word in paragraph.split_whitespace() {
            let gap = if length == 0 {
                ""
            } else if length + word.len() >= WIDTH {
                "\n"
            } else {
                " "
            };
            length = if gap == "\n" { word.len() } else { length + gap.len() + word.len() };
            page += gap;
            page += word;
        }
        page += "\n\n";
    }
    page
}
