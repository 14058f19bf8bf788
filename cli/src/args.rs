//! Every command, argument and option, with its default and its meaning; `docs/cli.md` is made from it.

use crate::duration::{duration, moment};
use clap::{ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Invites virtual participants to stages, kicks them, lists, watches and shows them.
///
/// It works through a kubeconfig as kubectl does, with the rights of whoever runs it. Called kubectl-understudy, it is
/// `kubectl understudy`.
#[derive(Clone, Debug, Parser)]
#[command(name = "understudy", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub place: Place,
    #[command(subcommand)]
    pub command: Command,
}

/// Which cluster, and where in it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct Place {
    /// The kubeconfig; else what KUBECONFIG names, ~/.kube/config, or the account of the pod that this runs in.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; else its current one.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The namespace; else that of the context.
    #[arg(long, short, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    Invite(Box<Invite>),
    Kick(Kick),
    List(List),
    Watch(Watch),
    Open(Open),
    Logs(Logs),
    Completion(Completion),
}

/// Invites a participant to a stage: one that is named, or one of those that match and are free.
///
/// The same invitation said again, by its id, changes nothing. Ends with 0 when the participant is invited, or with --wait when it
/// is as far as that says.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).args(["name", "selector"])))]
#[command(group(ArgGroup::new("stage").required(true).args(["whip", "ivs", "page"])))]
#[command(group(ArgGroup::new("token").args(["token_file", "token_secret"])))]
pub struct Invite {
    /// Name of the participant.
    pub name: Option<String>,
    /// Invites one of the participants with these labels that is free, as role=host,tier!=test.
    #[arg(long, short = 'l')]
    pub selector: Option<String>,
    /// The stage is a server of WHIP, at this address.
    #[arg(long, value_name = "URL")]
    pub whip: Option<String>,
    /// The stage is one of Amazon IVS Real-Time; its participant token says which.
    #[arg(long, requires = "token")]
    pub ivs: bool,
    /// The stage is joined by the participant's browser, which opens this page.
    #[arg(long, value_name = "URL")]
    pub page: Option<String>,
    /// A file with the token of the stage, or - for standard input. It is kept in a Secret of the participant's own until the
    /// invitation has come to its end.
    #[arg(long, value_name = "FILE|-")]
    pub token_file: Option<PathBuf>,
    /// The Secret that has the token of the stage, of type understudy.dev/credentials in the same namespace, and its key.
    #[arg(long, value_name = "NAME/KEY", value_parser = secret)]
    pub token_secret: Option<SecretKey>,
    /// Names the invitation; else a name is made, and printed.
    #[arg(long)]
    pub id: Option<String>,
    /// For how long from now the participant may come to its stage for the first time.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub join_within: Duration,
    /// The same as a moment, as 2030-01-01T00:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = moment, conflicts_with = "join_within")]
    pub join_before: Option<Time>,
    #[command(flatten)]
    pub inputs: Inputs,
    /// Tells each step as it happens, until the participant is so far. Ends with 1, and the reason, when that fails.
    #[arg(long, value_name = "STEP", num_args = 0..=1, require_equals = true, default_missing_value = "published")]
    pub wait: Option<Goal>,
    /// For how long --wait waits.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,
}

/// What camera and microphone carry as long as the invitation holds; else what the participant's own spec says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Inputs")]
pub struct Inputs {
    /// The camera shows this file: http(s)://…, file:///… or understudy:test-picture.
    #[arg(long, value_name = "URL")]
    pub video_file: Option<String>,
    /// The camera shows this stream.
    #[arg(long, value_name = "URL", conflicts_with = "video_file")]
    pub video_stream: Option<String>,
    /// The microphone hears this file.
    #[arg(long, value_name = "URL")]
    pub audio_file: Option<String>,
    /// The microphone hears this stream.
    #[arg(long, value_name = "URL", conflicts_with = "audio_file")]
    pub audio_stream: Option<String>,
}

