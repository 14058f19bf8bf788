//! The command that a config becomes: what ffmpeg is given, and the same as it may be shown.
//!
//! ```text
//!   [ours] [options] ([options] [ours] -i address)… ([options] address)… [legs]
//! ```
//! What is ours is never stored. Nothing that lets others in is shown: not of addresses, and not the values of options that
//! have any.

mod secrets;

use super::config::{Config, Io};
use super::judge::{INPUT_FORMATS, Judged, Way};

pub use secrets::Secrets;

/// It reports on its standard output, asks nobody, and its log has lines alone.
const OURS: [&str; 4] = ["-nostdin", "-nostats", "-progress", "pipe:1"];

/// A command by its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub options: Vec<String>,
    pub inputs: Vec<Part>,
    pub outputs: Vec<Part>,
    /// What brings picture and sound to viewers; empty: nothing does.
    pub legs: Vec<String>,
}

/// An input or an output. The edge puts the address that it has judged in the place of a host, and options beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub options: Vec<String>,
    pub address: String,
    pub way: Way,
}

impl Command {
    /// `config` and what was judged of it.
    pub fn of(config: &Config, judged: &Judged, legs: Vec<String>) -> Self {
        Self {
            options: options(&config.options),
            inputs: parts(&config.input, &judged.inputs, input_options),
            outputs: parts(&config.output, &judged.outputs, transport),
            legs,
        }
    }

    /// The same without outputs: ffmpeg says what its inputs are, and ends.
    pub fn probe(config: &Config, judged: &Judged) -> Self {
        Self { outputs: Vec::new(), ..Self::of(config, judged, Vec::new()) }
    }

    pub fn arguments(&self) -> Vec<String> {
        self.listed(Clone::clone)
    }

    /// As states and logs show it.
    pub fn shown(&self, secrets: &Secrets) -> Vec<String> {
        let mut shown = secrets.options(&self.options);
        for (parts, is_input) in [(&self.inputs, true), (&self.outputs, false)] {
            for part in parts {
                shown.extend(secrets.options(&part.options));
                shown.extend(is_input.then(|| "-i".to_owned()));
                shown.push(secrets.address(&part.address));
            }
        }
        shown.extend(self.legs.iter().cloned());
        shown
    }

    fn listed(&self, each: impl Fn(&String) -> String) -> Vec<String> {
        let mut listed: Vec<_> = self.options.iter().map(&each).collect();
        for (parts, is_input) in [(&self.inputs, true), (&self.outputs, false)] {
            for part in parts {
                listed.extend(part.options.iter().map(&each));
                listed.extend(is_input.then(|| "-i".to_owned()));
                listed.push(each(&part.address));
            }
        }
        listed.extend(self.legs.iter().map(each));
        listed
    }
}

/// What ffmpeg says of its streams comes at the level `info`: a log that is to be quieter is as quiet as that.
fn options(options: &[String]) -> Vec<String> {
    let mut all: Vec<_> = OURS.iter().map(|&one| one.to_owned()).collect();
    all.extend(options.iter().cloned());
    let level = options.iter().rposition(|option| matches!(option.as_str(), "-loglevel" | "-v"));
    let level = level.and_then(|index| options.get(index + 1));
    if level.is_some_and(|level| !says_streams(level)) {
        all.extend(["-loglevel", "info"].map(str::to_owned));
    }
    all
}

/// Of `level+info`, `repeat+verbose`, `40`.
fn says_streams(level: &str) -> bool {
    const INFO: u32 = 32;
    level.split('+').all(|part| match part.parse::<u32>() {
        Ok(number) => number >= INFO,
        Err(_) => !matches!(part, "quiet" | "panic" | "fatal" | "error" | "warning"),
    })
}

fn parts(ios: &[Io], ways: &[Way], ours: impl Fn(&Io, &Way) -> Vec<String>) -> Vec<Part> {
    let part = |(io, way): (&Io, &Way)| Part {
        options: io.options.iter().cloned().chain(ours(io, way)).collect(),
        address: way.address(),
        way: way.clone(),
    };
    ios.iter().zip(ways).map(part).collect()
}

/// What it finds named in a playlist, or takes a file for, is held to what goes with the address.
fn input_options(io: &Io, way: &Way) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(protocols) = way.protocols() {
        options.extend(["-protocol_whitelist".to_owned(), protocols.to_owned()]);
        options.extend(["-format_whitelist".to_owned(), INPUT_FORMATS.join(",")]);
    }
    options.extend(transport(io, way));
    options
}

/// By UDP RTSP would send to wherever the server says.
fn transport(io: &Io, way: &Way) -> Vec<String> {
    let is_rtsp = matches!(way, Way::Pinned(endpoint) if endpoint.scheme.starts_with("rtsp"));
    match is_rtsp && !io.options.iter().any(|option| option == "-rtsp_transport") {
        true => ["-rtsp_transport", "tcp"].map(str::to_owned).to_vec(),
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