/// How far an invitation is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// The runtime carries it out.
    Invited,
    /// There is a way for media to the stage.
    Connected,
    /// What is sent arrives there.
    Published,
}

/// One value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// Name of the Secret.
    pub name: String,
    /// Which of its values.
    pub key: String,
}

/// Takes an invitation away: the participant leaves its stage.
#[derive(Clone, Debug, Args)]
#[command(group(ArgGroup::new("whom").required(true).multiple(true).args(["name", "invitation"])))]
pub struct Kick {
    /// Name of the participant.
    pub name: Option<String>,
    /// Only this invitation; without a name, of whoever has it.
    #[arg(long, value_name = "ID")]
    pub invitation: Option<String>,
    /// Waits until the participant has left, and prints what became of the invitation.
    #[arg(long)]
    pub wait: bool,
    /// For how long --wait waits.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration)]
    pub timeout: Duration,
}

/// Lists participants.
#[derive(Clone, Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub which: Which,
    /// The form.
    #[arg(long, short, value_enum, default_value = "table")]
    pub output: Form,
}

/// Tells each change of phase, and of what is wrong, in a line with its time, for ever.
#[derive(Clone, Debug, Args)]
pub struct Watch {
    #[command(flatten)]
    pub which: Which,
}

/// Which participants.
#[derive(Clone, Debug, Default, Args)]
pub struct Which {
    /// Those of all namespaces.
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Those with these labels, as role=host,tier!=test.
    #[arg(long, short = 'l')]
    pub selector: Option<String>,
}

/// In which form participants are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// What matters, in columns.
    Table,
    /// More columns.
    Wide,
    /// The objects as JSON.
    Json,
    /// The objects as YAML.
    Yaml,
    /// Their names, as kubectl takes them.
    Name,
}

/// Prints the address of the page that shows a participant, with the token that opens it.
#[derive(Clone, Debug, Args)]
pub struct Open {
    /// Name of the participant; vp/NAME as well.
    #[arg(value_parser = participant)]
    pub name: String,
    /// What whoever opens it may do; each lets do what the one before does.
    #[arg(long, value_enum, default_value_t = Role::View)]
    pub role: Role,
    /// Runs kubectl port-forward to the pod, prints the address on this machine, and ends with it. The page comes this way, and its
    /// picture and sound do not.
    #[arg(long)]
    pub port_forward: bool,
    /// Opens the page in the browser.
    #[arg(long)]
    pub browser: bool,
}

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Looks on.
    View,
    /// Works there: keyboard, pointer and clipboard.
    Control,
    /// Says as well who may.
    Admin,
}

impl Role {
    /// Of the Secret that holds the tokens.
    pub const fn key(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Control => "control",
            Self::Admin => "admin",
        }
    }
}

/// Prints the log of a participant's pod.
#[derive(Clone, Debug, Args)]
pub struct Logs {
    /// Name of the participant.
    pub name: String,
    /// Goes on with what is logged from now on.
    #[arg(long, short)]
    pub follow: bool,
    /// The log of the container before, or of the pod before if there was none.
    #[arg(long, short, conflicts_with = "follow")]
    pub previous: bool,
    /// Only what is younger, as 10m.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub since: Option<Duration>,
    /// Only so many lines from the end.
    #[arg(long, value_name = "LINES")]
    pub tail: Option<u32>,
}

/// Prints what has a shell complete this command's words.
#[derive(Clone, Copy, Debug, Args)]
pub struct Completion {
    /// Of which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// The command, under the name by which it was called.
pub fn command(called: &Path) -> clap::Command {
    let command = Cli::command();
    match called.file_stem().and_then(|name| name.to_str()) {
        Some(name) if name.starts_with("kubectl-") => command
            .name("kubectl-understudy")
            .bin_name("kubectl understudy")
            .display_name("kubectl understudy"),
        _ => command,
    }
}

/// Reads the words of a command line, the first of which is by what it was called.
pub fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let mut command = command(Path::new(words.first().map_or("understudy".as_ref(), OsString::as_os_str)));
    let matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// A name, or one as kubectl writes it.
fn participant(text: &str) -> Result<String, String> {
    match text.split_once('/') {
        None => Ok(text.to_owned()),
        Some(("vp" | "virtualparticipant" | "virtualparticipants", name)) if !name.is_empty() => {
            Ok(name.to_owned())
        }
        Some(_) => Err("a participant is written as NAME or vp/NAME".to_owned()),
    }
}

fn secret(text: &str) -> Result<SecretKey, String> {
    match text.split_once('/') {
        Some((name, key)) if !name.is_empty() && !key.is_empty() && !key.contains('/') => {
            Ok(SecretKey { name: name.to_owned(), key: key.to_owned() })
        }
        _ => Err("a value of a Secret is written as NAME/KEY".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        parse(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn the_command_is_sound() {
        command(Path::new("understudy")).debug_assert();
    }

    #[test]
    fn it_is_named_as_it_was_called() {
        for (called, usage) in [
            ("/usr/bin/understudy", "Usage: understudy kick"),
            ("/usr/bin/kubectl-understudy", "Usage: kubectl understudy kick"),
        ] {
            let help = read(&format!("{called} kick --help")).unwrap_err().to_string();
            assert!(help.contains(usage), "{help}");
        }
        let version = read("kubectl-understudy --version").unwrap_err().to_string();
        assert_eq!(version, format!("kubectl understudy {}\n", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn who_and_which_stage_are_said_once() {
        let invite = "understudy invite";
        for (line, is_usage) in [
            ("ada --whip https://stage.example/whip", true),
            ("-l role=host --ivs --token-file -", true),
            ("ada --ivs --token-secret show/token --wait", true),
            ("ada --whip https://a/ --join-before 2030-01-01T00:00:00Z --wait=connected", true),
            ("ada", false),
            ("--whip https://a/", false),
            ("ada -l role=host --whip https://a/", false),
            ("ada --ivs", false),
            ("ada --ivs --whip https://a/ --token-file t", false),
            ("ada --whip https://a/ --token-file t --token-secret a/b", false),
            ("ada --whip https://a/ --token-secret a", false),
            ("ada --whip https://a/ --join-within 1m --join-before 2030-01-01T00:00:00Z", false),
            ("ada --whip https://a/ --video-file a --video-stream b", false),
            ("ada --whip https://a/ --wait=famous", false),
        ] {
            assert_eq!(read(&format!("{invite} {line}")).is_ok(), is_usage, "{line}");
        }
    }

    #[test]
    fn a_wait_is_for_what_is_published_unless_it_is_said() {
        let goal = |wait: &str| match read(&format!("understudy invite ada --whip https://a/{wait}"))
            .unwrap()
            .command
        {
            Command::Invite(invite) => invite.wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [goal(""), goal(" --wait"), goal(" --wait=invited")],
            [None, Some(Goal::Published), Some(Goal::Invited)]
        );
    }

    #[test]
    fn a_page_is_opened_to_look_on_unless_it_is_said() {
        let open = |line: &str| match read(&format!("understudy open {line}")).unwrap().command {
            Command::Open(open) => (open.name, open.role),
            other => panic!("{other:?}"),
        };
        assert_eq!(open("ada"), ("ada".to_owned(), Role::View));
        assert_eq!(open("vp/ada --role control"), ("ada".to_owned(), Role::Control));
        assert_eq!(open("virtualparticipant/ada --role=admin"), ("ada".to_owned(), Role::Admin));
        for wrong in ["ada --role host", "pod/ada", "vp/"] {
            assert!(read(&format!("understudy open {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn where_it_works_may_be_said_after_the_command_as_well() {
        for line in ["understudy -n demo list", "understudy list -n demo"] {
            assert_eq!(read(line).unwrap().place.namespace.as_deref(), Some("demo"));
        }
    }
}
